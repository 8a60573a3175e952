"""An empty Debian machine: a folder made by debootstrap, with mounts, processes and a network of its own.

Runs inside the namespaces of `.ci/follow-operations`, which end with it: nothing is to be undone. One wire
leads from the machine to us; what must come from registries is run in the network that process 1 is in.
"""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

# They count as public, as nothing is fetched from other addresses in production; they are on this wire alone.
MACHINE, PARTNER = "11.22.33.43", "11.22.33.44"
NAMES = {MACHINE: "calls.example.com", PARTNER: "partner.example.com"}
# What finds the registries here; it goes to steps that ask them, and into no file that stays.
_REGISTRIES = ("PIP_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
_SYSTEMCTL = Path(__file__).with_name("systemctl")


class StepFailed(Exception):
    pass


class Machine:
    def __init__(self, root: Path) -> None:
        self.root = root
        self._mount()
        self._find_registries()
        self._lay_wire()
        self._add_systemctl()

    def run(self, commands: str, *, online: bool = False) -> str:
        """What the commands print, by root's bash; raises StepFailed with the last of it."""
        network = "/proc/1/ns/net" if online else f"/proc/{self._network}/ns/net"
        shell = ["chroot", str(self.root), "bash", "-euo", "pipefail", "-c", f"cd /root\n{commands}"]
        # To a file: what a step leaves running must not keep us waiting for the end of a pipe.
        with tempfile.TemporaryFile("w+") as said:
            done = subprocess.run(
                ["nsenter", f"--net={network}", *shell],
                env=self._environment(online=online),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )
            said.seek(0)
            text = said.read()
        if done.returncode:
            raise StepFailed(f"exit code {done.returncode}\n{text[-4000:]}")
        return text

    def write(self, path: str, content: bytes) -> None:
        (self.root / path.lstrip("/")).write_bytes(content)

    def read(self, path: str) -> str:
        return (self.root / path.lstrip("/")).read_text()

    def _mount(self) -> None:
        for name in ("proc", "sys", "dev"):
            subprocess.run(["mount", "--rbind", f"/{name}", self.root / name], check=True)
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", self.root / "run"], check=True)

    def _find_registries(self) -> None:
        """What apt and pip are told on this machine."""
        shutil.copy("/etc/resolv.conf", self.root / "etc/resolv.conf")
        shutil.copy(_AUTHORITIES, self.root / "run/authorities.pem")
        for path in [*Path("/etc/apt").glob("sources.list*"), *Path("/etc/apt/apt.conf.d").glob("99*")]:
            copy = shutil.copytree if path.is_dir() else shutil.copy
            copy(
                path, self.root / str(path).lstrip("/"), **({"dirs_exist_ok": True} if path.is_dir() else {})
            )
        self._pip = _pip_settings()
        for folder in _local_folders(self._pip):
            inside = self.root / folder.lstrip("/")
            inside.mkdir(parents=True, exist_ok=True)
            subprocess.run(["mount", "--bind", "-o", "ro", folder, inside], check=True)

    def _environment(self, *, online: bool) -> dict[str, str]:
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        environment = {"PATH": path, "HOME": "/root", "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        if not online:
            return environment
        given = {name: value for name, value in os.environ.items() if name.startswith(_REGISTRIES)}
        return {**environment, **self._pip, **given, "PIP_CERT": "/run/authorities.pem"}

    def _lay_wire(self) -> None:
        holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        self._network = holder.pid
        ours = os.readlink("/proc/self/ns/net")
        while os.readlink(f"/proc/{holder.pid}/ns/net") == ours:
            time.sleep(0.01)
        for command in (
            f"ip link add partner0 type veth peer name machine0 netns {holder.pid}",
            f"ip addr add {PARTNER}/24 dev partner0",
            "ip link set partner0 up",
            "ip link set lo up",
            f"nsenter --net=/proc/{holder.pid}/ns/net ip addr add {MACHINE}/24 dev machine0",
            f"nsenter --net=/proc/{holder.pid}/ns/net ip link set machine0 up",
            f"nsenter --net=/proc/{holder.pid}/ns/net ip link set lo up",
        ):
            subprocess.run(command.split(), check=True)
        hosts = "127.0.0.1 localhost\n" + "".join(f"{address} {name}\n" for address, name in NAMES.items())
        self.write("/etc/hosts", hosts.encode())
        # Ours too, in these namespaces only.
        subprocess.run(["mount", "--bind", self.root / "etc/hosts", "/etc/hosts"], check=True)

    def _add_systemctl(self) -> None:
        """And nobody starts a service because its package was installed: the page does."""
        shutil.copytree(_SYSTEMCTL, self.root / "usr/local/lib/small-systemd/systemctl")
        for path, command in {
            "/usr/local/bin/systemctl": 'cd /usr/local/lib/small-systemd && exec python3 -m systemctl "$@"',
            "/usr/sbin/policy-rc.d": "exit 101",
        }.items():
            self.write(path, f"#!/bin/sh\n{command}\n".encode())
            (self.root / path.lstrip("/")).chmod(0o755)


def _pip_settings() -> dict[str, str]:
    """pip's configuration on this machine, as environment variables."""
    listed = subprocess.run(
        ["python3", "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    pairs = (line.split("=", 1) for line in listed.splitlines() if line.startswith("global."))
    return {
        f"PIP_{name.removeprefix('global.').replace('-', '_').upper()}": value.strip("'")
        for name, value in pairs
    }


def _local_folders(settings: dict[str, str]) -> list[str]:
    """Folders of this machine that pip takes packages from; an index's files lie beside it."""
    folders = set()
    for name, value in settings.items():
        for part in map(urlsplit, value.split()):
            if part.scheme in ("", "file") and Path(part.path).is_dir():
                folders.add(str(Path(part.path).parent) if "INDEX" in name else part.path)
    return sorted(folders)

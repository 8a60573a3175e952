"""Runs programs of an unpacked image much as a container engine would; needs root, and a mount namespace.

The root is the image's and read-only, the user the image's, with no capability and none to be gained;
writable is what is mounted (`TMPFS`) and nothing else. The network is the host's, for its loopback.
"""

import ctypes
import json
import os
import stat
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from zipingest.supervisor import die_with_parent

# As in compose.yaml.
TMPFS = ("tmp", "data")
BLOBS = "blobs"
GRACE_SECONDS = 60

_DEVICES = ("null", "zero", "full", "random", "urandom")
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITIES = int(Path("/proc/sys/kernel/cap_last_cap").read_text()) + 1
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Image:
    """Its unpacked root, and what its configuration says to run, in which environment, as whom and where."""

    root: Path
    entrypoint: list[str]
    command: list[str]
    environment: dict[str, str]
    user: int
    group: int
    folder: str

    @classmethod
    def read(cls, root: Path, configuration: Path) -> "Image":
        """`configuration` holds what `buildah inspect` says of the image."""
        config = json.loads(configuration.read_text())["Docker"]["config"]
        user, group = config["User"].split(":")
        return cls(
            root=root,
            entrypoint=config["Entrypoint"],
            command=config["Cmd"],
            environment=dict(entry.split("=", 1) for entry in config["Env"]),
            user=int(user),
            group=int(group),
            folder=config["WorkingDir"],
        )


class Container:
    """One process tree of the image. Its output goes to ``folder``/``name``.log."""

    def __init__(self, image: Image, name: str, *, folder: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._image = image
        self._environment = {**image.environment, **environment}
        self._root = folder / name
        self._mount(folder / BLOBS)

    def start(self, *command: str) -> None:
        """The image's entry point with ``command``, or with the image's own."""
        with self.log.open("wb") as log:
            self.process = self._popen([*self._image.entrypoint, *(command or self._image.command)], log)

    def run(
        self, *command: str, entrypoint: Sequence[str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """To its end; ``entrypoint`` stands in for the image's."""
        words = [*(self._image.entrypoint if entrypoint is None else entrypoint), *command]
        with self._popen(words, subprocess.PIPE) as process:
            output, _ = process.communicate()
        return subprocess.CompletedProcess(words, process.returncode, output.decode(errors="replace"))

    def end(self) -> int:
        """The exit code after SIGTERM; a process that does not end in time is killed (-9)."""
        assert self.process is not None
        self.process.terminate()
        try:
            return self.process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def _popen(self, words: Sequence[str], output: object) -> "subprocess.Popen[bytes]":
        parent = os.getpid()
        return subprocess.Popen(
            words,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=lambda: self._enter(parent),
        )

    def _enter(self, parent: int) -> None:
        os.chroot(self._root)
        os.chdir(self._image.folder)
        _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        for capability in range(_CAPABILITIES):
            _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
        os.setgroups([])
        os.setgid(self._image.group)
        os.setuid(self._image.user)
        die_with_parent(parent)  # last: a change of user clears it

    def _mount(self, blobs: Path) -> None:
        root = self._root
        root.mkdir()
        _mount("--bind", self._image.root, root)
        _mount("-o", "remount,bind,ro,nosuid", root)
        _mount("-t", "proc", "proc", root / "proc")
        _mount_devices(root / "dev")
        for name in TMPFS:
            options = f"nosuid,nodev,uid={self._image.user},gid={self._image.group}"
            _mount("-t", "tmpfs", "-o", options, "tmpfs", root / name)
        if not blobs.exists():
            blobs.mkdir()
            os.chown(blobs, self._image.user, self._image.group)
        _mount("--bind", blobs, root / BLOBS)


def _mount_devices(folder: Path) -> None:
    """Devices of its own: whatever goes wrong, this machine's are not below the folder."""
    _mount("-t", "tmpfs", "-o", "nosuid,mode=755", "tmpfs", folder)
    for name in _DEVICES:
        number = Path("/dev", name).stat().st_rdev
        os.mknod(folder / name, stat.S_IFCHR, number)
        (folder / name).chmod(0o666)
    (folder / "shm").mkdir()
    _mount("-t", "tmpfs", "-o", "nosuid,nodev,mode=1777", "tmpfs", folder / "shm")


def _mount(*arguments: str | Path) -> None:
    subprocess.run(["mount", *arguments], check=True)

"""One service and its process."""

import os
import pwd
import shlex
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from .units import Refused, Unit, one, words

LOGS = Path("/var/log/units")


class Service:
    """A service of ours and its process, started again when it ends unasked and the unit says so."""

    def __init__(self, name: str, unit: Unit, sockets: Mapping[str, socket.socket]) -> None:
        self.name, self.unit, self.sockets = name, unit, sockets
        self.process: subprocess.Popen[bytes] | None = None
        self.wanted = False

    @property
    def active(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def _log(self) -> Path:
        return LOGS / f"{self.name}.log"

    def start(self) -> None:
        if self.active:
            return
        kind = one(self.unit, "Service", "Type", "simple")
        self.wanted = kind != "oneshot"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
            notices.bind(f"\0{self.name}")
            self.process = self._spawn()
            if kind == "oneshot" and self.process.wait():
                raise Refused(f"Job for {self.name} failed: exit code {self.process.returncode}.")
            if self.wanted:
                threading.Thread(target=self._watch, args=(self.process,), daemon=True).start()
            if kind == "notify":
                self._wait_until_ready(notices)

    def stop(self) -> None:
        self.wanted = False
        if self.process is None or not self.active:
            return
        self.process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(float(one(self.unit, "Service", "TimeoutStopSec", "90")))
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _wait_until_ready(self, notices: socket.socket) -> None:
        """Until the process says so (sd_notify(3)); services of other types are not waited for."""
        deadline = time.monotonic() + 90
        notices.settimeout(0.1)
        while self.active and time.monotonic() < deadline:
            with suppress(TimeoutError):
                if b"READY=1" in notices.recv(4096).split(b"\n"):
                    return
        raise Refused(f"Job for {self.name} failed: {self._last_words()}")

    def _watch(self, process: "subprocess.Popen[bytes]") -> None:
        code = process.wait()
        if self.wanted and one(self.unit, "Service", "Restart") == "always":
            with self._log.open("a") as log:
                log.write(f"{self.name} ended unasked with {code}\n")
            time.sleep(float(one(self.unit, "Service", "RestartSec", "0.1")))
            if self.wanted:
                self.process = self._spawn()
                threading.Thread(target=self._watch, args=(self.process,), daemon=True).start()

    def _spawn(self) -> "subprocess.Popen[bytes]":
        account = pwd.getpwnam(one(self.unit, "Service", "User", "root"))
        environment = self._environment(account)
        arguments = shlex.split(one(self.unit, "Service", "ExecStart"))
        command = [word if not word.startswith("$") else environment.get(word[1:], "") for word in arguments]
        sockets = [self.sockets[name] for name in words(self.unit, "Service", "Sockets")]
        for state in words(self.unit, "Service", "StateDirectory"):
            folder = Path("/var/lib", state)
            folder.mkdir(exist_ok=True)
            os.chown(folder, account.pw_uid, account.pw_gid)
        LOGS.mkdir(exist_ok=True)
        with self._log.open("ab") as log:
            # LISTEN_PID is the child's own number, and what it listens on is its descriptor 3.
            return subprocess.Popen(
                ["/bin/sh", "-c", 'export LISTEN_PID=$$; exec "$@"', "unit", *command],
                cwd=one(self.unit, "Service", "WorkingDirectory", "/"),
                env={**environment, **({"LISTEN_FDS": str(len(sockets))} if sockets else {})},
                user=account.pw_uid,
                group=account.pw_gid,
                extra_groups=os.getgrouplist(account.pw_name, account.pw_gid),
                umask=int(one(self.unit, "Service", "UMask", "0022"), 8),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=[3] if sockets else [],
                preexec_fn=(lambda: _as_third(sockets[0])) if sockets else None,
            )

    def _environment(self, account: pwd.struct_passwd) -> dict[str, str]:
        environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": account.pw_dir,
            "USER": account.pw_name,
            "LANG": "C.UTF-8",
            "NOTIFY_SOCKET": f"@{self.name}",
        }
        for value in self.unit["Service"]["Environment"]:
            environment |= dict(word.split("=", 1) for word in shlex.split(value))
        for path in words(self.unit, "Service", "EnvironmentFile"):
            for line in Path(path).read_text().splitlines():
                if line and not line.startswith("#"):
                    name, _, value = line.partition("=")
                    environment[name] = value.strip('"')
        return environment

    def _last_words(self) -> str:
        return self._log.read_text()[-2000:]


def _as_third(listener: socket.socket) -> None:
    os.dup2(listener.fileno(), 3, inheritable=True)

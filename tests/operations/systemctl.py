#!/usr/bin/python3
"""systemctl where systemd is not process 1, as in a chroot: for Debian's own services their init scripts, for
ours the unit files, read and done: command, account, folder, environment, sockets, signals, restarts.

What a unit says beyond that (the sandbox above all) is not done; the first start says so. Only the standard
library is needed: it runs by the Python of the machine that it is copied to.
"""

import json
import os
import pwd
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

UNITS = Path("/etc/systemd/system")
DOOR = Path("/run/small-systemd")
LOGS = Path("/var/log/units")
DONE = {
    "Unit": {"Description", "After", "Wants", "Requires", "PartOf"},
    "Socket": {"ListenStream", "Backlog", "Service"},
    "Service": {
        "Type", "User", "Group", "WorkingDirectory", "EnvironmentFile", "Environment", "ExecStart", "Sockets",
        "Restart", "RestartSec", "KillMode", "TimeoutStopSec", "TimeoutStartSec", "StateDirectory", "UMask",
    },
}  # fmt: skip
Unit = dict[str, dict[str, list[str]]]


class Refused(Exception):
    pass


def read_unit(name: str) -> Unit:
    """Sections of directives, each with all its values; drop-ins come last, as in systemd.unit(5)."""
    stem, at, rest = name.partition("@")
    instance, suffix = rest.rpartition(".")[::2] if at else ("", name.rpartition(".")[2])
    main = UNITS / (f"{stem}@.{suffix}" if at else name)
    if not main.exists():
        raise Refused(f"Unit {name} not found.")
    prefix = stem.rpartition(".")[0] if not at else stem
    found = [main]
    for end in (position for position, sign in enumerate(prefix) if sign == "-"):
        found += sorted((UNITS / f"{prefix[: end + 1]}.{suffix}.d").glob("*.conf"))
    found += sorted((UNITS / f"{name}.d").glob("*.conf"))
    unit: Unit = defaultdict(lambda: defaultdict(list))
    for path in found:
        _read_into(unit, path.read_text().replace("%i", instance))
    return unit


def _read_into(unit: Unit, text: str) -> None:
    section = ""
    for line in text.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith(("#", ";")):
            name, _, value = line.partition("=")
            unit[section][name].append(value)


def one(unit: Unit, section: str, name: str, default: str = "") -> str:
    return unit[section][name][-1] if unit[section][name] else default


def words(unit: Unit, section: str, name: str) -> list[str]:
    return [word for value in unit[section][name] for word in value.split()]


class Service:
    """A service of ours and its process, started again when it ends unasked and the unit says so."""

    def __init__(self, name: str, unit: Unit, manager: "Manager") -> None:
        self.name, self.unit, self.manager = name, unit, manager
        self.process: subprocess.Popen[bytes] | None = None
        self.wanted = False

    @property
    def active(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        if self.active:
            return
        self.wanted, is_oneshot = True, one(self.unit, "Service", "Type") == "oneshot"
        self.process = self._spawn()
        if is_oneshot:
            self.wanted = False
            if self.process.wait():
                raise Refused(f"Job for {self.name} failed: exit code {self.process.returncode}.")
            return
        threading.Thread(target=self._watch, args=(self.process,), daemon=True).start()
        time.sleep(1)
        if not self.active:
            raise Refused(f"Job for {self.name} failed: {self._last_words()}")

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

    def _watch(self, process: "subprocess.Popen[bytes]") -> None:
        process.wait()
        if self.wanted and one(self.unit, "Service", "Restart") == "always":
            time.sleep(float(one(self.unit, "Service", "RestartSec", "0.1")))
            if self.wanted:
                self.process = self._spawn()
                threading.Thread(target=self._watch, args=(self.process,), daemon=True).start()

    def _spawn(self) -> "subprocess.Popen[bytes]":
        account = pwd.getpwnam(one(self.unit, "Service", "User", "root"))
        environment = self._environment(account)
        arguments = shlex.split(one(self.unit, "Service", "ExecStart"))
        command = [word if not word.startswith("$") else environment.get(word[1:], "") for word in arguments]
        sockets = [self.manager.sockets[name] for name in words(self.unit, "Service", "Sockets")]
        for state in words(self.unit, "Service", "StateDirectory"):
            folder = Path("/var/lib", state)
            folder.mkdir(exist_ok=True)
            os.chown(folder, account.pw_uid, account.pw_gid)
        LOGS.mkdir(exist_ok=True)
        with (LOGS / f"{self.name}.log").open("ab") as log:
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
            "HOME": account.pw_dir, "USER": account.pw_name, "LANG": "C.UTF-8",
        }  # fmt: skip
        for value in self.unit["Service"]["Environment"]:
            environment |= dict(word.split("=", 1) for word in shlex.split(value))
        for path in words(self.unit, "Service", "EnvironmentFile"):
            for line in Path(path).read_text().splitlines():
                if line and not line.startswith("#"):
                    name, _, value = line.partition("=")
                    environment[name] = value.strip('"')
        return environment

    def _last_words(self) -> str:
        return (LOGS / f"{self.name}.log").read_text()[-2000:]


def _as_third(listener: socket.socket) -> None:
    os.dup2(listener.fileno(), 3, inheritable=True)


class Manager:
    """What systemd is to systemctl: keeps services and sockets."""

    def __init__(self) -> None:
        self.services: dict[str, Service] = {}
        self.sockets: dict[str, socket.socket] = {}
        self.told: set[str] = set()

    def do(self, verb: str, name: str, say: list[str]) -> None:
        if name.endswith(".target"):
            for each in words(read_unit(name), "Unit", "Wants"):
                self.do(verb, each, say)
        elif name.endswith(".socket"):
            self._socket(verb, name)
        elif name.endswith(".timer"):
            read_unit(name)
            say.append(f"{name}: there is nobody here to start it by the clock")
        else:
            self._service(verb, name, say)

    def _socket(self, verb: str, name: str) -> None:
        if verb == "start" and name not in self.sockets:
            unit = read_unit(name)
            host, _, port = one(unit, "Socket", "ListenStream").rpartition(":")
            backlog = int(one(unit, "Socket", "Backlog", "128"))
            self.sockets[name] = socket.create_server((host, int(port)), backlog=backlog)
        if verb == "stop" and name in self.sockets:
            self.sockets.pop(name).close()

    def _service(self, verb: str, name: str, say: list[str]) -> None:
        if verb == "is-active":
            known = self.services.get(name)
            say.append("active" if known and known.active else "inactive")
            if not (known and known.active):
                raise Refused("")
        if verb in ("stop", "restart") and name in self.services:
            self.services[name].stop()
        if verb in ("start", "restart"):
            unit = read_unit(name)
            self._tell_what_is_left_out(unit, say)
            for needed in words(unit, "Unit", "Requires"):
                self.do("start", needed, say)
            if name not in self.services or not self.services[name].active:
                self.services[name] = Service(name, unit, self)
            self.services[name].start()

    def _tell_what_is_left_out(self, unit: Unit, say: list[str]) -> None:
        left = {name for section, done in DONE.items() for name in unit[section] if name not in done}
        if left - self.told:
            say.append(f"(only by systemd itself: {', '.join(sorted(left - self.told))})")
            self.told |= left


def serve() -> None:
    manager = Manager()
    DOOR.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(DOOR))
        door.listen()
        while True:
            asking, _ = door.accept()
            with asking, asking.makefile("rw") as talk:
                answer = _answer(manager, json.loads(talk.readline()))
                talk.write(json.dumps(answer) + "\n")
                talk.flush()


def _answer(manager: Manager, asked: list[str]) -> tuple[int, list[str]]:
    say: list[str] = []
    verb, *names = asked
    try:
        for name in names:
            manager.do(verb, name, say)
    except (Refused, OSError, KeyError) as error:
        return 1, [*say, *filter(None, [str(error)])]
    return 0, say


def ask(verb: str, names: list[str]) -> int:
    if not DOOR.exists():
        subprocess.Popen(
            [sys.executable, __file__, "--serve"], start_new_session=True, stdin=subprocess.DEVNULL
        )
        while not DOOR.exists():
            time.sleep(0.05)
    with socket.socket(socket.AF_UNIX) as door:
        door.connect(str(DOOR))
        with door.makefile("rw") as talk:
            talk.write(json.dumps([verb, *names]) + "\n")
            talk.flush()
            code, lines = json.loads(talk.readline())
    print(*lines, sep="\n", end="\n" if lines else "")
    return code


def main(arguments: list[str]) -> int:
    if arguments == ["--serve"]:
        serve()
    flags, (verb, *names) = (
        [word for word in arguments if word[0] == "-"],
        [w for w in arguments if w[0] != "-"],
    )
    names = [name if "." in name else f"{name}.service" for name in names]
    if verb == "enable":
        for name in names:
            if not _is_debians(name):
                read_unit(name)
        if "--now" not in flags:
            return 0
        verb = "start"
    if verb == "daemon-reload":
        return 0
    if verb not in ("start", "stop", "restart", "reload", "is-active"):
        print(f"systemctl {verb} is not done here")
        return 1
    for name in filter(_is_debians, names):
        done = subprocess.run(["service", name.removesuffix(".service"), verb], stdin=subprocess.DEVNULL)
        if done.returncode:
            return done.returncode
    ours = [name for name in names if not _is_debians(name)]
    return ask(verb, ours) if ours else 0


def _is_debians(name: str) -> bool:
    return Path("/etc/init.d", name.removesuffix(".service")).exists()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

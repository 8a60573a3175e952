"""What systemd is to systemctl: keeps services, sockets and timers."""

import json
import socket
from fnmatch import fnmatch
from pathlib import Path

from .service import Service
from .units import DONE, UNITS, Refused, Unit, one, read_unit, words

DOOR = Path("/run/small-systemd")


class Manager:
    def __init__(self) -> None:
        self.services: dict[str, Service] = {}
        self.sockets: dict[str, socket.socket] = {}
        self.timers: set[str] = set()
        self.told: set[str] = set()

    def do(self, verb: str, name: str, say: list[str]) -> None:
        if "*" in name:
            for each in filter(lambda known: fnmatch(known, name), self._running()):
                self.do(verb, each, say)
        elif name.endswith(".target"):
            for each in self._wanted_by(name) if verb == "start" else self._parts_of(name):
                self.do(verb, each, say)
        elif name.endswith(".socket"):
            self._socket(verb, name)
        elif name.endswith(".timer"):
            self._timer(verb, name, say)
        else:
            self._service(verb, name, say)

    def _running(self) -> list[str]:
        services = [name for name, service in self.services.items() if service.wanted]
        return [*services, *self.sockets, *self.timers]

    @staticmethod
    def _wanted_by(target: str) -> list[str]:
        enabled = sorted(path.name for path in (UNITS / f"{target}.wants").glob("*"))
        return [*words(read_unit(target), "Unit", "Wants"), *enabled]

    def _parts_of(self, target: str) -> list[str]:
        return [name for name in self._running() if target in words(read_unit(name), "Unit", "PartOf")]

    def _timer(self, verb: str, name: str, say: list[str]) -> None:
        """There is nobody here who starts anything by the clock."""
        if verb == "is-active":
            _say_whether(name in self.timers, say)
        elif verb == "stop":
            self.timers.discard(name)
        else:
            read_unit(name)
            self.timers.add(name)

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
            _say_whether(name in self.services and self.services[name].active, say)
        if verb in ("stop", "restart") and name in self.services:
            self.services[name].stop()
        if verb in ("start", "restart"):
            unit = read_unit(name)
            self._tell_what_is_left_out(unit, say)
            for needed in words(unit, "Unit", "Requires"):
                self.do("start", needed, say)
            known = self.services.get(name)
            if known is None or not known.active:
                if known:  # it would start itself again
                    known.stop()
                self.services[name] = Service(name, unit, self.sockets)
                self.services[name].start()

    def _tell_what_is_left_out(self, unit: Unit, say: list[str]) -> None:
        left = {name for section, done in DONE.items() for name in unit[section] if name not in done}
        if left - self.told:
            say.append(f"(only by systemd itself: {', '.join(sorted(left - self.told))})")
            self.told |= left


def _say_whether(active: bool, say: list[str]) -> None:
    say.append("active" if active else "inactive")
    if not active:
        raise Refused("")


def serve() -> None:
    manager = Manager()
    unready = DOOR.with_suffix(".unready")
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(unready))
        door.listen()
        unready.rename(DOOR)  # whoever sees it is let in
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

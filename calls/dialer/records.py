"""A contact as it is handed in, checked against what the agents of its batch must know (dialer spec)."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Self
from zoneinfo import available_timezones

from calls.dialer.models import VoiceAgent
from zipingest.api.body import unstorable

PHONE_FIELD = "phoneNumber"
ZONE_FIELD = "timezone"
MOST_NAME = 255

_BLOCK = 500

# A form and no numbering plan: E.164, with or without its plus sign.
_PHONE = re.compile(r"\+?([1-9][0-9]{1,14})", re.ASCII)
_TYPES: dict[str, tuple[type, ...]] = {"string": (str,), "number": (int, float), "boolean": (bool,)}


@dataclass(frozen=True, slots=True)
class Record:
    """``phone`` is E.164; ``time_zone`` "" where the record names none."""

    phone: str
    time_zone: str
    variables: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a record; ``error`` is a whole sentence without the record's place."""

    field: str
    error: str


@dataclass(frozen=True, slots=True)
class Variable:
    key: str
    required: bool
    type: str

    def problem(self, given: dict[str, Any]) -> Problem | None:
        value = given.get(self.key)
        if value is None or value == "":
            error = f"missing required variable '{self.key}'"
            return Problem(self.key, error) if self.required else None
        if isinstance(value, _TYPES[self.type]) and (self.type == "boolean") == isinstance(value, bool):
            return None
        return Problem(self.key, f"variable '{self.key}' must be a {self.type}")


@dataclass(frozen=True, slots=True)
class Rules:
    """The variables of all agents that may come to speak with a contact."""

    variables: tuple[Variable, ...]

    @classmethod
    def of(cls, agents: Iterable[VoiceAgent]) -> Self:
        wanted: dict[tuple[str, str], bool] = {}
        for agent in agents:
            for each in agent.variables:
                name = (each["key"], each.get("type", "string"))
                wanted[name] = wanted.get(name, False) or bool(each.get("required"))
        return cls(tuple(Variable(key, required, type_) for (key, type_), required in wanted.items()))

    def type_of(self, key: str) -> str:
        return next((each.type for each in self.variables if each.key == key), "string")

    def read(self, given: Any, *, storable: bool = False) -> Record | list[Problem]:
        """The record, or everything that is wrong with it. ``given`` is used up.

        ``storable``: it is known that a database keeps all of it.
        """
        if not isinstance(given, dict):
            return [Problem("", "must be an object")]
        phone = normalised_phone(given.get(PHONE_FIELD))
        problems = self._problems(given, phone)
        if not storable:
            problems += [Problem(str(path[0]), f"{path[0]} {text}") for path, text in unstorable(given)]
        if problems or phone is None:
            return problems
        del given[PHONE_FIELD]
        return Record(phone, given.get(ZONE_FIELD) or "", given)

    def read_all(self, given: Sequence[Any]) -> Iterator[Record | list[Problem]]:
        """:meth:`read` of each; what can be asked of many at once is asked of a few hundred."""
        for start in range(0, len(given), _BLOCK):
            block = given[start : start + _BLOCK]
            storable = not unstorable(block)
            for each in block:
                yield self.read(each, storable=storable)

    def _problems(self, given: dict[str, Any], phone: str | None) -> list[Problem]:
        found = [variable.problem(given) for variable in self.variables]
        found += [_zone_problem(given), _name_problem(given)]
        problems = [problem for problem in found if problem is not None]
        return problems if phone else [_phone_problem(given), *problems]


def normalised_phone(given: Any) -> str | None:
    """``given`` as E.164; None where it is nothing of the kind."""
    found = _PHONE.fullmatch(given) if isinstance(given, str) else None
    return f"+{found[1]}" if found else None


def is_zone(name: Any) -> bool:
    return isinstance(name, str) and name in _zones()


def split(records: Sequence[Record], size: int) -> list[Sequence[Record]]:
    return [records[start : start + size] for start in range(0, len(records), size)]


def _phone_problem(given: dict[str, Any]) -> Problem:
    if given.get(PHONE_FIELD) in (None, ""):
        return Problem(PHONE_FIELD, f"missing required field '{PHONE_FIELD}'")
    return Problem(PHONE_FIELD, f"{PHONE_FIELD} must be the digits of an E.164 number, with or without +")


def _zone_problem(given: dict[str, Any]) -> Problem | None:
    zone = given.get(ZONE_FIELD)
    if not zone or is_zone(zone):
        return None
    return Problem(ZONE_FIELD, f"{ZONE_FIELD} must be the name of a time zone, like America/Los_Angeles")


def _name_problem(given: dict[str, Any]) -> Problem | None:
    longest = max(map(len, given), default=0)
    return (
        Problem("", f"names must not be longer than {MOST_NAME} characters") if longest > MOST_NAME else None
    )


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())

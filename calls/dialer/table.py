"""Contacts of a file: columns become variables, one of them is the phone; all is checked, then kept aside.

The records wait in a temporary file: nothing is stored before the last row has been looked at, and a row
costs no memory but its phone.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import Any, BinaryIO

from calls.dialer import sheets
from calls.dialer.records import PHONE_FIELD, Problem, Record, Rules
from calls.dialer.sheets import Row, UnreadableFile

MOST_CONTACTS = 100_000
MOST_PROBLEMS = 1000
# Few texts may stand in very many cells.
_MOST_BYTES = 256 * 1024 * 1024
_PHONE_NAMES = ("phonenumber", "phone")
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class RowProblem:
    """``row`` as the file's program shows it, from 1; that is the row of the names."""

    row: int
    problem: Problem


class UnfitTable(Exception):
    """What is wrong with the rows, MOST_PROBLEMS of it at most."""

    def __init__(self, problems: list[RowProblem]) -> None:
        super().__init__(problems)
        self.problems = problems


class Contacts:
    """The checked records of a file; close it. ``repeated``: rows left out, their phone had come before."""

    def __init__(self, file: BinaryIO, rules: Rules) -> None:
        """Raises UnreadableFile or UnfitTable."""
        self._kept = TemporaryFile()  # noqa: SIM115 - close() closes it
        self._bytes = 0
        self._rules = rules
        self._phones: set[str] = set()
        self._problems: list[RowProblem] = []
        self.repeated = 0
        try:
            self._read(sheets.rows(file))
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        return len(self._phones)

    def __iter__(self) -> Iterator[Record]:
        self._kept.seek(0)
        for line in self._kept:
            yield Record(*json.loads(line))

    def close(self) -> None:
        self._kept.close()

    def _read(self, rows: Iterator[Row]) -> None:
        names = _names(next(rows, (0, []))[1])
        types = [self._rules.type_of(name) for name in names]
        for number, cells in rows:
            if any(cells) and not self._take(number, _given(names, types, cells)):
                break
        if self._problems:
            raise UnfitTable(self._problems)
        if not self._phones:
            raise UnreadableFile("it has no contacts")

    def _take(self, number: int, given: dict[str, Any] | Problem) -> bool:
        """False where so much is wrong that the rest need not be looked at."""
        read = [given] if isinstance(given, Problem) else self._rules.read(given)
        if isinstance(read, Record):
            self._keep(read)
        else:
            self._problems += [RowProblem(number, problem) for problem in read]
        del self._problems[MOST_PROBLEMS:]
        return len(self._problems) < MOST_PROBLEMS

    def _keep(self, record: Record) -> None:
        if record.phone in self._phones:
            self.repeated += 1
            return
        self._phones.add(record.phone)
        line = json.dumps([record.phone, record.time_zone, record.variables]).encode() + b"\n"
        self._bytes += len(line)
        if len(self._phones) > MOST_CONTACTS:
            raise UnreadableFile(f"it has more than {MOST_CONTACTS} contacts")
        if self._bytes > _MOST_BYTES:
            raise UnreadableFile("it holds too much text")
        self._kept.write(line)


def _names(cells: list[str]) -> list[str]:
    """The variables that the columns are; whatever a file calls the phone, here it has its one name."""
    while cells and not cells[-1]:
        cells.pop()
    phones = [place for place, name in enumerate(cells) if name.lower() in _PHONE_NAMES]
    if len(phones) != 1:
        problem = "has no column" if not phones else "has several columns"
        raise UnreadableFile(f"its first row {problem} phoneNumber or phone")
    if "" in cells:
        raise UnreadableFile(f"column {cells.index('') + 1} has no name")
    names = [PHONE_FIELD if place in phones else name for place, name in enumerate(cells)]
    if len(set(names)) < len(names):
        raise UnreadableFile("two columns have the same name")
    return names


def _given(names: list[str], types: list[str], cells: list[str]) -> dict[str, Any] | Problem:
    if any(cells[len(names) :]):
        return Problem("", "has more cells than there are columns")
    filled = ((name, type_, cell) for name, type_, cell in zip(names, types, cells, strict=False) if cell)
    return {name: _value(cell, type_) for name, type_, cell in filled}


def _value(cell: str, type_: str) -> Any:
    """What the agent's variable takes, where the cell can be read as that; its text otherwise."""
    if type_ == "boolean":
        return _BOOLEANS.get(cell.lower(), cell)
    if type_ == "number":
        try:
            value = json.loads(cell)
        except ValueError:
            return cell
        return value if isinstance(value, int | float) else cell
    return cell

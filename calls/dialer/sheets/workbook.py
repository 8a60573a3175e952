"""The first sheet of an XLSX file (ECMA-376 part 1, section 18), front to back.

Every part is parsed as it is unpacked. What is kept of the file is its shared texts, and they are limited in
number and length; so is everything else that a hostile file may have too much of.
"""

from array import array
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import BinaryIO
from zipfile import BadZipFile, ZipFile
from zlib import error as ZlibError

from calls.dialer.sheets.reading import (
    MOST_CHARACTERS,
    MOST_COLUMNS,
    MOST_ROWS,
    Row,
    TooLongCell,
    TooManyColumns,
    TooManyRows,
    UnreadableFile,
)
from calls.dialer.sheets.xml import Attributes, local, parsed

MOST_UNPACKED = 200 * 1024 * 1024
MOST_TEXTS = 2_000_000
MOST_TEXT_BYTES = 64 * 1024 * 1024

# Day 0 of a date; 1900 as a leap year is Excel's own, so it is right from 1 March 1900 on.
_EPOCH = datetime(1899, 12, 30)
_EPOCH_1904 = datetime(1904, 1, 1)
# Formats of dates that need no definition (section 18.8.30).
_DATE_FORMATS = {*range(14, 23), *range(45, 48)}


def rows(file: BinaryIO) -> Iterator[Row]:
    try:
        with ZipFile(file) as archive:
            _check_size(archive)
            yield from _rows(archive)
    except (BadZipFile, ZlibError, KeyError, NotImplementedError, RuntimeError, EOFError) as error:
        raise UnreadableFile("it is no readable XLSX file") from error


def _check_size(archive: ZipFile) -> None:
    """No part is unpacked beyond the size that the archive's directory declares."""
    if sum(part.file_size for part in archive.infolist()) > MOST_UNPACKED:
        raise UnreadableFile(f"unpacked it is larger than {MOST_UNPACKED // 1024 // 1024} MB")


def _rows(archive: ZipFile) -> Iterator[Row]:
    book = _Book(archive)
    texts = _Texts(archive)
    with archive.open(book.first_sheet) as part:
        sheet = _Sheet(texts, book.is_date)
        for _ in parsed(part, sheet.start, sheet.end, sheet.text):
            yield from sheet.take()


# --- The book ---------------------------------------------------------------------------------------------
def _elements(archive: ZipFile, name: str) -> Iterator[tuple[str, Attributes]]:
    """Names and attributes of the elements of a small part; none where the archive has no such part."""
    if name not in archive.NameToInfo:
        return
    found: list[tuple[str, Attributes]] = []
    with archive.open(name) as part:
        for _ in parsed(part, lambda *element: found.append(element)):
            yield from found
            found.clear()


class _Book:
    """Which part is the first sheet, and which cells are dates."""

    def __init__(self, archive: ZipFile) -> None:
        self._archive = archive
        self._epoch = _EPOCH
        self.first_sheet = self._sheet()
        self._dates = self._date_styles()

    def is_date(self, style: str) -> datetime | None:
        """The day 0 of numbers in that style, where they are dates."""
        return self._epoch if style in self._dates else None

    def _sheet(self) -> str:
        wanted = ""
        for name, attributes in _elements(self._archive, "xl/workbook.xml"):
            if name == "workbookPr" and attributes.get("date1904") in ("1", "true"):
                self._epoch = _EPOCH_1904
            if name == "sheet" and not wanted:
                wanted = next((value for key, value in attributes.items() if local(key) == "id"), "")
        for name, attributes in _elements(self._archive, "xl/_rels/workbook.xml.rels"):
            if name == "Relationship" and attributes.get("Id") == wanted:
                target = attributes.get("Target", "")
                return target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
        raise UnreadableFile("it has no sheet")

    def _date_styles(self) -> set[str]:
        """Numbers of the cell styles that show a date."""
        formats, inside, place, found = set(_DATE_FORMATS), False, 0, set()
        for name, attributes in _elements(self._archive, "xl/styles.xml"):
            if name == "numFmt" and _shows_date(attributes.get("formatCode", "")):
                formats.add(_number(attributes.get("numFmtId", "")))
            if name in ("cellStyleXfs", "cellXfs", "cellStyles"):
                inside = name == "cellXfs"
            elif name == "xf" and inside:
                if _number(attributes.get("numFmtId", "")) in formats:
                    found.add(str(place))
                place += 1
        return found


def _shows_date(code: str) -> bool:
    """Without what is quoted or in brackets, a format of a number has none of these letters."""
    bare, quoted = "", ""
    for character in code.lower():
        if quoted:
            quoted = "" if character == quoted else quoted
        elif character in '"[':
            quoted = '"' if character == '"' else "]"
        else:
            bare += character
    return bare != "general" and any(letter in bare for letter in "ymdhs")


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


# --- Texts ------------------------------------------------------------------------------------------------
class _Texts:
    """The shared texts of the book, in one buffer."""

    def __init__(self, archive: ZipFile) -> None:
        self._bytes = bytearray()
        self._ends = array("Q")
        self._ignored = 0
        self._inside = False
        if "xl/sharedStrings.xml" in archive.NameToInfo:
            with archive.open("xl/sharedStrings.xml") as part:
                for _ in parsed(part, self._start, self._end, self._text):
                    self._check()

    def __getitem__(self, place: int) -> str:
        start, end = self._ends[place - 1] if place else 0, self._ends[place]
        if end - start > 4 * MOST_CHARACTERS:
            raise TooLongCell
        return self._bytes[start:end].decode()

    def _check(self) -> None:
        if len(self._ends) > MOST_TEXTS or len(self._bytes) > MOST_TEXT_BYTES:
            raise UnreadableFile("it holds too many different texts")

    def _start(self, name: str, _: Attributes) -> None:
        self._ignored += name == "rPh"  # how a text is pronounced (section 18.4.6)
        self._inside = name == "t"

    def _end(self, name: str) -> None:
        self._ignored -= name == "rPh"
        self._inside = False
        if name == "si":
            self._ends.append(len(self._bytes))

    def _text(self, text: str) -> None:
        if self._inside and not self._ignored:
            self._bytes += text.encode()


# --- The sheet --------------------------------------------------------------------------------------------
class _Sheet:
    """Takes the events of a sheet's part, and gives its rows; kept are only cells with content."""

    def __init__(self, texts: _Texts, date_epoch: Callable[[str], datetime | None]) -> None:
        self._texts = texts
        self._date_epoch = date_epoch
        self._rows: list[Row] = []
        self._number = 0
        self._cells: dict[int, str] = {}
        self._column = -1
        self._kind = self._style = ""
        self._value: list[str] = []
        self._length = self._ignored = 0
        self._inside = False

    def take(self) -> list[Row]:
        """The rows that have come to their end since the last time."""
        rows, self._rows = self._rows, []
        return rows

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "row":
            self._cells, self._column = {}, -1
            self._number = max(_number(attributes.get("r", "")), self._number + 1)
            if self._number > MOST_ROWS:
                raise TooManyRows
        elif name == "c":
            self._column = _column(attributes.get("r", ""), self._column + 1)
            self._kind, self._style = attributes.get("t", "n"), attributes.get("s", "")
            self._value, self._length = [], 0
        self._ignored += name == "rPh"
        self._inside = name in ("v", "t")

    def end(self, name: str) -> None:
        self._ignored -= name == "rPh"
        self._inside = False
        if name == "c" and self._value:
            self._cells[self._column] = self._text_of("".join(self._value)).strip()
        elif name == "row":
            width = max(self._cells, default=-1) + 1
            self._rows.append((self._number, [self._cells.get(column, "") for column in range(width)]))

    def text(self, text: str) -> None:
        if self._inside and not self._ignored:
            self._length += len(text)
            if self._length > MOST_CHARACTERS:
                raise TooLongCell
            self._value.append(text)

    def _text_of(self, value: str) -> str:
        if self._kind == "s":
            with suppress(ValueError, IndexError):
                return self._shared(int(value))
            raise UnreadableFile("a cell names a text that the file does not have")
        if self._kind == "b":
            return "true" if value == "1" else "false"
        return _of_number(value, self._date_epoch(self._style)) if self._kind == "n" else value

    def _shared(self, place: int) -> str:
        if place < 0:
            raise IndexError(place)
        return self._texts[place]


def _column(reference: str, following: int) -> int:
    """The column of a reference like ``AB12``, from 0; a cell without one comes after the one before."""
    column = 0
    for letter in reference.rstrip("0123456789"):
        column = column * 26 + ord(letter.upper()) - ord("A") + 1
        if not 0 < column <= MOST_COLUMNS:
            raise TooManyColumns
    column = column - 1 if column else following
    if column >= MOST_COLUMNS:
        raise TooManyColumns
    return column


def _of_number(value: str, epoch: datetime | None) -> str:
    """As it is read in the sheet: a whole number without a fraction or exponent, a date in ISO 8601."""
    try:
        number = float(value)
        if epoch is not None:
            return _date(epoch + timedelta(days=number))
        return str(int(number)) if number.is_integer() and abs(number) < 1e15 else value
    except (ValueError, OverflowError):
        return value


def _date(moment: datetime) -> str:
    if (moment.hour, moment.minute, moment.second, moment.microsecond) == (0, 0, 0, 0):
        return moment.date().isoformat()
    return (moment + timedelta(microseconds=500)).replace(microsecond=0).isoformat()

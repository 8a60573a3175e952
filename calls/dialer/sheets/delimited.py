"""CSV (RFC 4180) in UTF-8, with or without a byte order mark; commas, or what spreadsheets write for them."""

import csv
import io
from collections.abc import Iterator
from typing import BinaryIO

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

_DELIMITERS = ",;\t"
_LONGEST_LINE = 1024 * 1024


def rows(file: BinaryIO) -> Iterator[Row]:
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    try:
        yield from _rows(text)
    except UnicodeDecodeError as error:
        raise UnreadableFile("it is neither CSV in UTF-8 nor XLSX") from error
    except csv.Error as error:
        raise UnreadableFile(f"it is not CSV: {error}") from error
    finally:
        text.detach()  # the file is not ours to close


def _rows(text: io.TextIOWrapper) -> Iterator[Row]:
    first = text.readline(_LONGEST_LINE)
    text.seek(0)
    delimiter = max(_DELIMITERS, key=first.count)  # of none: the comma
    for number, cells in enumerate(csv.reader(_lines(text), delimiter=delimiter, strict=True), start=1):
        if number > MOST_ROWS:
            raise TooManyRows
        if len(cells) > MOST_COLUMNS:
            raise TooManyColumns
        if any(len(cell) > MOST_CHARACTERS for cell in cells):
            raise TooLongCell
        yield number, [cell.strip() for cell in cells]


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    while line := text.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE:
            raise UnreadableFile("a line is too long")
        yield line

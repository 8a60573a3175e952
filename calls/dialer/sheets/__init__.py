"""Files of contacts: CSV and XLSX as rows of texts, read front to back in flat memory."""

from collections.abc import Iterator
from typing import BinaryIO

from calls.dialer.sheets import delimited, workbook
from calls.dialer.sheets.reading import Row, UnreadableFile

__all__ = ["Row", "UnreadableFile", "rows"]

_ZIP = b"PK\x03\x04"


def rows(file: BinaryIO) -> Iterator[Row]:
    """The file's rows with all their cells as text, known by its first bytes.

    Raises UnreadableFile, at first or later.
    """
    file.seek(0)
    is_workbook = file.read(len(_ZIP)) == _ZIP
    file.seek(0)
    return workbook.rows(file) if is_workbook else delimited.rows(file)

"""``manifest.csv``: one row for every matched call, whether its recording is in the archive or not."""

import csv
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from tempfile import SpooledTemporaryFile
from uuid import UUID

from exports.packaging.content import Content
from zipingest.spreadsheets import BYTE_ORDER_MARK, neutralised

MANIFEST_NAME = "manifest.csv"
# In the order of the columns; the first seven and their order are the telesales document's.
COLUMNS = (
    "call_uuid",
    "agent_extension",
    "agent_name",
    "disposition_code",
    "start_time",
    "duration",
    "lead_phone_number",
    "file",
    "status",
    "sha256",
    "paused",
)
# Rows are kept in memory up to this size, then in a file.
_MEMORY_BYTES = 1024 * 1024
_BLOCK_BYTES = 256 * 1024


class EntryStatus(StrEnum):
    """``missing`` is also what is damaged, was never stored, or could not be read."""

    INCLUDED = "included"
    EXPIRED = "expired"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestRow:
    """A matched call. ``started_at`` is aware, ``file`` is the entry's name and ``bytes`` its size.

    ``duration_seconds``, ``file``, ``bytes``, ``sha256`` (hexadecimal) and ``paused`` stay empty where there
    is no entry. ``paused`` are the spans that are silent because the recording was paused, from and to in
    seconds of the file. ``further`` are the texts of the further columns that the manifest was begun with.
    """

    call_uuid: UUID
    agent_extension: str
    agent_name: str
    disposition_code: str
    started_at: datetime
    lead_phone_number: str
    status: EntryStatus
    duration_seconds: float | None = None
    file: str = ""
    bytes: int = 0
    sha256: str = ""
    paused: Sequence[tuple[float, float]] = ()
    further: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class ManifestTotals:
    """``matched`` is the sum of the three after it; ``bytes`` is the size of what is included."""

    matched: int
    included: int
    expired: int
    missing: int
    bytes: int


class Manifest:
    """Takes the rows one by one in flat memory, and in the end is the content of the archive's last entry.

    UTF-8 with a byte order mark, CRLF and quotes as in RFC 4180, formulas neutralised. Close it.
    ``further``: names of the columns behind ``COLUMNS``.
    """

    def __init__(self, further: Sequence[str] = ()) -> None:
        self._file = SpooledTemporaryFile(max_size=_MEMORY_BYTES)  # noqa: SIM115 - close() closes it
        self._crc32 = 0
        self._size = 0
        self._statuses: Counter[EntryStatus] = Counter()
        self._included_bytes = 0
        self._csv = csv.writer(self)
        self.write(BYTE_ORDER_MARK)
        self._further = len(further)
        self._csv.writerow(map(neutralised, (*COLUMNS, *further)))

    def add(self, row: ManifestRow) -> None:
        """Raises ValueError for a row that has not a text for each of the further columns."""
        if len(row.further) != self._further:
            raise ValueError(f"{len(row.further)} further cells for {self._further} columns")
        self._csv.writerow(map(neutralised, _cells(row)))
        self._statuses[row.status] += 1
        self._included_bytes += row.bytes

    @property
    def totals(self) -> ManifestTotals:
        return ManifestTotals(
            matched=self._statuses.total(),
            included=self._statuses[EntryStatus.INCLUDED],
            expired=self._statuses[EntryStatus.EXPIRED],
            missing=self._statuses[EntryStatus.MISSING],
            bytes=self._included_bytes,
        )

    def content(self) -> Content:
        """All rows so far; closing it closes the manifest."""
        return Content(size=self._size, crc32=self._crc32, chunks=self._blocks(), close=self.close)

    def close(self) -> None:
        self._file.close()

    def write(self, text: str) -> None:
        """Where ``csv`` writes to."""
        data = text.encode()
        self._file.write(data)
        self._crc32 = zlib.crc32(data, self._crc32)
        self._size += len(data)

    def _blocks(self) -> Iterator[bytes]:
        self._file.seek(0)
        while block := self._file.read(_BLOCK_BYTES):
            yield block


def _cells(row: ManifestRow) -> tuple[str, ...]:
    """The row's texts in the order of the columns."""
    return (
        str(row.call_uuid),
        row.agent_extension,
        row.agent_name,
        row.disposition_code,
        _time(row.started_at),
        _seconds(row.duration_seconds),
        row.lead_phone_number,
        row.file,
        row.status,
        row.sha256,
        _spans(row.paused),
        *row.further,
    )


def _time(moment: datetime) -> str:
    """ISO 8601 in UTC, in whole seconds as on the other surfaces."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _seconds(duration: float | None) -> str:
    """To the millisecond, without trailing zeros."""
    return "" if duration is None else f"{duration:.3f}".rstrip("0").rstrip(".")


def _spans(spans: Sequence[tuple[float, float]]) -> str:
    """``12.5-20;31-40``."""
    return ";".join(f"{_seconds(start)}-{_seconds(end)}" for start, end in spans)

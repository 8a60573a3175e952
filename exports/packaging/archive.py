"""A ZIP archive of stored entries, written front to back (PKWARE APPNOTE 6.3.10).

Size and CRC-32 are known before an entry begins, so they stand in its local header: no data descriptors, and
nothing is ever written twice. ZIP64 records appear only where a value does not fit its field.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Protocol, Self

from exports.packaging.content import Chunk, Content

# The central directory, about 100 bytes an entry, is kept in memory up to this size, then in a file.
DIRECTORY_MEMORY_BYTES = 1024 * 1024
_BLOCK_BYTES = 1024 * 1024

# A field with all bits set says "see the ZIP64 record" (4.4.1.4), so the very value needs one too: not all
# readers take it at its word.
_MAX_16 = 0xFFFF
_MAX_32 = 0xFFFF_FFFF

_LOCAL_HEADER = struct.Struct("<4s5H3L2H")  # 4.3.7
_CENTRAL_HEADER = struct.Struct("<4s6H3L5H2L")  # 4.3.12
_ZIP64_END = struct.Struct("<4sQ2H2L4Q")  # 4.3.14
_ZIP64_LOCATOR = struct.Struct("<4sLQL")  # 4.3.15
_END = struct.Struct("<4s4H2LH")  # 4.3.16

_STORED = 0
_UTF8_NAME = 1 << 11
_PLAIN, _WITH_ZIP64 = 10, 45  # version needed to extract (4.4.3)
_MADE_BY = 3 << 8 | _WITH_ZIP64  # Unix, so that the permissions below are read
_PERMISSIONS = 0o100644 << 16
_ZIP64_EXTRA = 0x0001

_FIRST_DOS_TIME = datetime(1980, 1, 1, tzinfo=UTC)
_LAST_DOS_TIME = datetime(2107, 12, 31, 23, 59, 58, tzinfo=UTC)


class Target(Protocol):
    """What an archive is written to; a ``Writer`` of the storage is one."""

    def write(self, data: Chunk, /) -> object: ...


@dataclass(frozen=True, kw_only=True)
class ArchiveTotals:
    """``bytes`` is the size of the whole archive."""

    entries: int
    bytes: int


class Archive:
    """Writes to ``target``, which stays the caller's to close or to throw away.

    ``on_write`` is called at least every megabyte with the bytes written until then; what it raises ends
    the archive. After any exception the archive is broken: what the target holds is of no use.

    As a context manager it closes at the end of the block, and writes no more on an exception.
    """

    def __init__(self, target: Target, *, on_write: Callable[[int], None] | None = None) -> None:
        self.entries = 0
        self.bytes = 0
        self._target = target
        self._on_write = on_write
        self._directory = SpooledTemporaryFile(max_size=DIRECTORY_MEMORY_BYTES)  # noqa: SIM115 - close() closes it
        self._usable = True

    def add(self, name: str, content: Content, *, modified: datetime) -> None:
        """Append an entry; ``name`` is a relative path, ``modified`` is aware, and both are written as given.

        Readers show the time without a zone; it is UTC, in steps of two seconds, from 1980 to 2107.
        """
        entry = _Entry(
            name=_encoded(name),
            size=content.size,
            crc32=content.crc32,
            modified=_dos_time(modified),
            offset=self.bytes,
        )
        self._begin()
        self._write(entry.local_header())
        self._copy(content)
        self._directory.write(entry.central_header())
        self.entries += 1
        self._usable = True

    def close(self) -> ArchiveTotals:
        """Write the central directory."""
        self._begin()
        start, size = self.bytes, self._directory.tell()
        self._directory.seek(0)
        while block := self._directory.read(_BLOCK_BYTES):
            self._write(block)
        self._write(_end_records(entries=self.entries, start=start, size=size))
        self._directory.close()
        return ArchiveTotals(entries=self.entries, bytes=self.bytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if exc_type is None and self._usable:
            self.close()
        self._usable = False
        self._directory.close()

    def _begin(self) -> None:
        """Unusable until what begins here is whole."""
        if not self._usable:
            raise ValueError("the archive is closed or broken")
        self._usable = False

    def _copy(self, content: Content) -> None:
        end = self.bytes + content.size
        for chunk in content.chunks:
            self._write(chunk)
            if self._on_write is not None:
                self._on_write(self.bytes)
        if self.bytes != end:
            raise ValueError(f"{self.bytes - end + content.size} bytes came for an entry of {content.size}")

    def _write(self, data: Chunk) -> None:
        self._target.write(data)
        self.bytes += len(data)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """``modified`` is the time and the date field; ``offset`` is where the local header begins."""

    name: bytes
    size: int
    crc32: int
    modified: tuple[int, int]
    offset: int

    def local_header(self) -> bytes:
        extra = _zip64_extra(self.size, self.size)
        lengths = (len(self.name), len(extra))
        return _LOCAL_HEADER.pack(b"PK\3\4", *self._common(), *lengths) + self.name + extra

    def central_header(self) -> bytes:
        extra = _zip64_extra(self.size, self.size, self.offset)
        # No comment, first disk, no internal attributes.
        rest = (len(self.name), len(extra), 0, 0, 0, _PERMISSIONS, min(self.offset, _MAX_32))
        return _CENTRAL_HEADER.pack(b"PK\1\2", _MADE_BY, *self._common(), *rest) + self.name + extra

    def _common(self) -> tuple[int, ...]:
        """What both headers say, in their order: from the version needed to the sizes."""
        version = _WITH_ZIP64 if max(self.size, self.offset) >= _MAX_32 else _PLAIN
        flags = 0 if self.name.isascii() else _UTF8_NAME
        size = min(self.size, _MAX_32)
        return version, flags, _STORED, *self.modified, self.crc32, size, size


def _zip64_extra(*values: int) -> bytes:
    """The extra field (4.5.3) with those of the values that do not fit 32 bits; empty without any."""
    large = [value for value in values if value >= _MAX_32]
    if not large:
        return b""
    return struct.pack(f"<2H{len(large)}Q", _ZIP64_EXTRA, 8 * len(large), *large)


def _end_records(*, entries: int, start: int, size: int) -> bytes:
    """What follows a central directory of ``size`` bytes at ``start``."""
    count = min(entries, _MAX_16)
    end = _END.pack(b"PK\5\6", 0, 0, count, count, min(size, _MAX_32), min(start, _MAX_32), 0)
    if entries < _MAX_16 and max(start, size) < _MAX_32:
        return end
    rest = _ZIP64_END.size - 12  # the record's own first two fields do not count
    versions = (_MADE_BY, _WITH_ZIP64)
    record = _ZIP64_END.pack(b"PK\6\6", rest, *versions, 0, 0, entries, entries, size, start)
    return record + _ZIP64_LOCATOR.pack(b"PK\6\7", 0, start + size, 1) + end


def _encoded(name: str) -> bytes:
    """``name`` as UTF-8 if it stays inside the folder it is unpacked to (4.4.17); else ValueError."""
    encoded = name.encode()
    inside = not any(part in ("", ".", "..") for part in name.split("/"))
    if not inside or "\\" in name or "\0" in name or len(encoded) > _MAX_16:
        raise ValueError(f"{name!r} cannot name an entry")
    return encoded


def _dos_time(moment: datetime) -> tuple[int, int]:
    """The time and the date field (4.4.6) of an aware time, in UTC."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    utc = min(max(moment, _FIRST_DOS_TIME), _LAST_DOS_TIME).astimezone(UTC)
    time = utc.hour << 11 | utc.minute << 5 | utc.second // 2
    return time, (utc.year - 1980) << 9 | utc.month << 5 | utc.day

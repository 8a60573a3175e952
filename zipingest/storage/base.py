"""The port every store of recordings implements: its types, its errors, and what all stores share."""

import re
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self

CHUNK_BYTES = 64 * 1024
# First segment of a key that no object may have: writers keep what is not yet an object there.
PARTIAL_FOLDER = ".partial"
MAX_KEY_BYTES = 1024  # S3's limit

# Control characters, DEL, backslash (a separator to some clients), and surrogates (no UTF-8 form).
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]")


class StorageError(Exception):
    """The store could not do it; ``reason`` says why in plain words, without secrets."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ObjectMissing(StorageError):
    """There is no object under the key."""


@dataclass(frozen=True, kw_only=True)
class StoredObject:
    """What was written: ``bytes`` is its size; ``etag`` (unquoted) is there if the write's answer held it."""

    key: str
    bytes: int
    etag: str | None = None


@dataclass(frozen=True, kw_only=True)
class ObjectStat(StoredObject):
    """What the store holds; ``modified`` is aware."""

    modified: datetime


def check_key(key: str) -> str:
    """``key`` itself if it is a plain relative POSIX path of at most 1024 bytes; else ValueError."""
    segments = key.split("/")
    if any(segment in ("", ".", "..") for segment in segments):
        raise ValueError(f"storage key {key!r} is not a plain relative path")
    if _FORBIDDEN.search(key):
        raise ValueError(f"storage key {key!r} has a forbidden character")
    if segments[0] == PARTIAL_FOLDER:
        raise ValueError(f"storage key {key!r}: {PARTIAL_FOLDER}/ is reserved for unfinished writes")
    if len(key.encode()) > MAX_KEY_BYTES:
        raise ValueError(f"a storage key has at most {MAX_KEY_BYTES} bytes")
    return key


def check_prefix(prefix: str) -> str:
    """``prefix`` itself if keys could start with it (the empty one is all keys); else ValueError."""
    if prefix:
        check_key(f"{prefix}x")
    return prefix


def check_range(start: int, stop: int | None) -> None:
    if start < 0 or (stop is not None and stop < start):
        raise ValueError(f"not a range of bytes: {start} to {stop}")


class _Body(Protocol):
    def read(self, size: int, /) -> bytes: ...
    def readinto(self, buffer: memoryview, /) -> int | None: ...
    def close(self) -> None: ...


class ByteStream:
    """The bytes of a range, read as they are asked for. Close it, or use it as a context manager.

    ``remaining`` is the number of bytes still to come. Reading raises StorageError, also when the
    store ends before them: a short answer must never pass for a whole one.
    """

    def __init__(
        self, body: _Body, length: int, errors: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> None:
        self.remaining = length
        self._body = body
        self._errors = errors

    @classmethod
    def empty(cls) -> Self:
        return cls(BytesIO(), 0)

    def read(self, size: int = -1) -> bytes:
        """Up to ``size`` bytes, all that remain if negative; empty at the end."""
        if size < 0:
            return b"".join(self)
        wanted = min(size, self.remaining)
        if not wanted:
            return b""
        with self._errors():
            data = self._body.read(wanted)
        self._count(len(data))
        return data

    def readinto(self, buffer: memoryview) -> int:
        """The next bytes into ``buffer``, up to its length; how many they are, 0 at the end."""
        wanted = buffer[: self.remaining]
        if not wanted:
            return 0
        with self._errors():
            count = self._body.readinto(wanted) or 0
        self._count(count)
        return count

    def __iter__(self) -> Iterator[bytes]:
        while data := self.read(CHUNK_BYTES):
            yield data

    def close(self) -> None:
        self._body.close()

    def _count(self, read: int) -> None:
        if not read:
            raise StorageError(f"the stored object ended {self.remaining} bytes early")
        self.remaining -= read

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class Writer(ABC):
    """One object being written. Nothing is visible under its key until ``close``; ``abort`` leaves nothing.

    As a context manager it closes at the end of the block and aborts on an exception.
    """

    def __init__(self, key: str) -> None:
        self.key = key
        self.bytes = 0
        self._open = True
        self._stored: StoredObject | None = None

    def write(self, data: bytes | memoryview) -> int:
        if not self._open:
            raise ValueError("write to a finished writer")
        self._send(data)
        self.bytes += len(data)
        return len(data)

    def close(self) -> StoredObject:
        """Make the object current, whole and durable; the same answer when called again."""
        if self._stored is None:
            if not self._open:
                raise ValueError("close of an aborted writer")
            try:
                self._stored = self._finish()
            except BaseException:
                self.abort()
                raise
            self._open = False
        return self._stored

    def abort(self) -> None:
        """Leave nothing behind. What cannot be removed now is removed by ``Storage.sweep_partial``."""
        if self._open:
            self._open = False
            with suppress(StorageError):
                self._discard()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if exc_type is not None:
            self.abort()
        elif self._open:
            self.close()

    @abstractmethod
    def _send(self, data: bytes | memoryview) -> None: ...

    @abstractmethod
    def _finish(self) -> StoredObject: ...

    @abstractmethod
    def _discard(self) -> None: ...


class Storage(ABC):
    """Objects under keys. A bad key (see ``check_key``) is a ValueError, other failures a StorageError."""

    def put(self, key: str, source: BinaryIO | Path, *, content_type: str) -> StoredObject:
        """Store ``source`` from where it stands to its end; its own read errors are passed on as they are."""
        opened = source.open("rb") if isinstance(source, Path) else nullcontext(source)
        with opened as file, self.open_writer(key, content_type=content_type) as writer:
            shutil.copyfileobj(file, writer, CHUNK_BYTES)
            return writer.close()

    @abstractmethod
    def open_writer(self, key: str, *, content_type: str) -> Writer:
        """A writer with flat memory. Of several on one key, the last to close wins whole."""

    @abstractmethod
    def open_range(self, key: str, start: int = 0, stop: int | None = None) -> ByteStream:
        """The bytes from ``start`` up to, not including, ``stop``, as far as the object goes.

        Moves no more than the range. Raises ObjectMissing here, not at the first read.
        """

    @abstractmethod
    def stat(self, key: str) -> ObjectStat | None: ...

    @abstractmethod
    def delete(self, key: str) -> None:
        """Remove the object; a missing one is removed already."""

    def delete_all(self, prefix: str) -> None:
        """Remove the objects whose keys start with ``prefix``."""
        for stored in [*self.list(prefix)]:  # all listed first: a listing is not to change while it is read
            self.delete(stored.key)

    @abstractmethod
    def list(self, prefix: str = "") -> Iterator[ObjectStat]:
        """The objects whose keys start with ``prefix``, in no promised order."""

    @abstractmethod
    def local_path(self, key: str) -> Path | None:
        """Where the object's file is or would be, for sendfile; None where objects are not files."""

    @abstractmethod
    def sweep_partial(self, older_than_seconds: float) -> int:
        """Remove unfinished writes that have been left for longer than that; answers how many."""

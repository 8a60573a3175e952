"""Objects as files under one folder: written aside, synced, then renamed into place."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from stat import S_ISREG
from uuid import uuid4

from zipingest.storage.base import (
    PARTIAL_FOLDER,
    ByteStream,
    ObjectMissing,
    ObjectStat,
    Storage,
    StorageError,
    StoredObject,
    Writer,
    check_key,
    check_prefix,
    check_range,
)

_NO_FILE = (FileNotFoundError, NotADirectoryError, IsADirectoryError)
# How often a rename is tried while deletions keep pruning the folder it goes to.
_PUBLISH_ATTEMPTS = 10
# How much is written before the disk is told to begin with it; smaller files are left to the sync.
_WRITE_BEHIND_BYTES = 8 * 1024 * 1024


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(f"the storage folder cannot be used: {error.strerror or error}") from error


class LocalStorage(Storage):
    """``root`` is made when first written to. Unfinished writes lie in ``root/.partial``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._partial = root / PARTIAL_FOLDER

    def open_writer(self, key: str, *, content_type: str) -> "LocalWriter":
        """A file has no content type: the row that names the key keeps it."""
        target = self.local_path(key)
        with _errors():
            self._partial.mkdir(parents=True, exist_ok=True)
            return LocalWriter(key, partial=self._partial / uuid4().hex, target=target, root=self.root)

    def open_range(self, key: str, start: int = 0, stop: int | None = None) -> ByteStream:
        check_range(start, stop)
        path = self.local_path(key)
        with _errors():
            try:
                # Unbuffered: a buffer would read past the end of a short range.
                file = path.open("rb", buffering=0)
            except _NO_FILE as error:
                raise ObjectMissing(f"there is no object {key}") from error
            size = os.fstat(file.fileno()).st_size
            file.seek(min(start, size))
        end = size if stop is None else min(stop, size)
        return ByteStream(file, max(0, end - start), _errors)

    def stat(self, key: str) -> ObjectStat | None:
        check_key(key)
        return self._stat(key)

    def delete(self, key: str) -> None:
        path = self.local_path(key)
        with _errors(), suppress(*_NO_FILE):
            path.unlink()
        self._prune(path.parent)

    def list(self, prefix: str = "") -> Iterator[ObjectStat]:
        return self._walk(check_prefix(prefix))

    def local_path(self, key: str) -> Path:
        return self.root / check_key(key)

    def sweep_partial(self, older_than_seconds: float) -> int:
        """A write counts as left when its file has not grown for that long."""
        before = time.time() - older_than_seconds
        with _errors():
            return sum(_remove_if_older(path, before) for path in _children(self._partial))

    def _walk(self, prefix: str) -> Iterator[ObjectStat]:
        top = self.root / prefix.rpartition("/")[0]
        with _errors():
            for folder, folders, names in os.walk(top, onerror=_raise_unless_gone):
                folders[:] = [name for name in folders if self._may_hold(Path(folder, name), prefix)]
                keys = (Path(folder, name).relative_to(self.root).as_posix() for name in names)
                yield from filter(None, (self._stat(key) for key in keys if key.startswith(prefix)))

    def _may_hold(self, folder: Path, prefix: str) -> bool:
        """Whether keys below the folder can start with ``prefix``; what cannot is not walked."""
        path = f"{folder.relative_to(self.root).as_posix()}/"
        return folder != self._partial and (path.startswith(prefix) or prefix.startswith(path))

    def _stat(self, key: str) -> ObjectStat | None:
        with _errors():
            try:
                status = (self.root / key).stat()
            except _NO_FILE:
                return None
        if not S_ISREG(status.st_mode):
            return None
        modified = datetime.fromtimestamp(status.st_mtime, UTC)
        return ObjectStat(key=key, bytes=status.st_size, etag=_etag(status), modified=modified)

    def _prune(self, folder: Path) -> None:
        """Remove the folders a deletion left empty; ``LocalWriter`` makes them again if it needs them."""
        with suppress(OSError):
            while folder != self.root:
                folder.rmdir()
                folder = folder.parent


class LocalWriter(Writer):
    def __init__(self, key: str, *, partial: Path, target: Path, root: Path) -> None:
        super().__init__(key)
        self._partial = partial
        self._target = target
        self._root = root
        self._file = partial.open("xb")
        self._on_its_way = 0

    def _send(self, data: bytes | memoryview) -> None:
        with _errors():
            self._file.write(data)
            if self.bytes - self._on_its_way >= _WRITE_BEHIND_BYTES:
                self._begin_writing_back()

    def _begin_writing_back(self) -> None:
        """Let the disk work while more comes, so that the sync at the end finds little left to do."""
        fresh = self.bytes - self._on_its_way
        # To Linux this says: write back what is dirty there, without waiting; nothing is promised by it.
        os.posix_fadvise(self._file.fileno(), self._on_its_way, fresh, os.POSIX_FADV_DONTNEED)
        self._on_its_way = self.bytes

    def _finish(self) -> StoredObject:
        with _errors():
            self._file.flush()
            status = os.fstat(self._file.fileno())
            os.fsync(self._file.fileno())
            self._file.close()
            self._publish()
            self._sync_folders()
        return StoredObject(key=self.key, bytes=status.st_size, etag=_etag(status))

    def _discard(self) -> None:
        with _errors():
            # Closing flushes, which fails on a full disk; the file goes all the same.
            with suppress(OSError):
                self._file.close()
            self._partial.unlink(missing_ok=True)

    def _publish(self) -> None:
        for attempt in range(1, _PUBLISH_ATTEMPTS + 1):
            try:
                self._target.parent.mkdir(parents=True, exist_ok=True)
                self._partial.replace(self._target)
            except (FileNotFoundError, FileExistsError):
                # A deletion pruned the folder in between (mkdir says "exists" of a folder that went while
                # it looked), unless it is our own file that is gone.
                if attempt == _PUBLISH_ATTEMPTS or not self._partial.exists():
                    raise
            else:
                return

    def _sync_folders(self) -> None:
        """A rename survives a power cut only with its folder synced, and a new folder only with its own."""
        folder = self._target.parent
        _sync_folder(folder)
        while folder != self._root:
            folder = folder.parent
            _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    # Pruned meanwhile: then the object was deleted after it was published, and nothing is left to keep.
    with suppress(FileNotFoundError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _etag(status: os.stat_result) -> str:
    """Differs for every object written, also for two of one size within one tick of the clock (inode)."""
    return f"{status.st_ino:x}-{status.st_mtime_ns:x}-{status.st_size:x}"


def _children(folder: Path) -> Iterator[Path]:
    with suppress(FileNotFoundError):
        yield from folder.iterdir()


def _remove_if_older(path: Path, before: float) -> bool:
    try:
        if path.stat().st_mtime >= before:
            return False
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def _raise_unless_gone(error: OSError) -> None:
    if not isinstance(error, _NO_FILE):
        raise error

"""Read one stored object and prove it before any of it goes into an archive."""

import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, Protocol

from exports.packaging.content import Chunk, Content, EntryDamaged, EntryMissing
from zipingest.storage import ByteStream, ObjectMissing, Storage

# An object up to this size waits for its turn in memory; if it is a file, up to the second size.
MEMORY_BYTES = 1024 * 1024
FILE_MEMORY_BYTES = 64 * 1024
# Small enough to stay in the processor's cache from the reading to the proof, and large enough that threads
# seldom wait for each other to hand over the interpreter.
BLOCK_BYTES = 256 * 1024


class Wanted(Protocol):
    """An object to include: its key, and the size and CRC-32 it was stored with."""

    @property
    def key(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def crc32(self) -> int: ...


def verified(
    wanted: Wanted, storage: Storage, *, folder: Path | None = None, on_block: Callable[[], object]
) -> Content:
    """The object's bytes, read whole and found to be the ones that were stored.

    Small ones wait in memory. Of the others, files of the store are read a second time from there; what comes
    from elsewhere waits in memory too, more than 1 MiB of it in a temporary file in ``folder`` (the system's
    own by default). ``on_block`` is called for every block; what it raises ends the reading. Raises
    EntryMissing, EntryDamaged, StorageError, and OSError where the temporary file cannot be written.
    """
    with ExitStack() as opened:
        stream = opened.enter_context(_open(wanted, storage))
        if stream.remaining != wanted.size:
            raise EntryDamaged(f"{stream.remaining} bytes are stored, {wanted.size} were")
        is_file = storage.local_path(wanted.key) is not None
        keep, chunks = _keeper(wanted, storage, folder, opened, is_file=is_file)
        crc32 = 0
        for block in _into_one_place(stream) if is_file else _blocks(stream):
            on_block()
            crc32 = zlib.crc32(block, crc32)
            keep(block)
        if crc32 != wanted.crc32:
            raise EntryDamaged(f"its CRC-32 is {crc32:08x}, it was {wanted.crc32:08x}")
        stream.close()
        return Content(size=wanted.size, crc32=crc32, chunks=chunks, close=opened.pop_all().close)


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def _open(wanted: Wanted, storage: Storage) -> ByteStream:
    try:
        return storage.open_range(wanted.key)
    except ObjectMissing as error:
        raise EntryMissing("its recording is not in the store") from error


def _keeper(
    wanted: Wanted, storage: Storage, folder: Path | None, opened: ExitStack, *, is_file: bool
) -> tuple[Callable[[Chunk], object], Iterable[Chunk]]:
    """What keeps a block, and the blocks kept; what it opens goes to ``opened``."""
    if wanted.size <= (FILE_MEMORY_BYTES if is_file else MEMORY_BYTES):
        blocks: deque[bytes] = deque()
        return lambda block: blocks.append(bytes(block)), _taken_out(blocks)
    if is_file:
        # Opened now: deleted meanwhile, the file is still ours to read.
        return _drop, _into_one_place(opened.enter_context(_open(wanted, storage)))
    file = opened.enter_context(TemporaryFile(dir=folder, buffering=0))  # noqa: SIM115 - opened closes it
    return file.write, _from_start(file)


def _drop(block: Chunk) -> None:
    """Keeps what the store itself keeps."""


def _into_one_place(stream: ByteStream) -> Iterator[memoryview]:
    """Blocks that are gone when the next is asked for: new memory for each costs as much as the reading."""
    place = memoryview(bytearray(min(BLOCK_BYTES, stream.remaining)))
    while count := stream.readinto(place):
        yield place[:count]


def _blocks(source: _Readable) -> Iterator[bytes]:
    while block := source.read(BLOCK_BYTES):
        yield block


def _taken_out(blocks: deque[bytes]) -> Iterator[bytes]:
    while blocks:
        yield blocks.popleft()


def _from_start(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    yield from _blocks(file)

"""Whether a file holds what its container promises; FFmpeg itself would silently take what is there."""

import os
import struct
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple

from calls.audio.errors import AudioError
from calls.audio.sniff import HEAD_BYTES, Container, id3_bytes

# Honest files have a few dozen pieces at the top; fragmented MP4 has two for every few seconds.
_MAX_PIECES = 100_000
# Some recorders count their own header in, or round the size up to a block.
_SLACK_SECONDS = 0.1
# A recorder that cannot seek back leaves 0, all ones, or (sox) almost the largest signed number.
_PLACEHOLDER_SIZE = 0x7FFFF000
# So much of an MP3 or AAC is some frames even at 320 kbit/s.
_SOME_FRAMES = 8 * 1024


class _Piece(NamedTuple):
    """A RIFF chunk or an MP4 box: its name and where its content lies; `size` is what its header promises."""

    name: bytes
    start: int
    size: int


class _WavData(NamedTuple):
    """Where the `data` chunk starts, its size (None where the recorder did not know it), bytes per second."""

    start: int
    promised: int | None
    byte_rate: int


class Outline(NamedTuple):
    """What a file's beginning says of the whole: whether it is enough for a decoder, and the whole's size."""

    decodable: bool
    total_bytes: int | None


def check(path: Path, container: Container) -> None:
    """Raise `AudioError` where the file ends before its container says so, or lacks an essential part."""
    with path.open("rb") as file:
        if container is Container.WAV:
            _check_wav(file)
        elif container is Container.MP4:
            _check_mp4(file)


def outline(beginning: Path, container: Container, total_bytes: int | None) -> Outline:
    """`check` for a file of `total_bytes` (None: unknown) of which only the beginning is there.

    Raises `AudioError` where the beginning alone proves that the whole would not pass.
    """
    if beginning.stat().st_size == total_bytes:
        check(beginning, container)
        return Outline(True, total_bytes)
    with beginning.open("rb") as file:
        if container is Container.WAV:
            return _outline_wav(file, total_bytes)
        if container is Container.MP4:
            return _outline_mp4(file, total_bytes)
        tag = id3_bytes(file.read(HEAD_BYTES))
        return Outline(tag + _SOME_FRAMES <= _length(file), total_bytes)


def _check_wav(file: BinaryIO) -> None:
    data = _wav_data(file)
    if data is None:
        raise AudioError("the WAV holds no audio")
    _check_wav_data(data, _length(file))


def _outline_wav(file: BinaryIO, total: int | None) -> Outline:
    data = _wav_data(file)
    if data is None or data.start >= _length(file):
        return Outline(False, total)
    if total is not None:
        _check_wav_data(data, total)
    elif data.promised is not None:
        total = data.start + data.promised
    return Outline(True, total)


def _wav_data(file: BinaryIO) -> _WavData | None:
    byte_rate, long_size = 0, None
    for chunk in _chunks(file):
        if chunk.name == b"fmt ":
            byte_rate = _number(file, chunk.start + 8, "<I")
        elif chunk.name == b"ds64":
            long_size = _number(file, chunk.start + 8, "<Q")
        elif chunk.name == b"data":
            promised = long_size if long_size and chunk.size == 0xFFFFFFFF else chunk.size
            known = promised != 0 and not _PLACEHOLDER_SIZE <= promised <= 0xFFFFFFFF
            return _WavData(chunk.start, promised if known else None, byte_rate)
    return None


def _check_wav_data(data: _WavData, length: int) -> None:
    """Compare what the header promises with a file of `length` bytes."""
    held = length - data.start
    if held <= 0:
        raise AudioError("the WAV holds no audio")
    if data.promised is None:
        return
    if data.byte_rate == 0:
        raise AudioError("the WAV is damaged: its header says zero bytes per second")
    if data.promised - held > data.byte_rate * _SLACK_SECONDS:
        raise AudioError(
            f"the WAV ends early: its header promises {data.promised / data.byte_rate:.1f} s, "
            f"the file holds {held / data.byte_rate:.1f} s"
        )


def _check_mp4(file: BinaryIO) -> None:
    _require_index(_box_ends(file, _length(file)))


def _outline_mp4(file: BinaryIO, total: int | None) -> Outline:
    ends = _box_ends(file, sys.maxsize if total is None else total)
    if total in ends.values():
        _require_index(ends)
    return Outline(ends.get(b"moov", sys.maxsize) <= _length(file), total)


def _require_index(ends: Mapping[bytes, int]) -> None:
    if b"moov" not in ends:
        raise AudioError("the MP4 ends early: its index (moov) is missing")


def _box_ends(file: BinaryIO, length: int) -> dict[bytes, int]:
    """Where the last box of each name ends; `AudioError` where that is beyond the file's `length`."""
    ends = {}
    for box in _boxes(file, length):
        ends[box.name] = box.start + box.size
        if box.start + box.size > length:
            raise AudioError(
                f"the MP4 ends early: it promises {box.start + box.size} bytes, the file holds {length}"
            )
    return ends


def _chunks(file: BinaryIO) -> Iterator[_Piece]:
    """RIFF chunks after the 12-byte form header: name, 32-bit little-endian size, content padded to even."""
    position = 12
    for _ in range(_MAX_PIECES):
        header = _read(file, position, 8)
        if len(header) < 8:
            return
        name, size = struct.unpack("<4sI", header)
        yield _Piece(name, position + 8, size)
        position += 8 + size + size % 2


def _boxes(file: BinaryIO, length: int) -> Iterator[_Piece]:
    """ISO/IEC 14496-12 section 4.2: 32-bit size and name; size 1: a 64-bit size follows; 0: to the end."""
    position = 0
    for _ in range(_MAX_PIECES):
        header = _read(file, position, 16)
        if len(header) < 8:
            return
        size, name = struct.unpack(">I4s", header[:8])
        taken = 8
        if size == 1:
            if len(header) < 16:
                return
            size, taken = struct.unpack(">Q", header[8:])[0], 16
        size = length - position if size == 0 else size
        if size < taken:
            raise AudioError("the MP4 is damaged: one of its boxes has an impossible size")
        yield _Piece(name, position + taken, size - taken)
        position += size


def _number(file: BinaryIO, position: int, layout: str) -> int:
    data = _read(file, position, struct.calcsize(layout))
    return int(struct.unpack(layout, data)[0]) if len(data) == struct.calcsize(layout) else 0


def _read(file: BinaryIO, position: int, size: int) -> bytes:
    file.seek(position)
    return file.read(size)


def _length(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size

"""What an entry of an archive consists of: bytes that are verified already, or the reason why not."""

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

Chunk = bytes | memoryview


class EntryFailed(Exception):
    """One entry cannot be included; ``reason`` says why in plain words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class EntryMissing(EntryFailed):
    """The store has no such object."""


class EntryDamaged(EntryFailed):
    """The store has it, but not as it was stored, or it alone cannot be read."""


def _nothing() -> None:
    """Closes what needs no closing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """``size`` bytes with the CRC-32 ``crc32``, both proven. The chunks are read once, each before the next,
    and then it is closed."""

    size: int
    crc32: int
    chunks: Iterable[Chunk]
    close: Callable[[], object] = _nothing

    @classmethod
    def of(cls, data: bytes) -> Self:
        return cls(size=len(data), crc32=zlib.crc32(data), chunks=(data,))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

"""What the helper is asked to do, and what is a file's own fault."""

from collections.abc import Sequence
from dataclasses import dataclass


class Fault(Exception):
    """The file's fault, in plain words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    source: str
    demuxer: str
    label: str
    cpu_seconds: int
    max_audio_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalise(Job):
    """`silent`, `absent` and `length` are those of `facts.Silencing`: microseconds of what is written."""

    target: str
    sample_rate: int
    swap_channels: bool = False
    silent: Sequence[tuple[int, int | None]] = ()
    absent: Sequence[tuple[int, int]] = ()
    length: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe(Job):
    """`source` holds the beginning of a file of `total_bytes`, which is None where it is not known."""

    total_bytes: int | None


def too_long(job: Job) -> Fault:
    seconds = job.max_audio_seconds
    words = f"{seconds // 3600} hours" if seconds % 3600 == 0 else f"{seconds} seconds"
    return Fault(f"the recording is longer than {words}")

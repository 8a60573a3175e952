"""What goes into a normalisation and what comes out of it."""

import builtins
from dataclasses import dataclass

from calls.audio.sniff import Container


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioLimits:
    """What one job of a helper may use, and the longest recording taken."""

    memory_bytes: int
    cpu_seconds: int
    wall_seconds: float
    max_audio_seconds: int


Span = tuple[int, int | None]
"""A stretch of time: from and to in microseconds; None is the end of the recording, whenever that comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Silencing:
    """What must not be heard, in time of the normalised file; spans ascend and neither overlap nor touch.

    Silence is written over `silent`, and over a little more where the source may begin late (`LEAD_IN` of the
    helper). `absent` are those stretches of it that the source lacks: there silence is inserted, so that all
    that follows keeps its time. `length` (microseconds) is how long the whole ought to be then (None: not
    known). By what it is longer, something may have been recorded that was to be absent; it lies where the
    source was cut, so that much behind each insertion is silenced as well.
    """

    silent: tuple[Span, ...] = ()
    absent: tuple[tuple[int, int], ...] = ()
    length: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioOptions:
    """How the normalised file is to be made. `sample_rate` in Hz; 0 keeps the rate of the source.

    `swap_channels` keeps the second channel of stereo as the first and the first as the second.
    """

    sample_rate: int = 8000
    silencing: Silencing | None = None
    swap_channels: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioProbe:
    """What the beginning of a recording tells, as it came; None is what it does not tell.

    All is None but the container where the decoder's part (the index of an MP4) lies further behind. The
    duration of an AAC, or of an MP3 of variable bit rate without a header saying so, is an estimate.
    """

    container: Container
    codec: str | None = None
    channels: int | None = None
    sample_rate: int | None = None
    duration_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFacts:
    """A recording as it came (first block) and as it is kept: 16-bit PCM WAV, channels as asked (second).

    `peaks` holds absolute maxima as unsigned bytes (255 is full scale), channels interleaved, at most
    1000 per channel, each over the same stretch of time (the last may be shorter). `silences` are the
    stretches that were silenced, whole samples, as seconds from the beginning of what is kept.
    """

    container: Container
    codec: str
    channels: int
    sample_rate: int
    duration_seconds: float

    output_sample_rate: int
    bytes: int
    sha256: str
    crc32: int
    peaks: builtins.bytes
    silences: tuple[tuple[float, float], ...] = ()

"""How loud a recording is over its time, as paths of an SVG: of the stored peaks (calls.audio.facts)."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

# In units of a band's view box; it is stretched to whatever room there is.
BAR, GAP, HEIGHT = 3, 2, 100
BARS = 240
# A recording of nothing but noise must not look like speech.
_QUIETEST_FULL_SCALE = 48


@dataclass(frozen=True, slots=True)
class Band:
    """One channel. ``path`` is the ``d`` of its bars, in a view box of ``width`` by HEIGHT."""

    number: int
    name: str
    path: str
    width: int


@dataclass(frozen=True, slots=True)
class PausedSpan:
    """Where nothing was recorded: shares of the whole in percent, and from when to when in words."""

    left: float
    width: float
    words: str


def bands(peaks: bytes | None, channels: int | None) -> list[Band]:
    """A band per channel, of ``peaks`` as unsigned bytes, channels interleaved; at most BARS bars each.

    Without peaks the bands are flat.
    """
    count = max(channels or 1, 1)
    loudest = max(max(peaks or b"\0"), _QUIETEST_FULL_SCALE)
    return [
        _band(number, count, _bars((peaks or b"")[number::count] or b"\0"), loudest)
        for number in range(count)
    ]


def paused_spans(silences: Sequence[Sequence[float]], duration: float | None) -> list[PausedSpan]:
    """``silences`` are [from, to] in seconds of a recording of ``duration`` seconds."""
    if not duration:
        return []
    return [
        PausedSpan(
            left=round(100 * start / duration, 3),
            width=round(100 * (min(end, duration) - start) / duration, 3),
            words=f"{clock(start)} to {clock(end)}",
        )
        for start, end in silences
        if start < duration
    ]


def clock(seconds: float | None) -> str:
    """``1:02:03``, ``2:03``; empty where it is not known."""
    if seconds is None:
        return ""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def _bars(peaks: bytes) -> list[int]:
    """The loudest of each of at most BARS stretches of equal length."""
    count = min(BARS, len(peaks))
    edges = [len(peaks) * n // count for n in range(count + 1)]
    return [max(peaks[start:end]) for start, end in pairwise(edges)]


def _band(number: int, count: int, bars: Sequence[int], loudest: int) -> Band:
    path = "".join(_bar(place, bar / loudest) for place, bar in enumerate(bars))
    name = "One channel" if count == 1 else f"Channel {number + 1}"
    return Band(number + 1, name, path, len(bars) * (BAR + GAP))


def _bar(place: int, share: float) -> str:
    height = max(round(share * HEIGHT), 2)
    return f"M{place * (BAR + GAP)} {(HEIGHT - height) / 2:g}h{BAR}v{height}h-{BAR}z"

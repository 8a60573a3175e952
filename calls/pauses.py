"""Which parts of a recording must not be heard: those during which it was paused (telesales spec)."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from calls.audio.facts import Silencing, Span
from calls.models import Pause, PauseHandling

_TOLERANCE_SECONDS = 1.0
_MICROSECOND = timedelta(microseconds=1)


class PausesDoNotFit(Exception):
    """It cannot be told where in the recording its pauses are; ``reason`` says why in plain words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def silencing(
    pauses: Iterable[Pause], *, started_at: datetime | None, ended_at: datetime | None, handling: str
) -> Silencing:
    """What must be silent in a recording that began at ``started_at``, of a call that ended at ``ended_at``.

    A provider that omits what is paused does so where it reported no error; those spans are to be inserted,
    an open one up to the call's end. Raises PausesDoNotFit where a time that this needs is not known.
    """
    if started_at is None:
        raise PausesDoNotFit("the call was paused, and when its recording began is not known")
    found = list(pauses)
    silent = merged(_span(pause, started_at) for pause in found)
    if handling != PauseHandling.OMITTED:
        return Silencing(silent=silent)
    if ended_at is None:
        raise PausesDoNotFit("the recording leaves its pauses out, and when the call ended is not known")
    length = _microseconds(ended_at - started_at)
    left_out = merged(_span(pause, started_at) for pause in found if not pause.provider_error)
    return Silencing(silent=silent, absent=_until(length, left_out), length=length)


def check_length(silencing: Silencing, seconds: float) -> None:
    """Raise PausesDoNotFit where the recording, with what was inserted, does not last as long as its call."""
    if silencing.length is None:
        return
    expected = silencing.length / 1_000_000
    if abs(seconds - expected) > _TOLERANCE_SECONDS:
        raise PausesDoNotFit(
            f"the recording does not match its pauses: with those that were left out it lasts "
            f"{seconds:.1f} s, and from its beginning to the call's end it is {expected:.1f} s"
        )


def merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The spans in order, without empty ones; those that overlap or touch are one."""
    result: list[Span] = []
    for start, end in sorted(spans, key=lambda span: span[0]):
        if result and _reaches(result[-1], start):
            first, until = result[-1]
            result[-1] = first, None if until is None or end is None else max(until, end)
        elif end is None or start < end:
            result.append((start, end))
    return tuple(result)


def _reaches(span: Span, start: int) -> bool:
    return span[1] is None or start <= span[1]


def _span(pause: Pause, began: datetime) -> Span:
    """What is before the recording's beginning is not in it."""
    start = max(_microseconds(pause.paused_at - began), 0)
    if pause.resumed_at is None:
        return start, None
    return start, max(_microseconds(pause.resumed_at - began), 0)


def _until(length: int, spans: tuple[Span, ...]) -> tuple[tuple[int, int], ...]:
    clipped = ((start, length if end is None else min(end, length)) for start, end in spans)
    return tuple((start, end) for start, end in clipped if start < end)


def _microseconds(duration: timedelta) -> int:
    return duration // _MICROSECOND

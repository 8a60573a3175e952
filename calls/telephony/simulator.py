"""The embedded simulator: calls that nobody answers and that sound all the same. For development and tests.

A call that shows a number is answered, or not, by rule: the last four digits of whom it calls say how.

| digits | what happens |
|---|---|
| 0001 | nobody answers |
| 0002 | busy |
| 0003 | it fails |
| others | somebody answers, talks for a few seconds and hangs up |

Its state is rows, so that web and workers agree. Pauses do not interrupt what it records: what is silent in a
stored recording is our own doing.
"""

import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from operator import attrgetter
from typing import ClassVar

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from calls.models import PauseHandling, SimulatedCall
from calls.telephony import speech
from calls.telephony.port import (
    Answered,
    CallState,
    Ended,
    Ending,
    Event,
    HungUp,
    NotPossible,
    Provider,
    RecordingReady,
    UnknownCall,
)
from zipingest import work

_POLL_SECONDS = 0.2
# Looked at again at each poll: a row's time is a moment older than its commit.
_OVERLAP = timedelta(seconds=10)


_BY_RULE = {"0001": Ending.NO_ANSWER, "0002": Ending.BUSY, "0003": Ending.FAILED}
RINGS = timedelta(seconds=0.5)


class Simulator(Provider):
    """A call without a number of ours is answered at once, and talks until it is hung up.

    An hour of it is recorded at most.
    """

    name: ClassVar[str] = "simulator"
    pause_handling: ClassVar[PauseHandling] = PauseHandling.IGNORED

    def originate(self, *, to: str, caller_id: str = "", call_id: str = "") -> str:
        begun = SimulatedCall(phone=to, started_at=work.database_now())
        if call_id:
            begun.pk = uuid.UUID(call_id)
        if caller_id:
            _play_by_rule(begun)
        else:
            begun.answered_at = begun.started_at
        SimulatedCall.objects.bulk_create([begun], ignore_conflicts=True)
        return str(begun.pk)

    def state(self, call_id: str) -> CallState:
        call, now = _call(call_id), work.database_now()
        answered = call.answered_at if call.answered_at and call.answered_at <= now else None
        ended = call.ended_at if _has_ended(call, now) else None
        return CallState(answered, ended, Ending(call.ending))

    def carries(self, call_id: str) -> bool:
        return _rows(call_id).exists()

    def hangup(self, call_id: str) -> Ended:
        now = work.database_now()
        running = _rows(call_id).filter(Q(ended_at__isnull=True) | Q(ended_at__gt=now))
        running.update(ended_at=now)
        call = _call(call_id)
        assert call.ended_at is not None
        return Ended(call.ended_at, call.started_at)

    def pause_recording(self, call_id: str) -> None:
        _switch(call_id, _pause)

    def resume_recording(self, call_id: str) -> None:
        _switch(call_id, _resume)

    def events(self, stop: threading.Event) -> Iterator[Event]:
        return _following(stop, happened())  # what is past is past from this moment on

    def recording(self, call_id: str) -> Iterator[bytes]:
        call = _call(call_id)
        if call.ended_at is None or not _has_ended(call, work.database_now()):
            raise NotPossible("the call is still in progress")
        return speech.wav(str(call.pk), (call.ended_at - call.started_at).total_seconds())


def _play_by_rule(call: SimulatedCall) -> None:
    """Give the call all its times at once."""
    call.ending = _BY_RULE.get(call.phone[-4:], Ending.ANSWERED)
    call.ended_at = call.started_at + RINGS
    if call.ending == Ending.ANSWERED:
        call.answered_at = call.started_at + RINGS
        talks = settings.SIMULATOR_TALK_SECONDS * (1 + int(call.phone[-1]) / 10)
        call.ended_at = call.answered_at + timedelta(seconds=talks)


def _has_ended(call: SimulatedCall, now: datetime) -> bool:
    return call.ended_at is not None and call.ended_at <= now


def _rows(call_id: str) -> QuerySet[SimulatedCall]:
    try:
        return SimulatedCall.objects.filter(pk=uuid.UUID(call_id))
    except ValueError:  # an id of somebody else's
        return SimulatedCall.objects.none()


def _call(call_id: str, *, lock: bool = False) -> SimulatedCall:
    rows = _rows(call_id)
    call = (rows.select_for_update() if lock else rows).first()
    if call is None:
        raise UnknownCall
    return call


def _switch(call_id: str, change: Callable[[list[list[float | None]], float], None]) -> None:
    """Let ``change`` write the spans of a running call, of which so many seconds have passed."""
    with transaction.atomic():
        call = _call(call_id, lock=True)
        now = work.database_now()
        if _has_ended(call, now):
            raise NotPossible("the call has ended")
        change(call.pauses, round((now - call.started_at).total_seconds(), 3))
        call.save(update_fields=["pauses"])


def _pause(spans: list[list[float | None]], second: float) -> None:
    if not spans or spans[-1][1] is not None:
        spans.append([second, None])


def _resume(spans: list[list[float | None]], second: float) -> None:
    if spans and spans[-1][1] is None:
        spans[-1][1] = second


def _following(stop: threading.Event, seen: list[Event]) -> Iterator[Event]:
    while not stop.wait(_POLL_SECONDS):
        told = happened()
        yield from (event for event in told if event not in seen)
        seen = told


def happened() -> list[Event]:
    """Lately, in order."""
    now = work.database_now()
    since = now - _OVERLAP
    lately = SimulatedCall.objects.filter(Q(started_at__gte=since) | Q(ended_at__gte=since))
    events = (event for call in lately for event in _events_of(call))
    return sorted((event for event in events if event.at <= now), key=attrgetter("at"))


def _events_of(call: SimulatedCall) -> Iterator[Event]:
    """All there are going to be."""
    call_id = str(call.pk)
    if call.answered_at is not None:
        yield Answered(call_id, call.answered_at)
    if call.ended_at is not None:
        yield HungUp(call_id, call.ended_at, Ending(call.ending), cause="hung up")
        if call.answered_at is not None:
            yield RecordingReady(call_id, call.ended_at)

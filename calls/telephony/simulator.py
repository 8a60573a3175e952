"""The embedded simulator: calls that nobody answers and that sound all the same. For development and tests.

Its state is rows, so that web and workers agree. Pauses do not interrupt what it records: what is silent in a
stored recording is our own doing.
"""

import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from operator import attrgetter
from typing import ClassVar

from django.db import transaction
from django.db.models import Q, QuerySet

from calls.models import PauseHandling, SimulatedCall
from calls.telephony import speech
from calls.telephony.port import (
    Answered,
    Ended,
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


class Simulator(Provider):
    """Every call is answered at once, and talks until it is hung up; an hour of it is recorded at most."""

    name: ClassVar[str] = "simulator"
    pause_handling: ClassVar[PauseHandling] = PauseHandling.IGNORED

    def originate(self, *, to: str, caller_id: str = "") -> str:
        return str(SimulatedCall.objects.create(phone=to, started_at=work.database_now()).pk)

    def carries(self, call_id: str) -> bool:
        return _rows(call_id).exists()

    def hangup(self, call_id: str) -> Ended:
        _rows(call_id).filter(ended_at__isnull=True).update(ended_at=work.database_now())
        call = _call(call_id)
        assert call.ended_at is not None
        return Ended(call.ended_at, call.started_at)

    def pause_recording(self, call_id: str) -> None:
        _switch(call_id, _pause)

    def resume_recording(self, call_id: str) -> None:
        _switch(call_id, _resume)

    def events(self, stop: threading.Event) -> Iterator[Event]:
        return _following(stop, _happened())  # what is past is past from this moment on

    def recording(self, call_id: str) -> Iterator[bytes]:
        call = _call(call_id)
        if call.ended_at is None:
            raise NotPossible("the call is still in progress")
        return speech.wav(str(call.pk), (call.ended_at - call.started_at).total_seconds())


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
        if call.ended_at is not None:
            raise NotPossible("the call has ended")
        change(call.pauses, round((work.database_now() - call.started_at).total_seconds(), 3))
        call.save(update_fields=["pauses"])


def _pause(spans: list[list[float | None]], second: float) -> None:
    if not spans or spans[-1][1] is not None:
        spans.append([second, None])


def _resume(spans: list[list[float | None]], second: float) -> None:
    if spans and spans[-1][1] is None:
        spans[-1][1] = second


def _following(stop: threading.Event, seen: list[Event]) -> Iterator[Event]:
    while not stop.wait(_POLL_SECONDS):
        happened = _happened()
        yield from (event for event in happened if event not in seen)
        seen = happened


def _happened() -> list[Event]:
    """Lately, in order."""
    since = work.database_now() - _OVERLAP
    happened: list[Event] = []
    for call in SimulatedCall.objects.filter(Q(started_at__gte=since) | Q(ended_at__gte=since)):
        call_id = str(call.pk)
        happened.append(Answered(call_id, call.started_at))
        if call.ended_at is not None:
            happened.append(HungUp(call_id, call.ended_at, cause="hung up"))
            happened.append(RecordingReady(call_id, call.ended_at))
    return sorted(happened, key=attrgetter("at"))

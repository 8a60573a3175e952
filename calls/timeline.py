"""What happened to calls, in plain words: for whoever asks what became of one, on the console and the pages.

Reads only; the number of queries does not depend on the number of calls.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.db.models import F, Model, Prefetch, prefetch_related_objects

from calls import reasons
from calls.models import (
    AccessKind,
    AccessRecord,
    Call,
    DispositionChange,
    FetchAttempt,
    IngestItem,
    LegalHold,
    Outcome,
    Pause,
    Signal,
    Source,
)
from calls.telephony.simulator import Simulator
from partners.models import Attempt, Delivery

Tone = Literal["success", "info", "warning", "danger", ""]

MOST_OF_EACH = 50

_INGESTED: dict[str, tuple[Tone, str]] = {
    Outcome.ACCEPTED: ("info", "Taken in"),
    Outcome.DUPLICATE: ("", "Sent again with the same content: nothing to do"),
    Outcome.CONFLICT: ("warning", "Sent again with other content: nothing was changed"),
    Outcome.TAKEN_UP: ("info", "Sent again with another URL: taken up again"),
}
# Pauses have events of their own.
_HEARD = {AccessKind.LISTEN: "listened to it", AccessKind.DOWNLOAD: "downloaded it"}


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    For our own staff alone: ``internals`` (hosts, addresses, ids of requests, why a hold was placed),
    ``hops`` (a fetch's transcript) and ``row`` (what has a page of its own in the console).
    """

    at: datetime
    tone: Tone
    title: str
    details: list[str] = field(default_factory=list)
    internals: list[str] = field(default_factory=list)
    hops: list[dict[str, Any]] = field(default_factory=list)
    row: Model | None = None

    def without_internals(self) -> "Event":
        return replace(self, internals=[], hops=[], row=None)


def timelines(calls: Sequence[Call], *, listens: bool, staff: bool = False) -> dict[int, list[Event]]:
    """The events of each call by its primary key, oldest first, at most MOST_OF_EACH of a kind.

    ``calls`` come with partner, customer and recording. Who listened is told only where ``listens``, what
    only our own staff may know only where ``staff``.
    """
    prefetch_related_objects(calls, *_related(listens))
    owed, disposed = _callbacks(calls), _dispositions(calls)
    told = {
        call.pk: _events(call, owed.get(call.uuid, ()), disposed.get(call.pk, ()), listens) for call in calls
    }
    return {
        pk: sorted(
            (event if staff else event.without_internals() for event in events), key=lambda event: event.at
        )
        for pk, events in told.items()
    }


def carrier(call: Call) -> str:
    """Who carries a live or dialled call; the embedded simulator is named as what it is."""
    return carried_by(call.provider)


def carried_by(provider: str) -> str:
    return "simulator (no real telephone)" if provider == Simulator.name else provider


def clock(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _related(listens: bool) -> Iterator["Prefetch[Any]"]:
    items = IngestItem.objects.select_related("batch").order_by("-id")
    yield Prefetch("ingest_items", items[:MOST_OF_EACH], to_attr="named_in")
    yield Prefetch("recording__tried", FetchAttempt.objects.order_by("-id")[:MOST_OF_EACH], to_attr="fetches")
    yield Prefetch("pauses", Pause.objects.order_by("-id")[:MOST_OF_EACH], to_attr="paused")
    later = Signal.objects.select_related("name").filter(created_at__gt=F("call__received_at"))
    yield Prefetch("signals", later.order_by("-id")[:MOST_OF_EACH], to_attr="signalled")
    yield Prefetch("holds", LegalHold.objects.order_by("-id")[:MOST_OF_EACH], to_attr="held_by")
    if listens:
        heard = AccessRecord.objects.filter(kind__in=_HEARD).order_by("-id")
        yield Prefetch("access_records", heard[:MOST_OF_EACH], to_attr="heard")


def _callbacks(calls: Sequence[Call]) -> dict[UUID, list[Delivery]]:
    """The newest callbacks of the calls with their newest attempts; callbacks name a call by its uuid."""
    tried = Prefetch("tried", Attempt.objects.order_by("-id")[:MOST_OF_EACH], to_attr="tries_made")
    found = Delivery.objects.filter(subject__in=[call.uuid for call in calls]).defer("body")
    by_call: dict[UUID, list[Delivery]] = {}
    for delivery in found.order_by("-id").prefetch_related(tried)[: MOST_OF_EACH * len(calls)]:
        if delivery.subject is not None:
            by_call.setdefault(delivery.subject, []).append(delivery)
    return by_call


def _dispositions(calls: Sequence[Call]) -> dict[int, list[DispositionChange]]:
    by_call: dict[int, list[DispositionChange]] = {}
    for change in DispositionChange.objects.filter(call__in=calls)[: MOST_OF_EACH * len(calls)]:
        if change.call_id is not None:
            by_call.setdefault(change.call_id, []).append(change)
    return by_call


def _events(
    call: Call, owed: Iterable[Delivery], disposed: Iterable[DispositionChange], listens: bool
) -> Iterator[Event]:
    # What was prefetched stands in attributes that the models do not declare.
    made: Any = call
    recording: Any = getattr(call, "recording", None)
    if call.source == Source.LIVE:
        yield from _lived(call)
    if call.source == Source.DIALER:
        yield from _dialled(call)
    if call.last_exported_at:
        yield Event(call.last_exported_at, "", "Last exported")
    yield from map(_ingested, made.named_in)
    yield from map(_fetched, recording.fetches if recording else ())
    yield from map(_disposed, disposed)
    yield from map(_signalled, made.signalled)
    yield from map(_heard, made.heard if listens else ())
    for pause in made.paused:
        yield from _paused(pause, call)
    for hold in made.held_by:
        yield from _held(hold)
    for delivery in owed:
        yield from _called_back(delivery)


def _dialled(call: Call) -> Iterator[Event]:
    request = [f"Request {call.request_id}"] if call.request_id else []
    yield Event(call.started_at, "info", "Dialled by the dialer", [f"Carried by: {carrier(call)}"], request)
    if call.ended_at:
        yield Event(call.ended_at, "", "The call ended")


def _lived(call: Call) -> Iterator[Event]:
    carried = [f"Carried by: {carrier(call)}"] if call.provider else []
    request = [f"Request {call.request_id}"] if call.request_id else []
    yield Event(call.received_at, "info", "Registered as a live call", carried, request)
    if call.ended_at:
        yield Event(call.ended_at, "", "The call ended")


def _ingested(item: IngestItem) -> Event:
    tone, title = _INGESTED[item.outcome]
    request = f"Request {item.batch.request_id or 'without an id'}"
    if item.call.source != Source.NETWORK:  # which sends one call at a time
        request += f", element {item.position} of its batch"
    differing = [f"Fields that differ: {', '.join(item.conflicts)}"] if item.conflicts else []
    return Event(item.batch.received_at, tone, title, differing, [request], row=item.batch)


def _fetched(attempt: FetchAttempt) -> Event:
    came = [f"began as {attempt.sniffed}"] if attempt.sniffed else []
    came += [f"said to be {attempt.content_type}"] if attempt.content_type else []
    came += [f"{attempt.bytes:,} bytes"] if attempt.bytes is not None else []
    internals = [f"Error: {attempt.error}"] if attempt.error else []
    internals += [f"The answer {', '.join(came)}"] if came else []
    took = [f"Run {attempt.run}, took {attempt.duration_ms / 1000:.2f} s"]
    tone: Tone = "danger" if attempt.error else "success"
    return Event(attempt.started_at, tone, _fetch_title(attempt), took, internals, attempt.transcript)


def _fetch_title(attempt: FetchAttempt) -> str:
    if not attempt.error:
        return "Recording fetched and stored"
    return f"Fetch failed: {reasons.in_words(attempt.code)}" if attempt.code else "Fetch failed"


def _paused(pause: Pause, call: Call) -> Iterator[Event]:
    details = [f"By {pause.paused_by}"]
    if pause.provider_error:
        details.append("The provider did not do it: the span is silenced when the recording arrives")
    if pause.resumed_at is None:
        details.append("Not resumed yet" if call.in_progress else "Never resumed: it runs to the call's end")
    internals = [f"Error: {pause.provider_error}"] if pause.provider_error else []
    tone: Tone = "warning" if pause.provider_error or pause.resumed_at is None else "info"
    yield Event(pause.paused_at, tone, "Recording paused", details, internals, row=pause)
    if pause.resumed_at:
        yield Event(pause.resumed_at, "info", "Recording resumed", [f"By {pause.resumed_by}"], row=pause)


def _held(hold: LegalHold) -> Iterator[Event]:
    why = [f"By {hold.placed_by}: {hold.reason}"]
    yield Event(hold.placed_at, "warning", "Legal hold placed", internals=why, row=hold)
    if hold.released_at:
        who = [f"By {hold.released_by}"]
        yield Event(hold.released_at, "", "Legal hold released", internals=who, row=hold)


def _called_back(delivery: Delivery) -> Iterator[Event]:
    next_at = delivery.next_attempt_at
    details = [f"Next attempt at {clock(next_at)}"] if next_at else []
    internals = [f"Webhook id {delivery.webhook_id}", f"To {delivery.url.partition('?')[0]}"]
    yield Event(delivery.created_at, "", "Callback owed to the partner", details, internals, row=delivery)
    made: Any = delivery
    for attempt in made.tries_made:
        yield _tried(attempt, delivery)


def _tried(attempt: Attempt, delivery: Delivery) -> Event:
    took = [f"Attempt {attempt.number}, took {attempt.duration_ms / 1000:.2f} s"]
    if not attempt.error:
        title = f"Callback delivered: the endpoint answered {attempt.status}"
        return Event(attempt.started_at, "success", title, took, row=delivery)
    answered = f": the endpoint answered {attempt.status}" if attempt.status else ": no answer"
    internals = [f"Error: {attempt.error}"]
    internals += [f"It said: {attempt.answer[:200]}"] if attempt.answer else []
    return Event(attempt.started_at, "warning", f"Callback failed{answered}", took, internals, row=delivery)


def _disposed(change: DispositionChange) -> Event:
    note = [f"Note: {change.note}"] if change.note else []
    return Event(change.changed_at, "", f"Disposition {change}", [f"By {change.changed_by}", *note])


def _signalled(signal: Signal) -> Event:
    verb = "corrected" if signal.corrects_id else "reported"
    title = f"Signal {signal.name} {verb}: {'met' if signal.value else 'not met'}"
    details = [f"For {signal.partner_unique_id}"] if signal.partner_unique_id else []
    details += [f"Revenue {signal.revenue:,}"] if signal.revenue is not None else []
    return Event(signal.created_at, "", title, details)


def _heard(record: AccessRecord) -> Event:
    from_where = [f"From {record.address}"] if record.address else []
    title = f"{record.actor} {_HEARD[AccessKind(record.kind)]}"
    return Event(record.at, "", title, internals=from_where)

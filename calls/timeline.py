"""What happened to calls, in plain words: for whoever asks "why did this call not arrive?".

Reads only; the number of queries does not depend on the number of calls.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from django.conf import settings
from django.db.models import Model, Prefetch, prefetch_related_objects

from calls.models import AccessRecord, Call, DispositionChange, FetchAttempt, IngestItem, Outcome, Recording
from partners.models import Attempt, Delivery
from zipingest.work import WorkState

Tone = Literal["success", "info", "warning", "danger", ""]

MOST_OF_EACH = 50
EXPIRY_WARNING = timedelta(hours=1)

_INGESTED: dict[str, tuple[Tone, str]] = {
    Outcome.ACCEPTED: ("info", "Taken in"),
    Outcome.DUPLICATE: ("", "Sent again with the same content: nothing to do"),
    Outcome.CONFLICT: ("warning", "Sent again with other content: nothing was changed"),
    Outcome.TAKEN_UP: ("info", "Sent again with another URL: taken up again"),
}


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. ``row`` is what has a page of its own, ``hops`` a fetch's transcript."""

    at: datetime
    tone: Tone
    title: str
    details: list[str] = field(default_factory=list)
    hops: list[dict[str, Any]] = field(default_factory=list)
    row: Model | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a call stands now. ``reason`` and ``warning`` are empty where there is nothing to say."""

    tone: Tone
    words: str
    reason: str = ""
    next_attempt_at: datetime | None = None
    warning: str = ""


def standing(recording: Recording, now: datetime) -> Standing:
    """Whether the recording has arrived and, where not, why and what happens next."""
    next_at = recording.next_attempt_at
    match WorkState(recording.state):
        case WorkState.DONE:
            return Standing("success", "It has arrived: its recording is stored.")
        case WorkState.LEASED:
            return Standing("info", _at_work(recording), recording.last_error, None, _expiry(recording, now))
        case WorkState.DUE:
            tone: Tone = "warning" if recording.attempts else "info"
            return Standing(
                tone, _waiting(recording, now), recording.last_error, next_at, _expiry(recording, now)
            )
        case WorkState.POISON:
            words = "It did not arrive: its file ended our decoder again and again and is set aside."
        case _:
            words = "It did not arrive, and is not tried again by itself."
    return Standing("danger", words, recording.last_error)


def timelines(calls: Sequence[Call], *, listens: bool) -> dict[int, list[Event]]:
    """The events of each call by its primary key, oldest first, at most MOST_OF_EACH of a kind.

    ``calls`` come with partner, customer and recording. Who listened is told only where ``listens``.
    """
    prefetch_related_objects(calls, *_related(listens))
    owed, disposed = _callbacks(calls), _dispositions(calls)
    return {
        call.pk: sorted(
            _events(call, owed.get(call.uuid, ()), disposed.get(call.pk, ()), listens),
            key=lambda event: event.at,
        )
        for call in calls
    }


def _related(listens: bool) -> Iterator["Prefetch[Any]"]:
    items = IngestItem.objects.select_related("batch").order_by("-id")
    yield Prefetch("ingest_items", items[:MOST_OF_EACH], to_attr="named_in")
    yield Prefetch("recording__tried", FetchAttempt.objects.order_by("-id")[:MOST_OF_EACH], to_attr="fetches")
    if listens:
        heard = AccessRecord.objects.order_by("-id")
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
    fetched: Any = call.recording
    yield from map(_ingested, made.named_in)
    yield from map(_fetched, fetched.fetches)
    yield from map(_disposed, disposed)
    yield from map(_heard, made.heard if listens else ())
    for delivery in owed:
        yield from _called_back(delivery)


def _ingested(item: IngestItem) -> Event:
    tone, title = _INGESTED[item.outcome]
    details = [f"Request {item.batch.request_id or 'without an id'}, element {item.position} of its batch"]
    if item.conflicts:
        details.append(f"Fields that differ: {', '.join(item.conflicts)}")
    return Event(item.batch.received_at, tone, title, details, row=item.batch)


def _fetched(attempt: FetchAttempt) -> Event:
    title = f"Fetch failed: {attempt.error}" if attempt.error else "Recording fetched and stored"
    came = [f"began as {attempt.sniffed}"] if attempt.sniffed else []
    came += [f"said to be {attempt.content_type}"] if attempt.content_type else []
    came += [f"{attempt.bytes:,} bytes"] if attempt.bytes is not None else []
    details = [f"Run {attempt.run}, took {attempt.duration_ms / 1000:.2f} s"]
    details += [f"The answer {', '.join(came)}"] if came else []
    return Event(
        attempt.started_at, "danger" if attempt.error else "success", title, details, attempt.transcript
    )


def _called_back(delivery: Delivery) -> Iterator[Event]:
    details = [f"To {delivery.url.partition('?')[0]}"]
    if delivery.next_attempt_at:
        details.append(f"Next attempt at {_clock(delivery.next_attempt_at)}")
    yield Event(
        delivery.created_at, "", f"Callback {delivery.webhook_id} owed to the partner", details, row=delivery
    )
    made: Any = delivery
    for attempt in made.tries_made:
        yield _tried(attempt, delivery)


def _tried(attempt: Attempt, delivery: Delivery) -> Event:
    took = f"Attempt {attempt.number}, took {attempt.duration_ms / 1000:.2f} s"
    if not attempt.error:
        title = f"Callback delivered: the endpoint answered {attempt.status}"
        return Event(attempt.started_at, "success", title, [took], row=delivery)
    answer = [f"It said: {attempt.answer[:200]}"] if attempt.answer else []
    title = f"Callback failed: {attempt.error}"
    return Event(attempt.started_at, "warning", title, [took, *answer], row=delivery)


def _disposed(change: DispositionChange) -> Event:
    return Event(change.changed_at, "", f"Disposition {change}", [f"By {change.changed_by}"])


def _heard(record: AccessRecord) -> Event:
    from_where = [f"From {record.address}"] if record.address else []
    return Event(record.at, "", f"{record.actor} {record.get_kind_display()} it", from_where)


def _at_work(recording: Recording) -> str:
    doing = "fetched" if recording.stage == "fetching" else "checked and stored"
    return f"It is being {doing} now, as attempt {recording.attempts + 1} of {_attempts_allowed()}."


def _waiting(recording: Recording, now: datetime) -> str:
    if recording.due_at > now:
        return f"It waits for attempt {recording.attempts + 1} of {_attempts_allowed()}."
    if recording.attempts:
        return f"Attempt {recording.attempts + 1} of {_attempts_allowed()} is due, and waits for its turn."
    return f"It waits for its first fetch since {_clock(recording.due_at)}."


def _attempts_allowed() -> int:
    return len(settings.FETCH_RETRY_STEPS) + 1


def _expiry(recording: Recording, now: datetime) -> str:
    """What is to be said of a presigned URL that ends soon, or has ended."""
    expiry = recording.url_expires_at
    if expiry is None:
        return ""
    if now < expiry <= (recording.next_attempt_at or now):
        return f"The recording's URL ends at {_clock(expiry)}, before the next attempt."
    if expiry - now >= EXPIRY_WARNING:
        return ""
    if expiry <= now:
        return f"The recording's URL has not been valid since {_clock(expiry)}: another one is needed."
    minutes = int((expiry - now).total_seconds() // 60)
    return f"The recording's URL is valid for {minutes} more minutes, until {_clock(expiry)}."


def _clock(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"

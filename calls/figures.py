"""How the house does, in figures: read from the database when asked, so they are right with many processes.

Each figure is one query over an index, and bounded: a backlog or a flood makes it "at least", never slow.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

from django.db.models import Count, Max, Model, QuerySet, Sum
from django.db.models.functions import TruncHour

from calls.models import Call, FetchAttempt, PurgeCount, Recording
from partners.models import Attempt, Rejection, RejectionCount
from zipingest import work
from zipingest.work import WorkItem, WorkState

MOST_CALLS = 200_000
MOST_ATTEMPTS = 50_000
MOST_COUNTED = 20_000


@dataclass(frozen=True, slots=True)
class Work:
    """One kind of work; counts end at MOST_COUNTED, ``oldest_seconds`` is 0 where nothing is overdue."""

    kind: str
    due: int
    leased: int
    failed: int
    poison: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class Callbacks:
    """The attempts of one partner's callbacks; durations in milliseconds, None where none succeeded."""

    partner: str
    attempts: int
    successes: int
    median_ms: int | None
    p95_ms: int | None

    @property
    def success_rate(self) -> float:
        return self.successes / self.attempts


def calls_per_hour(since: datetime) -> dict[datetime, Counter[str]]:
    """Per hour (its beginning) the number of calls received in it, by their public state now."""
    per_hour: dict[datetime, Counter[str]] = defaultdict(Counter)
    hourly = _received(since).annotate(hour=TruncHour("call__received_at", tzinfo=UTC))
    for hour, state, stage, count in hourly.values_list("hour", "state", "stage").annotate(n=Count("pk")):
        per_hour[hour][_public(state, stage)] += count
    return dict(per_hour)


def calls_by_state(since: datetime) -> Counter[str]:
    """The calls received since then, by their public state now."""
    by_state: Counter[str] = Counter()
    for state, stage, count in _received(since).values_list("state", "stage").annotate(n=Count("pk")):
        by_state[_public(state, stage)] += count
    return by_state


def work_by_kind() -> list[Work]:
    now = work.database_now()
    return [_work(kind.model, now) for kind in work.kinds()]


def fetch_failures(since: datetime) -> Counter[str]:
    """Attempts at recordings that failed, by code. Index ``fetch_attempt_started``, read alone."""
    failed = FetchAttempt.objects.filter(started_at__gte=since).exclude(code="").order_by()
    return Counter(dict(failed.values_list("code").annotate(count=Count("pk"))))


def callbacks_by_partner(since: datetime) -> list[Callbacks]:
    """Of the newest MOST_ATTEMPTS attempts, those since then: per partner, by name."""
    durations: dict[str, list[int]] = defaultdict(list)
    attempts: Counter[str] = Counter()
    for partner, duration, error in _attempts(since, "delivery__partner__name", "duration_ms", "error"):
        attempts[partner] += 1
        if not error:
            durations[partner].append(duration)
    return [_callbacks(name, attempts[name], sorted(durations[name])) for name in sorted(attempts)]


def callback_results(since: datetime) -> Counter[str]:
    """Attempts by result: ``delivered``, ``http_500`` and the like, ``no_answer``."""
    return Counter(
        "delivered" if not error else f"http_{status}" if status else "no_answer"
        for status, error in _attempts(since, "status", "error")
    )


def rejections_today() -> Counter[int]:
    """Refused requests by status since midnight UTC, those of nobody's key too."""
    midnight = datetime.combine(work.database_now().astimezone(UTC), time.min, UTC)
    by_status: Counter[int] = Counter()
    known = RejectionCount.objects.filter(day=midnight.date())
    # At most one row per address and minute; index ``rejection_at``.
    unknown = Rejection.objects.filter(at__gte=midnight, partner=None)
    by_status.update(dict(known.order_by().values_list("status").annotate(total=Sum("count"))))
    by_status.update(dict(unknown.order_by().values_list("status").annotate(total=Sum("count"))))
    return by_status


def purged_today() -> dict[str, int]:
    """Recordings given up since midnight UTC; and those given up whose objects are still there."""
    today = PurgeCount.objects.filter(day=work.database_now().astimezone(UTC).date())
    left = Recording.objects.filter(purged_at__isnull=False).exclude(key="").order_by()
    given_up: int = today.aggregate(total=Sum("recordings"))["total"] or 0
    return {"given_up": given_up, "to_delete": left[:MOST_COUNTED].count()}


def _received(since: datetime) -> QuerySet[Recording]:
    """The recordings of calls received since then, of the newest MOST_CALLS.

    ``call_received`` finds the first; from its id on, the recordings are a stretch of their index on calls,
    as both are made in the order of arrival. Joined on the time alone, the whole table would be read.
    """
    after = Call.objects.filter(received_at__gte=since).order_by("received_at")
    first = after.values_list("pk", flat=True).first() or 0
    first = max(first, _last(Call) - MOST_CALLS)
    return Recording.objects.filter(call_id__gte=first, call__received_at__gte=since).order_by()


def _attempts(since: datetime, *columns: str) -> Iterator[tuple[Any, ...]]:
    """Of the newest MOST_ATTEMPTS attempts of callbacks (a stretch of the primary key) those since then."""
    newest = Attempt.objects.filter(pk__gt=_last(Attempt) - MOST_ATTEMPTS, started_at__gte=since)
    return newest.order_by().values_list(*columns).iterator()


def _last(model: type[Model]) -> int:
    last: int | None = model._default_manager.aggregate(last=Max("pk"))["last"]
    return last or 0


def _work(model: type[WorkItem], now: datetime) -> Work:
    oldest = min((since for _, since in work.waiting_lanes(model)), default=now)
    ended = _ended_badly(model)
    return Work(
        kind=str(model._meta.verbose_name),
        due=_at_least(model, WorkState.DUE),
        leased=_at_least(model, WorkState.LEASED),
        failed=ended[WorkState.FAILED],
        poison=ended[WorkState.POISON],
        oldest_seconds=max((now - oldest).total_seconds(), 0),
    )


def _at_least(model: type[WorkItem], state: WorkState) -> int:
    """Rows in the state, due or leased: each has a partial index."""
    return model._default_manager.filter(state=state).order_by()[:MOST_COUNTED].count()


def _ended_badly(model: type[WorkItem]) -> Counter[str]:
    """Failed and poisoned rows among the newest of them, by a partial index; one pass for both states."""
    ended = model._default_manager.filter(state__in=[WorkState.FAILED, WorkState.POISON]).order_by("-pk")
    return Counter(ended.values_list("state", flat=True)[:MOST_COUNTED])


def _public(state: str, stage: str) -> str:
    return Recording(state=state, stage=stage).public_state


def _callbacks(partner: str, attempts: int, durations: Sequence[int]) -> Callbacks:
    return Callbacks(partner, attempts, len(durations), _share(durations, 0.5), _share(durations, 0.95))


def _share(ordered: Sequence[int], share: float) -> int | None:
    """The value that ``share`` of the others do not exceed (nearest rank)."""
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else None

"""How the house does, in figures: read from the database when asked, so they are right with many processes.

Each figure is one query over an index, and bounded: a backlog or a flood makes it "at least", never slow.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

from django.db.models import BooleanField, Count, ExpressionWrapper, Max, Model, Q, QuerySet, Sum
from django.db.models.functions import TruncHour

from calls.models import Call, FetchAttempt, PurgeCount, Recording
from partners.models import Attempt, Partner, Rejection, RejectionCount
from zipingest import work
from zipingest.work import Kind, WorkItem, WorkState

MOST_CALLS = 200_000
MOST_ATTEMPTS = 50_000
MOST_COUNTED = 20_000
_MOST_LANES = 1000
_MOST_LOOKED_AT = 2000
# So often a deploy never loses a lease.
_OFTEN_LOST = 3
_ENDED_BADLY = Q(state__in=[WorkState.FAILED.value, WorkState.POISON.value])


@dataclass(frozen=True, slots=True)
class Work:
    """One kind of work; counts end at MOST_COUNTED, ``oldest_seconds`` is 0 where nothing is overdue.

    Overdue are the due rows whose time has come, in lanes that may run. ``run_out`` are leases that ended
    without an outcome and that nobody has freed yet; ``often_lost`` run again after three losses or more.
    """

    kind: str
    due: int
    overdue: int
    leased: int
    run_out: int
    often_lost: int
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


@dataclass(frozen=True, slots=True)
class Gauge:
    """A figure that a room above adds; ``read`` takes the time, and gives None where nothing is to tell."""

    name: str
    help_text: str
    read: Callable[[datetime], float | None]


_gauges: list[Gauge] = []


def register(gauge: Gauge) -> None:
    _gauges.append(gauge)


def registered() -> list[Gauge]:
    return list(_gauges)


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
    return [_work(kind, now) for kind in work.kinds()]


def fetch_failures(since: datetime) -> Counter[str]:
    """Attempts at recordings that failed, by code. Index ``fetch_attempt_started``, read alone."""
    failed = FetchAttempt.objects.filter(started_at__gte=since).exclude(code="").order_by()
    return Counter(dict(failed.values_list("code").annotate(count=Count("pk"))))


def fetches_by_lane(since: datetime) -> Counter[tuple[str, str]]:
    """Of the newest MOST_ATTEMPTS fetches those since then, per lane and outcome: ``stored``, ``failed``."""
    newest = FetchAttempt.objects.filter(pk__gt=_last(FetchAttempt) - MOST_ATTEMPTS, started_at__gte=since)
    failed = ExpressionWrapper(~Q(code=""), output_field=BooleanField())
    counted = newest.order_by().values_list("recording__lane", failed).annotate(n=Count("pk"))
    return Counter({(lane, "failed" if bad else "stored"): n for lane, bad, n in counted})


def callbacks_by_partner(since: datetime) -> list[Callbacks]:
    """Of the newest MOST_ATTEMPTS attempts, those since then: per partner, by name."""
    durations: dict[str, list[int]] = defaultdict(list)
    attempts: Counter[str] = Counter()
    for partner, duration, error in _attempts(since, "delivery__partner__name", "duration_ms", "error"):
        attempts[partner] += 1
        if not error:
            durations[partner].append(duration)
    return [_callbacks(name, attempts[name], sorted(durations[name])) for name in sorted(attempts)]


def callbacks_by_lane(since: datetime) -> Counter[tuple[str, str]]:
    """Attempts per lane and result: ``delivered``, ``http_500`` and the like, ``no_answer``."""
    by_lane: Counter[tuple[str, str]] = Counter()
    failed = ExpressionWrapper(~Q(error=""), output_field=BooleanField())
    counted = _newest_attempts(since).values_list("delivery__lane", "status", failed).annotate(n=Count("pk"))
    for lane, status, bad, count in counted:
        by_lane[lane, _result(status, bad)] += count
    return by_lane


def rejections_today() -> Counter[int]:
    """Refused requests by status since midnight UTC, those of nobody's key too."""
    midnight = datetime.combine(work.database_now().astimezone(UTC), time.min, UTC)
    by_status: Counter[int] = Counter()
    # The partners are named, as their unique constraint leads to the day: whatever the number of days.
    known = RejectionCount.objects.filter(partner__in=Partner.objects.values("pk"), day=midnight.date())
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
    return _newest_attempts(since).values_list(*columns).iterator()


def _newest_attempts(since: datetime) -> QuerySet[Attempt]:
    """Of the newest MOST_ATTEMPTS attempts of callbacks (a stretch of the primary key) those since then."""
    newest = Attempt.objects.filter(pk__gt=_last(Attempt) - MOST_ATTEMPTS, started_at__gte=since)
    return newest.order_by()


def _result(status: int | None, failed: bool) -> str:
    if not failed:
        return "delivered"
    return f"http_{status}" if status else "no_answer"


def _last(model: type[Model]) -> int:
    last: int | None = model._default_manager.aggregate(last=Max("pk"))["last"]
    return last or 0


def _work(kind: Kind, now: datetime) -> Work:
    model = kind.model
    waiting = {lane: since for lane, since in work.waiting_lanes(model) if since <= now}
    lanes = list(waiting) if kind.lanes is None else kind.lanes(list(waiting))
    oldest = min((waiting[lane] for lane in lanes), default=now)
    leases = list(_leases(model))
    failed, poison = _ended_badly(model)
    return Work(
        kind=str(model._meta.verbose_name),
        due=model._default_manager.filter(state=WorkState.DUE).order_by()[:MOST_COUNTED].count(),
        overdue=_overdue(model, lanes[:_MOST_LANES], now),
        leased=len(leases),
        run_out=sum(until is not None and until < now for until, _ in leases),
        often_lost=sum(losses >= _OFTEN_LOST for _, losses in leases),
        failed=failed,
        poison=poison,
        oldest_seconds=max((now - oldest).total_seconds(), 0),
    )


def _overdue(model: type[WorkItem], lanes: list[str], now: datetime) -> int:
    """By the partial index of what is due; rows of other lanes, and of later, are not read.

    Asked without lanes too: how often the database is asked does not depend on what waits.
    """
    rows = model._default_manager.filter(state=WorkState.DUE, lane__in=lanes or [""], due_at__lte=now)
    return rows.order_by()[:MOST_COUNTED].count()


def _leases(model: type[WorkItem]) -> QuerySet[WorkItem, tuple[datetime | None, int]]:
    """When each ends, and how many its row has lost; by the partial index of what is leased."""
    leased = model._default_manager.filter(state=WorkState.LEASED).order_by()
    return leased.values_list("lease_until", "expiries")[:MOST_COUNTED]


def _ended_badly(model: type[WorkItem]) -> tuple[int, int]:
    """Failed rows, and poisoned ones among the newest _MOST_LOOKED_AT of both; by a partial index.

    It does not hold the state, and rows that ended badly lie far apart: few are looked at.
    A kind without that index ends badly too rarely to have one: there, of the newest MOST_ATTEMPTS rows.
    """
    ended = model._default_manager.filter(_ENDED_BADLY).order_by("-pk")
    if not any(index.condition == _ENDED_BADLY for index in model._meta.indexes):
        ended = ended.filter(pk__gt=_last(model) - MOST_ATTEMPTS)
    poison = Counter(ended.values_list("state", flat=True)[:_MOST_LOOKED_AT])[WorkState.POISON]
    return ended[:MOST_COUNTED].count() - poison, poison


def _public(state: str, stage: str) -> str:
    return Recording(state=state, stage=stage).public_state


def _callbacks(partner: str, attempts: int, durations: Sequence[int]) -> Callbacks:
    return Callbacks(partner, attempts, len(durations), _share(durations, 0.5), _share(durations, 0.95))


def _share(ordered: Sequence[int], share: float) -> int | None:
    """The value that ``share`` of the others do not exceed (nearest rank)."""
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else None

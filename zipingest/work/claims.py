"""Who may take which row: fair between lanes, within the caps, each row to one worker."""

import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection, models, transaction
from django.db.models import F

from zipingest.work.rows import Lease, WorkItem, WorkState, database_now


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of work: its rows, how they are done, and how much of it may run at once.

    ``perform`` brings the leased rows to an outcome each; what it raises puts those still held back with a
    growing pause, and ``give_up`` ends a row (with a reason) whose workers vanished more than MAX_EXPIRIES
    times.
    A claim takes up to ``batch`` rows of one lane and target; the caps count claims.
    ``deadline_field`` names the column, if any, after which a row's work is in vain.
    ``lanes`` says which of the lanes with room may run at present, and in which order; without it all may,
    the one with the fewest claims first.
    ``task`` is the dotted name of the Celery task that calls :func:`run_one` for this kind.
    """

    model: type[WorkItem]
    perform: Callable[[Sequence[Lease]], None]
    give_up: Callable[[Lease, str], None]
    task: str
    lane_cap: int
    target_cap: int
    deadline_field: str = ""
    batch: int = 1
    lanes: Callable[[list[str]], list[str]] | None = None


def each(perform: Callable[[Lease], None]) -> Callable[[Sequence[Lease]], None]:
    """``perform`` for kinds whose rows are done one after the other."""

    def perform_each(leases: Sequence[Lease]) -> None:
        for lease in leases:
            perform(lease)

    return perform_each


def has_due(model: type[WorkItem]) -> bool:
    return model._default_manager.filter(state=WorkState.DUE, due_at__lte=database_now()).exists()


def claim(kind: Kind) -> list[Lease]:
    """Lease the oldest due rows of the lane that has the fewest claims, within the caps of ``kind``."""
    with transaction.atomic():
        _one_claimer_at_a_time(kind.model)
        now = database_now()
        for rows in _claimable(kind, now):
            if found := list(rows.select_for_update(skip_locked=True)[: kind.batch]):
                return _lease([row for row in found if row.target == found[0].target], now)
    return []


def has_claimable(kind: Kind) -> bool:
    return any(rows.exists() for rows in _claimable(kind, database_now()))


def made_room(kind: Kind, lease: Lease) -> bool:
    """Whether the claim that ended brought its lane or target below a cap."""
    running = _running(kind.model).values("held_by")
    if running.filter(lane=lease.lane).count() + 1 >= kind.lane_cap:
        return True
    return bool(lease.target) and running.filter(target=lease.target).count() + 1 >= kind.target_cap


def waiting_lanes(model: type[WorkItem]) -> list[tuple[str, datetime]]:
    """Lanes with something due or waiting to be, each with the time of its oldest row, that one first.

    Hops from lane to lane along the index (a loose index scan), so the cost is the number of lanes and not
    of rows: a backlog of a million rows of one partner is one hop.
    """
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH RECURSIVE lanes(lane) AS (
                SELECT MIN(lane) FROM {table} WHERE state = 'due'
                UNION ALL
                SELECT (SELECT MIN(lane) FROM {table} WHERE state = 'due' AND lane > lanes.lane)
                FROM lanes WHERE lanes.lane IS NOT NULL
            )
            SELECT lane, (SELECT MIN(due_at) FROM {table} WHERE state = 'due' AND lane = lanes.lane) AS since
            FROM lanes WHERE lane IS NOT NULL ORDER BY since
            """  # noqa: S608 - the table's name is Django's own
        )
        return [(lane, _as_time(since)) for lane, since in cursor.fetchall()]


def _as_time(value: datetime | str) -> datetime:
    """SQLite keeps times as text in UTC."""
    if isinstance(value, datetime):
        return value
    return datetime.fromisoformat(value).replace(tzinfo=UTC)


def _claimable(kind: Kind, now: datetime) -> Iterator["models.QuerySet[WorkItem]"]:
    """Per lane with room, in the order of need: its due rows with room at their target.

    First those with a deadline, the nearest first, then all, the oldest first.
    """
    rows = kind.model._default_manager.only("lease_epoch", "expiries", "lane", "target")
    claims = list(_running(kind.model).values_list("lane", "target", "held_by"))
    by_lane = Counter(lane for lane, _, _ in claims)
    by_target = Counter(target for _, target, _ in claims)
    full_targets = [target for target, n in by_target.items() if target and n >= kind.target_cap]
    for lane in _lanes_by_need(kind, now, by_lane):
        due = rows.filter(state=WorkState.DUE, lane=lane, due_at__lte=now)
        free = due.exclude(target__in=full_targets)
        if kind.deadline_field:
            yield free.filter(**{f"{kind.deadline_field}__isnull": False}).order_by(kind.deadline_field)
        yield free.order_by("due_at")


def _running(model: type[WorkItem]) -> "models.QuerySet[WorkItem]":
    """Leased rows; of the columns then asked for each combination once, so that claims are counted."""
    return model._default_manager.filter(state=WorkState.LEASED).order_by().distinct()


def _lanes_by_need(kind: Kind, now: datetime, running: Counter[str]) -> list[str]:
    waiting = [lane for lane, since in waiting_lanes(kind.model) if since <= now]
    free = [lane for lane in waiting if running[lane] < kind.lane_cap]
    if kind.lanes is not None:
        return kind.lanes(free) if free else []
    return sorted(free, key=lambda lane: running[lane])  # stable: among equals, who waits longest


def _one_claimer_at_a_time(model: type[WorkItem]) -> None:
    """Until the transaction ends: two who count at once would both find room under the same cap."""
    if connection.vendor == "postgresql":  # SQLite has one writer anyway
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [model._meta.db_table])


def _lease(rows: Sequence[WorkItem], now: datetime) -> list[Lease]:
    """The rows are locked, and nobody else claims: what was read still holds."""
    model = type(rows[0])
    model._default_manager.filter(pk__in=[row.pk for row in rows]).update(
        state=WorkState.LEASED,
        lease_epoch=F("lease_epoch") + 1,
        lease_until=now + timedelta(seconds=settings.WORK_LEASE_SECONDS),
        held_by=uuid.uuid4(),
    )
    return [Lease(model, row.pk, row.lease_epoch + 1, row.expiries, row.lane, row.target) for row in rows]

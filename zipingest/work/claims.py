"""Who may take which row: fair between lanes, within the caps, each row to one worker."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, models, transaction

from zipingest.work.rows import Lease, WorkItem, WorkState, database_now


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of work: its rows, how a row is done, and how many may run at once.

    ``perform`` brings the leased row to an outcome; what it raises puts the row back with a growing pause,
    and ``give_up`` ends a row (with a reason) whose workers vanished MAX_EXPIRIES times.
    ``deadline_field`` names the column, if any, after which a row's work is in vain.
    ``task`` is the dotted name of the Celery task that calls :func:`run_one` for this kind.
    """

    model: type[WorkItem]
    perform: Callable[[Lease], None]
    give_up: Callable[[Lease, str], None]
    task: str
    lane_cap: int
    target_cap: int
    deadline_field: str = ""


def has_due(model: type[WorkItem]) -> bool:
    return model._default_manager.filter(state=WorkState.DUE, due_at__lte=database_now()).exists()


def claim(kind: Kind) -> Lease | None:
    """Lease the oldest due row of the lane that has the fewest running, within the caps of ``kind``."""
    with transaction.atomic():
        _one_claimer_at_a_time(kind.model)
        now = database_now()
        for rows in _claimable(kind, now):
            row = rows.select_for_update(skip_locked=True).first()
            if row is not None:
                return _lease(row, now)
    return None


def has_claimable(kind: Kind) -> bool:
    return any(rows.exists() for rows in _claimable(kind, database_now()))


def _claimable(kind: Kind, now: datetime) -> Iterator["models.QuerySet[WorkItem]"]:
    """Per lane with room, in the order of need: its due rows with room at their target.

    First those with a deadline, the nearest first, then all, the oldest first.
    """
    rows = kind.model._default_manager
    running = list(rows.filter(state=WorkState.LEASED).values_list("lane", "target"))
    by_lane = Counter(lane for lane, _ in running)
    by_target = Counter(target for _, target in running)
    full_targets = [target for target, n in by_target.items() if target and n >= kind.target_cap]
    for lane in _lanes_by_need(kind, now, by_lane):
        due = rows.filter(state=WorkState.DUE, lane=lane, due_at__lte=now)
        free = due.exclude(target__in=full_targets)
        if kind.deadline_field:
            yield free.filter(**{f"{kind.deadline_field}__isnull": False}).order_by(kind.deadline_field)
        yield free.order_by("due_at")


def made_room(kind: Kind, lease: Lease) -> bool:
    """Whether the row that ended brought its lane or target below a cap."""
    running = kind.model._default_manager.filter(state=WorkState.LEASED)
    if running.filter(lane=lease.lane).count() + 1 >= kind.lane_cap:
        return True
    return bool(lease.target) and running.filter(target=lease.target).count() + 1 >= kind.target_cap


def _one_claimer_at_a_time(model: type[WorkItem]) -> None:
    """Until the transaction ends: two who count at once would both find room under the same cap."""
    if connection.vendor == "postgresql":  # SQLite has one writer anyway
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [model._meta.db_table])


def _lease(row: WorkItem, now: datetime) -> Lease | None:
    model = type(row)
    changed = model._default_manager.filter(
        pk=row.pk, state=WorkState.DUE, lease_epoch=row.lease_epoch
    ).update(
        state=WorkState.LEASED,
        lease_epoch=row.lease_epoch + 1,
        lease_until=now + timedelta(seconds=settings.WORK_LEASE_SECONDS),
    )
    if not changed:
        return None
    return Lease(model, row.pk, row.lease_epoch + 1, row.expiries, row.lane, row.target)


def _lanes_by_need(kind: Kind, now: datetime, running: Counter[str]) -> list[str]:
    free = [lane for lane in _waiting_lanes(kind.model, now) if running[lane] < kind.lane_cap]
    return sorted(free, key=lambda lane: running[lane])  # stable: among equals, who waits longest


def _waiting_lanes(model: type[WorkItem], now: datetime) -> list[str]:
    """Lanes with something due, the one that waits longest first.

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
            ), waiting AS (
                SELECT lane,
                    (SELECT MIN(due_at) FROM {table} WHERE state = 'due' AND lane = lanes.lane) AS since
                FROM lanes WHERE lane IS NOT NULL
            )
            SELECT lane FROM waiting WHERE since <= %s ORDER BY since
            """,  # noqa: S608 - the table's name is Django's own
            [connection.ops.adapt_datetimefield_value(now)],
        )
        return [lane for (lane,) in cursor.fetchall()]

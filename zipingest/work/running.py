"""Carrying rows to an outcome: nudges, one unit of work, and the sweep that finds what was lost."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import connection, transaction
from django.db.models import F

from zipingest.work.claims import Kind, claim, has_claimable, has_due, made_room
from zipingest.work.heartbeat import heartbeat
from zipingest.work.nudges import nudges
from zipingest.work.rows import Lease, LeaseLost, WorkItem, WorkState, database_now

log = structlog.get_logger(__name__)

MAX_EXPIRIES = 10
_EXPIRY_BACKOFF = timedelta(seconds=15)
# A message for each row would cost as much as a short row; a thread that stays longer keeps others waiting.
_STINT_SECONDS = 1.0

_kinds: dict[type[WorkItem], Kind] = {}


def register(kind: Kind) -> None:
    _kinds[kind.model] = kind


def kinds() -> list[Kind]:
    return list(_kinds.values())


def nudge(model: type[WorkItem]) -> None:
    """Wake a worker once what is being written is committed, however often a transaction asks for it.

    A broker that is away costs time, not data.
    """
    call = _Nudge(_kinds[model].task)
    if call not in (waiting[1] for waiting in connection.run_on_commit):
        transaction.on_commit(call, robust=True)


def run_one(model: type[WorkItem]) -> bool:
    """Claim one unit of work and carry it to an outcome; False when nothing could be claimed."""
    return _run(_kinds[model], seconds=0)


def run_stint(model: type[WorkItem]) -> None:
    """Carry one unit of work after the other to an outcome, while there is any, for a second or so."""
    _run(_kinds[model], seconds=_STINT_SECONDS)


def sweep() -> None:
    """Free the rows whose worker vanished, and nudge for every kind that has something due."""
    for kind in kinds():
        release_expired(kind.model)
        if has_due(kind.model):
            nudge(kind.model)


def release_expired(model: type[WorkItem]) -> int:
    """Put back rows whose lease ran out (a deploy, a kill): at once the first time, then after a pause."""
    now = database_now()
    expired = model._default_manager.filter(state=WorkState.LEASED, lease_until__lt=now)
    released = 0
    for held in expired.values_list("pk", "lease_epoch", "expiries"):
        lease = Lease(model, *held)
        log.warning("lease_expired", kind=model.__name__, pk=lease.pk, expiries=lease.expiries + 1)
        released += _after_a_pause(lease, now)
    return released


def _run(kind: Kind, *, seconds: float) -> bool:
    ends = time.monotonic() + seconds
    leases = claim(kind)
    if not leases:
        return False
    another_woken = has_claimable(kind)
    if another_woken:
        nudge(kind.model)
    _perform(kind, leases)
    while time.monotonic() < ends:
        if not (following := claim(kind)):
            return True
        leases = following
        _perform(kind, leases)
    # What was held back by a cap has its place now; its message may have met a worker while there was none.
    if (not another_woken or made_room(kind, leases[0])) and has_claimable(kind):
        nudge(kind.model)
    return True


def _after_a_pause(lease: Lease, now: datetime, **fields: Any) -> bool:
    """Put back a row without an outcome; False where it is no longer held."""
    due_at = now + _EXPIRY_BACKOFF * lease.expiries
    try:
        lease.put_back(due_at=due_at, expiries=F("expiries") + 1, **fields)
    except LeaseLost:  # its worker came back to life, or another has it already
        return False
    return True


def _perform(kind: Kind, leases: Sequence[Lease]) -> None:
    hopeless = [lease for lease in leases if lease.expiries > MAX_EXPIRIES]
    promising = [lease for lease in leases if lease.expiries <= MAX_EXPIRIES]
    try:
        with heartbeat.keeping(leases):
            for lease in hopeless:
                kind.give_up(lease, f"given up: {lease.expiries} attempts were lost without an outcome")
            if promising:
                kind.perform(promising)
    except LeaseLost as lost:
        log.warning("lease_lost", kind=kind.model.__name__, lease=str(lost))
    except Exception as error:
        # A fault of ours must neither lose the rows nor spin: they pause as if their worker had vanished.
        log.exception("work_stumbled", kind=kind.model.__name__, pks=[lease.pk for lease in leases])
        now = database_now()
        for lease in leases:
            _after_a_pause(lease, now, last_error=f"internal error ({type(error).__name__})")


@dataclass(frozen=True, slots=True)
class _Nudge:
    task: str

    def __call__(self) -> None:
        _send(self.task)


def _send(task: str) -> None:
    nudges.send(task)

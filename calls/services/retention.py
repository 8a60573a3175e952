"""What must not be kept: sandbox calls after a day, and objects that no recording names."""

from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID

import structlog
from django.db import transaction

from calls import keeping
from calls.models import Agent, Call, Customer, LegalHold, Recording
from calls.services import holds
from partners.models import Delivery
from zipingest import work
from zipingest.storage import default_storage
from zipingest.work import WorkState

log = structlog.get_logger(__name__)

SANDBOX_KEPT = timedelta(days=1)
_ORPHANED_FOR_SECONDS = 6 * 3600
_CHUNK = 100
# The first two digits of the calls' uuids: a part for each, one an hour, all in eleven days.
_PARTS = 256
_OBJECTS_AT_ONCE = 1000


def purge_sandbox() -> int:
    """Delete sandbox calls received more than a day ago with all that belongs to them; how many.

    They are given up before an object is touched: who places a hold afterwards learns that the audio is gone.
    """
    purged = 0
    while calls := _give_up_sandbox_calls():
        for call in calls:
            _delete_objects(call)
        with transaction.atomic():
            purged += _delete_rows(calls)
    return purged


def remove_orphans(now: datetime) -> int:
    """Delete the stored objects that no recording names, of the part whose hour it is; how many.

    A worker leaves such an object when it is killed between storing and committing, or when the storage is
    away while it clears up; who was thought dead may even store for a call that is gone. Objects of the last
    six hours, and those of a recording at work, are let be. Raises `StorageError`: the part has its turn
    again in eleven days.
    """
    part = f"{int(now.timestamp()) // 3600 % _PARTS:02x}"
    storage, removed = default_storage(), 0
    old = (
        stored.key
        for stored in storage.list(f"recordings/{part}")
        if (now - stored.modified).total_seconds() > _ORPHANED_FOR_SECONDS
    )
    while keys := list(islice(old, _OBJECTS_AT_ONCE)):
        for key in _orphans(keys):
            storage.delete(key)
            log.warning("orphan_removed", key=key)
            removed += 1
    log.info("orphans_looked_for", part=part, removed=removed)
    return removed


def _orphans(keys: list[str]) -> list[str]:
    """Of the keys, those that no recording names nor will: only who holds the lease could still do so.

    Read after the objects were listed: who took the lease since stores under new keys, of a new epoch.
    """
    calls = {key: uuid for key in keys if (uuid := _call_of(key))}
    named, at_work = set(), set()
    rows = Recording.objects.filter(call__uuid__in=set(calls.values()))
    for uuid, state, *names in rows.values_list("call__uuid", "state", "key", "original_key"):
        named.update(names)
        if state == WorkState.LEASED:
            at_work.add(uuid)
    return [key for key, uuid in calls.items() if key not in named and uuid not in at_work]


def _call_of(key: str) -> UUID | None:
    """The call in ``recordings/<uuid>/<run>-<epoch>.wav``; None where it is no such key."""
    try:
        return UUID(key.split("/")[1])
    except ValueError:
        return None


def _give_up_sandbox_calls() -> list[Call]:
    """The oldest of them, a chunk, given up; those that a killed round gave up are among them."""
    with transaction.atomic():
        now = work.database_now()
        old = Call.objects.filter(~keeping.held(), sandbox=True, received_at__lt=now - SANDBOX_KEPT)
        # A leased one is let finish: the next round takes it.
        free = old.exclude(recording__state=WorkState.LEASED)
        oldest = list(free.order_by("pk").values_list("pk", flat=True)[:_CHUNK])
        locked = holds.lock(Call.objects.filter(pk__in=oldest), skip_locked=True)
        calls = list(free.filter(pk__in=locked).order_by("pk"))
        Recording.objects.filter(call__in=calls, purged_at__isnull=True).update(purged_at=now)
    return calls


def _delete_objects(call: Call) -> None:
    default_storage().delete_all(f"recordings/{call.uuid}/")


def _delete_rows(given_up: list[Call]) -> int:
    """Delete the rows of the calls, those aside that were held meanwhile (without a recording); how many."""
    locked = holds.lock(Call.objects.filter(pk__in=[call.pk for call in given_up]))
    calls = list(Call.objects.filter(~keeping.held(), pk__in=locked))
    LegalHold.objects.filter(call__in=calls).delete()  # released ones, which protect the calls too
    agents = [call.agent_id for call in calls if call.agent_id]
    customers = [call.customer_id for call in calls if call.customer_id]
    Delivery.objects.filter(subject__in=[call.uuid for call in calls]).delete()
    Call.objects.filter(pk__in=[call.pk for call in calls]).delete()
    Agent.objects.filter(pk__in=agents, calls__isnull=True, user__isnull=True).delete()
    Customer.objects.filter(pk__in=customers, calls__isnull=True).delete()
    log.info("sandbox_calls_purged", count=len(calls))
    return len(calls)

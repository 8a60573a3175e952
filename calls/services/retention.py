"""What must not be kept: sandbox calls after a day, and what killed workers left behind."""

import shutil
import time
from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction

from calls import keeping
from calls.models import Agent, Call, Customer, Recording
from partners.models import Delivery
from zipingest import work
from zipingest.storage import default_storage
from zipingest.work import WorkState

log = structlog.get_logger(__name__)

SANDBOX_KEPT = timedelta(days=1)
_LEFTOVER_SECONDS = 6 * 3600
_CHUNK = 100
# The first two digits of the calls' uuids: a part for each, one an hour, all in eleven days.
_PARTS = 256
_OBJECTS_AT_ONCE = 1000


def purge_sandbox() -> int:
    """Delete sandbox calls received more than a day ago with all that belongs to them; how many."""
    purged = 0
    while calls := _old_sandbox_calls():
        for call in calls:
            _delete_objects(call)
        with transaction.atomic():
            _delete_rows(calls)
        purged += len(calls)
    return purged


def remove_leftovers() -> None:
    """Delete temporary files and unfinished uploads of workers that were killed hours ago."""
    scratch = settings.DATA_DIR / "scratch"
    for folder in scratch.glob("fetch-*"):
        if time.time() - folder.stat().st_mtime > _LEFTOVER_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
    default_storage().sweep_partial(_LEFTOVER_SECONDS)


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
        if (now - stored.modified).total_seconds() > _LEFTOVER_SECONDS
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


def _old_sandbox_calls() -> list[Call]:
    received_before = work.database_now() - SANDBOX_KEPT
    old = Call.objects.filter(sandbox=True, received_at__lt=received_before).exclude(keeping.held())
    # A leased one is let finish: the next round takes it.
    return list(old.exclude(recording__state=WorkState.LEASED).order_by("pk")[:_CHUNK])


def _delete_objects(call: Call) -> None:
    default_storage().delete_all(f"recordings/{call.uuid}/")


def _delete_rows(calls: list[Call]) -> None:
    agents = [call.agent_id for call in calls if call.agent_id]
    customers = [call.customer_id for call in calls if call.customer_id]
    Delivery.objects.filter(subject__in=[call.uuid for call in calls]).delete()
    Call.objects.filter(pk__in=[call.pk for call in calls]).delete()
    Agent.objects.filter(pk__in=agents, calls__isnull=True, user__isnull=True).delete()
    Customer.objects.filter(pk__in=customers, calls__isnull=True).delete()
    log.info("sandbox_calls_purged", count=len(calls))

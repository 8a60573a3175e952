"""What must not be kept: sandbox calls after a day, and what killed workers left behind."""

import shutil
import time
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import transaction

from calls.models import Agent, Call, Customer
from partners.models import Delivery
from zipingest import work
from zipingest.storage import default_storage
from zipingest.work import WorkState

log = structlog.get_logger(__name__)

SANDBOX_KEPT = timedelta(days=1)
_LEFTOVER_SECONDS = 6 * 3600
_CHUNK = 100


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


def _old_sandbox_calls() -> list[Call]:
    received_before = work.database_now() - SANDBOX_KEPT
    old = Call.objects.filter(sandbox=True, received_at__lt=received_before)
    # A leased one is let finish: the next round takes it.
    return list(old.exclude(recording__state=WorkState.LEASED).order_by("pk")[:_CHUNK])


def _delete_objects(call: Call) -> None:
    storage = default_storage()
    for stored in list(storage.list(f"recordings/{call.uuid}/")):
        storage.delete(stored.key)


def _delete_rows(calls: list[Call]) -> None:
    agents = [call.agent_id for call in calls if call.agent_id]
    customers = [call.customer_id for call in calls if call.customer_id]
    Delivery.objects.filter(subject__in=[call.uuid for call in calls]).delete()
    Call.objects.filter(pk__in=[call.pk for call in calls]).delete()
    Agent.objects.filter(pk__in=agents, calls__isnull=True, user__isnull=True).delete()
    Customer.objects.filter(pk__in=customers, calls__isnull=True).delete()
    log.info("sandbox_calls_purged", count=len(calls))

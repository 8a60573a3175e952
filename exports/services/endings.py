"""How exports end other than by being packed: cancelled, given up before or at their time."""

from collections.abc import Sequence
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import transaction

from exports.models import ExportEntry, ExportJob
from zipingest import work
from zipingest.storage import StorageError, default_storage
from zipingest.work import RELEASED, WorkState

log = structlog.get_logger(__name__)

PREFIX = "exports/"
# No worker that is alive has been silent for so long, so what it left is nobody's.
_LEFT_FOR = timedelta(hours=1)


def discard(*, job: ExportJob) -> None:
    """Cancel an export that waits or runs, delete the ZIP of one that is ready; else change nothing.

    A worker that packs it sees at its next word of progress that the lease is gone, and leaves nothing.
    """
    now = work.database_now()
    mine = ExportJob.objects.filter(pk=job.pk, cancelled_at__isnull=True, expired_at__isnull=True)
    waiting = mine.filter(state__in=[WorkState.DUE, WorkState.LEASED])
    if waiting.update(state=WorkState.DONE, cancelled_at=now, **RELEASED):
        return
    if mine.filter(state=WorkState.DONE).update(expired_at=now):
        job.refresh_from_db()
        _delete_zip(job)


def retry(*, job: ExportJob) -> bool:
    """Pack a failed export once more, of the calls it was ordered with; False when it has not failed."""
    now = work.database_now()
    failed = ExportJob.objects.filter(pk=job.pk, state__in=[WorkState.FAILED, WorkState.POISON])
    with transaction.atomic():
        begun = failed.update(
            state=WorkState.DUE,
            due_at=now,
            expires_at=now + timedelta(days=settings.EXPORT_KEPT_DAYS),
            failed_at=None,
            told_at=None,  # of its next end whoever asked is told again
            **dict.fromkeys(("attempts", "expiries", "entries_done"), 0),
            **dict.fromkeys(("last_error", "error_code", "error_message"), ""),
        )
        work.nudge(ExportJob)
    return bool(begun)


def give_up_holding(calls: Sequence[int]) -> None:
    """Nobody gets the ZIPs that hold one of these calls any more, and none with them is packed.

    Runs in the transaction that erases the calls; the objects go with the next sweep.
    """
    now = work.database_now()
    entries = ExportEntry.objects.filter(call__in=calls, left_out="")
    holding = ExportJob.objects.filter(
        pk__in=entries.values("job"), cancelled_at__isnull=True, expired_at__isnull=True
    )
    holding.filter(state__in=[WorkState.DUE, WorkState.LEASED]).update(
        state=WorkState.DONE, cancelled_at=now, **RELEASED
    )
    holding.filter(state=WorkState.DONE).update(expired_at=now)


def remove_expired() -> int:
    """Give up ZIPs whose time has come, and delete those that were given up; how many were deleted."""
    now = work.database_now()
    with_zip = ExportJob.objects.exclude(zip_key="")
    with_zip.filter(expires_at__lte=now, expired_at__isnull=True).update(expired_at=now)
    return sum(_delete_zip(job) for job in with_zip.filter(expired_at__isnull=False).order_by("pk")[:500])


def remove_leftovers() -> int:
    """Delete ZIPs that no export names: those of workers killed at the last moment; how many."""
    storage, before = default_storage(), work.database_now() - _LEFT_FOR
    old = [stored.key for stored in storage.list(PREFIX) if stored.modified < before]
    left = _unnamed(old)
    for key in left:
        storage.delete(key)
        log.warning("export_leftover_deleted", key=key)
    return len(left)


def _unnamed(keys: list[str]) -> list[str]:
    """Those that no export names and that none at work may be about to name."""
    jobs = ExportJob.objects.filter(public_id__in={_job_of(key) for key in keys})
    named = set(jobs.exclude(zip_key="").values_list("zip_key", flat=True))
    at_work = set(jobs.filter(state=WorkState.LEASED).values_list("public_id", flat=True))
    return [key for key in keys if key not in named and _job_of(key) not in at_work]


def _job_of(key: str) -> str:
    """The job's id in ``exports/<job>/<epoch>.zip``."""
    return key.removeprefix(PREFIX).partition("/")[0]


def _delete_zip(job: ExportJob) -> bool:
    """The object first: the row names it until it is gone, so a kill in between is made good by the sweep."""
    try:
        default_storage().delete(job.zip_key)
    except StorageError as error:
        log.warning("export_zip_not_deleted", export=job.public_id, error=str(error))
        return False
    ExportJob.objects.filter(pk=job.pk).update(zip_key="")
    log.info("export_zip_deleted", export=job.public_id)
    return True

"""Celery entry points: one message, one unit of work."""

from celery import shared_task

from calls.models import Recording
from calls.services import alerts, erasure, leftovers, notices, pending, purge, retention
from partners import rejections
from zipingest import work


@shared_task
def fetch_recording() -> None:
    work.run_stint(Recording)


@shared_task
def tidy() -> None:
    rejections.forget_old()
    pending.apply_waiting()
    pending.forget_old()
    leftovers.remove_abandoned()
    # Needs the storage, as all below: while that is away, the others are done.
    erasure.resume()
    purge.purge_expired()
    retention.purge_sandbox()
    leftovers.abort_uploads()
    retention.remove_orphans(work.database_now())


@shared_task
def watch_pauses() -> None:
    alerts.tell_of_overlong()


@shared_task
def tell_failures() -> None:
    notices.tell()

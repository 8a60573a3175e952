"""Celery entry points: one message, one unit of work."""

from celery import shared_task

from calls.models import Recording
from calls.services import erasure, purge, retention
from partners import rejections
from zipingest import work


@shared_task
def fetch_recording() -> None:
    work.run_one(Recording)


@shared_task
def tidy() -> None:
    rejections.forget_old()
    # Needs the storage, as all below: while that is away, the others are done.
    erasure.resume()
    purge.purge_expired()
    retention.purge_sandbox()
    retention.remove_leftovers()
    retention.remove_orphans(work.database_now())

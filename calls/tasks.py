"""Celery entry points: one message, one unit of work."""

from celery import shared_task

from calls.models import Recording
from calls.services import retention
from partners import rejections
from zipingest import work


@shared_task
def fetch_recording() -> None:
    work.run_one(Recording)


@shared_task
def tidy() -> None:
    retention.purge_sandbox()
    retention.remove_leftovers()
    rejections.forget_old()

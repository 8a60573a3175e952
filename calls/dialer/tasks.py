"""Celery entry points: one message, one unit of work."""

from celery import shared_task

from calls.dialer.models import Contact, PhoneLog
from calls.dialer.services import enqueueing
from zipingest import work


@shared_task
def dial() -> None:
    work.run_stint(Contact)


@shared_task
def watch() -> None:
    work.run_stint(PhoneLog)


@shared_task
def tidy() -> None:
    enqueueing.forget_old()

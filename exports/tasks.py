"""Celery entry points: one message, one unit of work."""

from celery import shared_task

from exports.models import ExportJob
from exports.services import endings, telling
from zipingest import work


@shared_task
def pack_export() -> None:
    work.run_stint(ExportJob)
    telling.tell_ended()


@shared_task
def tidy_exports() -> None:
    telling.tell_ended()
    endings.remove_expired()
    endings.remove_leftovers()

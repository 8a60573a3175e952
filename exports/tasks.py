"""Celery entry points: one message, one unit of work."""

from celery import shared_task

from exports.models import ExportJob
from exports.services import endings
from zipingest import work


@shared_task
def pack_export() -> None:
    work.run_one(ExportJob)


@shared_task
def tidy_exports() -> None:
    endings.remove_expired()
    endings.remove_leftovers()

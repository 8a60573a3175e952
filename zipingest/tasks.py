"""Celery entry points of the ground floor."""

from celery import shared_task

from zipingest import signs, work


@shared_task
def sweep() -> None:
    work.sweep()
    signs.note(signs.SWEEP)

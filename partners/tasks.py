"""Celery entry points: one message, one unit of work."""

from celery import shared_task

from partners.models import Delivery
from zipingest import work


@shared_task
def deliver_callback() -> None:
    work.run_one(Delivery)

"""Celery entry points: one message, one unit of work."""

from celery import shared_task
from django.core.management import call_command

from partners.models import Delivery
from zipingest import work


@shared_task
def deliver_callback() -> None:
    work.run_stint(Delivery)


@shared_task
def tidy_sessions() -> None:
    """Those that have run out: a row of the table for every sign-in ever made otherwise."""
    call_command("clearsessions")

"""The Celery application. Messages are nudges; the work itself is rows (see zipingest.work)."""

import os
from typing import Any

import structlog
from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zipingest.settings")

app = Celery("zipingest")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def _keep_django_logging(**_: Any) -> None:
    """Django's LOGGING is already in force; Celery must not lay its own over it."""
    structlog.get_logger(__name__).debug("logging_kept")

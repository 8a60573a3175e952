"""The ground floor: settings, work, storage and everything the rooms above share."""

from zipingest.celery import app as celery_app

__all__ = ["celery_app"]

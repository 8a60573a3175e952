"""What exports add to the figures of the house."""

from datetime import datetime

from django.db.models import Min

from calls import figures
from calls.figures import Gauge
from exports.models import ExportJob
from zipingest.work import WorkState


def register() -> None:
    help_text = "Since the oldest export was ordered that is neither packed nor given up."
    figures.register(Gauge("export_oldest_unfinished_seconds", help_text, oldest_unfinished))


def oldest_unfinished(now: datetime) -> float:
    """Seconds; 0 where none is. Each state has a partial index, as of all work."""
    ordered = [_oldest(state) for state in (WorkState.DUE, WorkState.LEASED)]
    return max((now - min((at for at in ordered if at), default=now)).total_seconds(), 0)


def _oldest(state: WorkState) -> datetime | None:
    oldest: datetime | None = ExportJob.objects.filter(state=state).aggregate(at=Min("created_at"))["at"]
    return oldest

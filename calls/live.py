"""Live calls as their doors read them."""

from django.db.models import QuerySet

from calls import giving, selectors
from calls.filters import RecordingFilter
from calls.models import Call, Source

STATUSES = ("in_progress", "ended")


def newest(wanted: RecordingFilter, status: str | None = None) -> QuerySet[Call]:
    """The account's live calls that the filter means, in ``status`` (of STATUSES), newest first."""
    calls = selectors.matching(wanted).filter(source=Source.LIVE)
    if status is None:
        return calls
    return calls.filter(ended_at__isnull=status == "in_progress")


def with_facts(calls: QuerySet[Call]) -> QuerySet[Call]:
    """``calls`` with how their recordings stand and their pauses, which are one more query."""
    return giving.with_standing(calls).prefetch_related("pauses")

"""How far batches are, how fast they go on, and which numbers call for them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, F, IntegerField, Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from calls.dialer import selectors
from calls.dialer.models import ACTIVE, ENDED, RUNNING, Batch, CallingNumber, ContactStatus, PhoneLog
from calls.dialer.selectors import Progress
from zipingest import work

_LATELY = timedelta(minutes=10)
# Calls are written in the order of time: of all there are, no more than the last so many are looked at.
_LOOKED_AT = 2000


@dataclass(frozen=True, slots=True)
class Course:
    """How far a batch is. ``per_second``: contacts that came to their end lately; 0 where none did."""

    batch: Batch
    progress: Progress
    per_second: float

    @property
    def goes_on(self) -> bool:
        return self.batch.is_dialled and not self.progress.is_complete

    @property
    def is_complete(self) -> bool:
        return self.batch.is_dialled and self.progress.is_complete

    @property
    def under_way(self) -> int:
        return sum(self.progress.by_status[status] for status in ACTIVE)

    @property
    def waiting(self) -> int:
        return self.progress.by_status[ContactStatus.PENDING]

    @property
    def left(self) -> timedelta | None:
        """How much calling is left at the present pace; hours in which nobody is called do not count."""
        if not self.goes_on or not self.per_second:
            return None
        return timedelta(seconds=(self.progress.total - self.progress.ended) / self.per_second)


def courses_of(batches: Collection[Batch]) -> list[Course]:
    """In the order of ``batches``. Four queries, whatever their number."""
    if not batches:
        return []
    progress = selectors.progress_of(batches)
    paces = _paces({batch.sub_tenant_id for batch in batches}, work.database_now())
    return [Course(batch, progress[batch.pk], paces.get(batch.pk, 0.0)) for batch in batches]


def _paces(accounts: Collection[int], now: datetime) -> dict[int, float]:
    """Contacts of the accounts per second that were called lately and have ended, by the key of the batch."""
    newest = PhoneLog.objects.order_by("-pk").values("pk")[:1]
    # Not by batch: it would lead the database from all of a batch's contacts to their calls.
    lately = PhoneLog.objects.filter(
        pk__gt=Subquery(newest) - _LOOKED_AT, begun_at__gte=now - _LATELY, sub_tenant__in=accounts
    )
    over = Q(ended_at__isnull=False, contact__status__in=ENDED)
    counted = (
        lately.order_by()
        .values_list("contact__batch")
        .annotate(first=Min("begun_at"), ended=Count("contact", distinct=True, filter=over))
    )
    return {pk: ended / max((now - first).total_seconds(), 1.0) for pk, first, ended in counted}


def numbers_of(batch: Batch) -> QuerySet[CallingNumber]:
    """The batch's, with ``running``: how many calls each makes now, for whichever batch."""
    running = PhoneLog.objects.filter(
        sub_tenant=batch.sub_tenant_id, number=OuterRef("pk"), status__in=RUNNING
    )
    counted = running.order_by().values("number").annotate(count=Count("pk")).values("count")
    return (
        CallingNumber.objects.filter(batches=batch)
        .select_related("agent")
        .annotate(running=Coalesce(Subquery(counted, output_field=IntegerField()), 0))
        .order_by(F("agent").asc(nulls_last=True), "phone")
    )

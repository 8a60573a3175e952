"""Recordings whose window ends soon: the last days in which a hold keeps them from expiring."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice

from django.db.models import OuterRef, Q, QuerySet, Subquery

from calls import keeping
from calls.models import Recording
from partners.models import SubTenant
from zipingest.work import WorkState

SOON = timedelta(days=7)
# A place in the list: when a recording expires, and its key.
Place = tuple[datetime, int]


@dataclass(frozen=True, slots=True)
class Expiring:
    recording: Recording
    at: datetime

    @property
    def place(self) -> Place:
        return self.at, self.recording.pk


def expiring(
    *, now: datetime, most: int, accounts: Iterable[SubTenant] | None = None, after: Place | None = None
) -> list[Expiring]:
    """The first ``most`` to expire within SOON, the next one first, of these accounts or all; none held.

    ``after``: only those behind this place. Two queries for each different number of days that accounts have;
    index ``recording_kept``.
    """
    limited = SubTenant.objects.filter(retention_days__isnull=False)
    if accounts is not None:
        limited = limited.filter(pk__in=[account.pk for account in accounts])
    by_days: dict[int, list[int]] = {}
    for pk, days in limited.order_by().values_list("pk", "retention_days"):
        by_days.setdefault(days or 0, []).append(pk)
    found = (_with_window(days, pks, now, most, after) for days, pks in by_days.items())
    return list(islice(merge(*found, key=lambda one: one.place), most))


def _with_window(
    days: int, accounts: list[int], now: datetime, most: int, after: Place | None
) -> Iterator[Expiring]:
    window = timedelta(days=days)
    kept = Recording.objects.filter(state=WorkState.DONE, purged_at__isnull=True, sub_tenant__in=accounts)
    soon = kept.filter(kept_from__gt=now - window, kept_from__lte=now - window + SOON)
    if after is not None:
        soon = soon.filter(_behind(after[0] - window, after[1]))
    soon = soon.filter(~keeping.held("call"))
    if (last := _reached_by(soon, accounts, most)) is not None:
        soon = soon.filter(kept_from__lte=last)
    # Chosen first, so that nothing is looked up of the others.
    chosen = soon.order_by("kept_from", "pk").values("pk")[:most]
    rows = Recording.objects.filter(pk__in=chosen).select_related("call__sub_tenant__tenant", "call__agent")
    for row in rows.defer("peaks", "call__fingerprint").order_by("kept_from", "pk"):
        if row.kept_from is not None:
            yield Expiring(row, row.kept_from + window)


def _reached_by(soon: "QuerySet[Recording]", accounts: list[int], most: int) -> datetime | None:
    """A time by which ``most`` of them have been kept; None where it is not known.

    Each account is asked for its share, off its stretch of the index: all their rows of a week may be many.
    """
    share = -(-most // len(accounts))
    own = soon.filter(sub_tenant=OuterRef("pk")).order_by("kept_from", "pk").values("kept_from")
    asked = SubTenant.objects.filter(pk__in=accounts).order_by().annotate(at=Subquery(own[share - 1 : share]))
    reached = sorted(at for at in asked.values_list("at", flat=True) if at is not None)
    needed = -(-most // share)
    return reached[needed - 1] if len(reached) >= needed else None


def _behind(kept_from: datetime, pk: int) -> Q:
    # The first half alone is what an index is entered by.
    return Q(kept_from__gte=kept_from) & (Q(kept_from__gt=kept_from) | Q(pk__gt=pk))

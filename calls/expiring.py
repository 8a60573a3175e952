"""Recordings whose window ends soon: the last days in which a hold keeps them from expiring."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice

from calls import keeping
from calls.models import Recording
from partners.models import SubTenant
from zipingest.work import WorkState

SOON = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Expiring:
    recording: Recording
    at: datetime


def expiring(*, now: datetime, most: int, account: SubTenant | None = None) -> list[Expiring]:
    """The first ``most`` to expire within SOON, the next one first, of one account or all; held ones aside.

    A query for each different number of days that accounts have; index ``recording_kept``.
    """
    accounts = SubTenant.objects.filter(retention_days__isnull=False)
    if account is not None:
        accounts = accounts.filter(pk=account.pk)
    by_days: dict[int, list[int]] = {}
    for pk, days in accounts.order_by().values_list("pk", "retention_days"):
        by_days.setdefault(days or 0, []).append(pk)
    found = (_with_window(days, pks, now, most) for days, pks in by_days.items())
    return list(islice(merge(*found, key=lambda one: one.at), most))


def _with_window(days: int, accounts: list[int], now: datetime, most: int) -> Iterator[Expiring]:
    window = timedelta(days=days)
    kept = Recording.objects.filter(state=WorkState.DONE, purged_at__isnull=True, sub_tenant__in=accounts)
    soon = kept.filter(kept_from__gt=now - window, kept_from__lte=now - window + SOON)
    rows = soon.filter(~keeping.held("call")).select_related("call__sub_tenant__tenant", "call__agent")
    for row in rows.defer("peaks", "call__fingerprint").order_by("kept_from")[:most]:
        if row.kept_from is not None:
            yield Expiring(row, row.kept_from + window)

"""Changing how long an account's recordings are kept, and what such a change does before it is made."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, Max, Min, OuterRef, Q, QuerySet, Subquery

from calls import keeping
from calls.models import Call, Recording, RetentionChange
from partners.models import SubTenant
from zipingest import work
from zipingest.work import WorkState

MOST_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class Consequences:
    """What of an account's stored recordings lies beyond a window. Counts stop at MOST_COUNTED."""

    recordings: int
    expired_before: int
    held: int
    never_exported: int
    oldest: datetime | None
    newest: datetime | None
    # When the first of them is deleted: no sooner than the grace after the change.
    deleted_from: datetime

    @property
    def is_capped(self) -> bool:
        return self.recordings >= MOST_COUNTED


def change_retention(*, sub_tenant: SubTenant, days: int | None, changed_by: str) -> bool:
    """Keep the account's recordings for ``days``, None for ever; False where that is so already."""
    with transaction.atomic():
        # The purge holds the same lock while it decides.
        account = SubTenant.objects.select_for_update(no_key=True).get(pk=sub_tenant.pk)
        if account.retention_days == days:
            return False
        RetentionChange.objects.create(
            sub_tenant=account,
            old_days=account.retention_days,
            new_days=days,
            changed_by=changed_by,
            changed_at=work.database_now(),
        )
        account.retention_days = days
        account.save(update_fields=["retention_days"])
    return True


def consequences(*, sub_tenant: SubTenant, days: int | None) -> Consequences:
    """What would be expired if the account kept recordings for ``days``. Index ``recording_kept``."""
    now = work.database_now()
    beyond = _beyond(sub_tenant, days, now)
    # Call by call, for those that are counted: joined, the whole table of calls would be read.
    exported = Call.objects.filter(pk=OuterRef("call")).values("last_exported_at")
    rows = beyond.annotate(is_held=keeping.held("call"), exported_at=Subquery(exported))
    before = keeping.expired_from(sub_tenant, now)
    counts = rows.order_by("kept_from")[:MOST_COUNTED].aggregate(
        recordings=Count("pk"),
        # Without a window nothing has expired: no recording is kept from the future.
        expired_before=Count("pk", filter=Q(kept_from__lte=before) if before else Q(kept_from__gt=now)),
        held=Count("pk", filter=Q(is_held=True)),
        never_exported=Count("pk", filter=Q(exported_at__isnull=True)),
    )
    ends = beyond.aggregate(oldest=Min("kept_from"), newest=Max("kept_from"))
    return Consequences(**counts, **ends, deleted_from=now + keeping.GRACE)


def _beyond(sub_tenant: SubTenant, days: int | None, now: datetime) -> QuerySet[Recording]:
    kept = Recording.objects.filter(sub_tenant=sub_tenant, state=WorkState.DONE, purged_at__isnull=True)
    return kept.none() if days is None else kept.filter(kept_from__lte=now - timedelta(days=days))

"""How long recordings are kept: the account's window, unless a legal hold says otherwise (telesales spec)."""

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q

from calls.models import Call, LegalHold, Recording
from partners.models import SubTenant
from zipingest.work import WorkState

# Nobody gets the audio once the window has passed; it is deleted that much later, so mistakes can be undone.
GRACE = timedelta(days=7)

_ACTIVE_HOLDS = LegalHold.objects.filter(released_at__isnull=True)


def held(call: str = "pk") -> Exists:
    """Whether an active hold is on the call that the column ``call`` of the queried rows names."""
    return Exists(_ACTIVE_HOLDS.filter(call=OuterRef(call)))


def is_held(call: Call) -> bool:
    return _ACTIVE_HOLDS.filter(call=call).exists()


def expired_from(sub_tenant: SubTenant, now: datetime) -> datetime | None:
    """Recordings kept from then or earlier have expired by ``now``; None where nothing ever does."""
    if sub_tenant.retention_days is None:
        return None
    return now - timedelta(days=sub_tenant.retention_days)


def expiry(recording: Recording, sub_tenant: SubTenant) -> datetime | None:
    """When the recording's window ends or ended, holds aside; None where it never does."""
    if recording.kept_from is None or sub_tenant.retention_days is None:
        return None
    return recording.kept_from + timedelta(days=sub_tenant.retention_days)


def available(sub_tenant: SubTenant, now: datetime) -> Q:
    """Of the account's calls, those whose recording is stored and may be given out."""
    stored = Q(recording__state=WorkState.DONE, recording__purged_at__isnull=True)
    limit = expired_from(sub_tenant, now)
    return stored if limit is None else stored & (Q(recording__kept_from__gt=limit) | Q(held()))

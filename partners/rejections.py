"""What was refused and why, for whoever asks "why did this call not arrive?".

Bounded by construction: a partner has at most 1,000 rows a day, a key nobody knows one row per address and
minute, a partner over its quota one row a minute; the rest is counted.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from django.db import DatabaseError, transaction
from django.db.models import F

from partners.models import Partner, Rejection, RejectionCount
from zipingest import work

log = structlog.get_logger(__name__)

KEPT = timedelta(days=7)
ROWS_PER_PARTNER_AND_DAY = 1000
_MAX_ERRORS = 50


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refused request. ``errors`` name fields and what is wrong with them, never their values."""

    status: int
    message: str
    method: str
    path: str
    address: str
    request_id: str
    partner: Partner | None = None
    key_id: str = ""
    errors: list[dict[str, str]] = field(default_factory=list)


def note(refusal: Refusal) -> None:
    """Keep or count the refusal. Never fails a request: the answer to the partner matters more."""
    try:
        with transaction.atomic():
            _note(refusal, work.database_now())
    except DatabaseError as error:
        log.warning("rejection_not_noted", error=type(error).__name__)


def forget_old() -> int:
    """Delete what is older than seven days; how many rows."""
    before = work.database_now() - KEPT
    RejectionCount.objects.filter(day__lt=before.date()).delete()
    deleted: int = Rejection.objects.filter(at__lt=before).delete()[0]
    return deleted


def _note(refusal: Refusal, now: datetime) -> None:
    if refusal.partner is None:
        _once_a_minute(refusal, now, f"address:{refusal.address}")
    elif refusal.status == 429:
        _count(refusal.partner, refusal.status, now)
        _once_a_minute(refusal, now, f"quota:{refusal.partner.pk}")
    elif _count(refusal.partner, refusal.status, now) <= ROWS_PER_PARTNER_AND_DAY:
        _row(refusal, now).save()


def _once_a_minute(refusal: Refusal, now: datetime, what: str) -> None:
    slot = f"{what}:{refusal.status}:{int(now.timestamp()) // 60}"
    if not Rejection.objects.filter(slot=slot).update(count=F("count") + 1):
        row = _row(refusal, now)
        row.slot = slot
        # Two requests may be the first of the minute: the second one's row is simply not written.
        Rejection.objects.bulk_create([row], ignore_conflicts=True)


def _count(partner: Partner, status: int, now: datetime) -> int:
    """How many of the partner's requests were refused today, this one included."""
    counts = RejectionCount.objects.filter(partner=partner, day=now.date())
    RejectionCount.objects.bulk_create(
        [RejectionCount(partner=partner, day=now.date(), status=status)], ignore_conflicts=True
    )
    counts.filter(status=status).update(count=F("count") + 1)
    return sum(counts.values_list("count", flat=True))


def _row(refusal: Refusal, now: datetime) -> Rejection:
    return Rejection(
        partner=refusal.partner,
        key_id=_storable(refusal.key_id)[:64],
        status=refusal.status,
        message=_storable(refusal.message)[:255],
        errors=[_error(error) for error in refusal.errors[:_MAX_ERRORS]],
        method=refusal.method[:8],
        path=_storable(refusal.path)[:512],
        address=refusal.address[:64],
        request_id=refusal.request_id,
        at=now,
    )


def _error(error: dict[str, str]) -> dict[str, str]:
    return {name: _storable(text)[:255] for name, text in error.items()}


def _storable(text: str) -> str:
    """What came from outside may hold what no database keeps: U+0000 and unpaired surrogates."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()

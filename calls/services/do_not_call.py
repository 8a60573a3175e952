"""Numbers that must not be dialled for an account, kept as keyed hashes so that they survive an erasure."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import QuerySet

from calls import hashes
from calls.models import DoNotCall
from zipingest import work

# The text that means it in any case, whatever category its code has, or none.
WORD = "do_not_call"


def mark(*, sub_tenant_id: int, phones: Iterable[str], now: datetime) -> None:
    """Remember the numbers (E.164), in one statement; known ones stay as they are."""
    marks = [
        DoNotCall(sub_tenant_id=sub_tenant_id, phone_hash=hashes.keyed_hash("phone", phone), added_at=now)
        for phone in sorted(set(phones) - {""})
    ]
    DoNotCall.objects.bulk_create(marks, ignore_conflicts=True)


def marks_of(sub_tenant_id: int, phone: str) -> QuerySet[DoNotCall]:
    """The rows that mean the number (E.164): none, or one for each pepper it was marked under."""
    possible = hashes.possible_hashes("phone", phone)
    return DoNotCall.objects.filter(sub_tenant=sub_tenant_id, phone_hash__in=possible)


def add(*, sub_tenant_id: int, phone: str) -> DoNotCall | None:
    """Mark the number by hand; None where it was marked already."""
    if marks_of(sub_tenant_id, phone).exists():
        return None
    made, is_new = DoNotCall.objects.get_or_create(
        sub_tenant_id=sub_tenant_id,
        phone_hash=hashes.keyed_hash("phone", phone),
        defaults={"added_at": work.database_now()},
    )
    return made if is_new else None


def remove(*, sub_tenant_id: int, phone: str) -> bool:
    """Take the number off the list; False where it was not on it."""
    return marks_of(sub_tenant_id, phone).delete()[0] > 0

"""Numbers that must not be dialled for an account, kept as keyed hashes so that they survive an erasure."""

from collections.abc import Iterable
from datetime import datetime

from calls import hashes
from calls.models import DoNotCall

# The text that means it in any case, whatever category its code has, or none.
WORD = "do_not_call"


def mark(*, sub_tenant_id: int, phones: Iterable[str], now: datetime) -> None:
    """Remember the numbers (E.164), in one statement; known ones stay as they are."""
    marks = [
        DoNotCall(sub_tenant_id=sub_tenant_id, phone_hash=hashes.keyed_hash("phone", phone), added_at=now)
        for phone in sorted(set(phones) - {""})
    ]
    DoNotCall.objects.bulk_create(marks, ignore_conflicts=True)

"""Legal holds: nothing of a held call is removed, whatever its retention says.

Whoever decides what becomes of a call's audio (a hold, the purge, an erasure) first locks the call's row, in
a statement of its own, and reads afterwards: so of two at the same time, the second sees what the first did.
"""

from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet

from calls import keeping
from calls.models import Call, LegalHold
from zipingest import work

# Of one placement: a filter that means more is to be narrowed.
MOST_AT_ONCE = 10_000
_BATCH = 1000


class TooMany(Exception):
    """More calls than MOST_AT_ONCE; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Placed:
    """How many calls are held now, were held before, and have lost their audio already (and are not held)."""

    placed: int
    before: int
    gone: int


def place(*, calls: QuerySet[Call], reason: str, placed_by: str) -> Placed:
    """Hold the calls, all in one transaction; a call is held once at a time. Raises TooMany."""
    with transaction.atomic():
        found = lock(calls, most=MOST_AT_ONCE + 1)
        if len(found) > MOST_AT_ONCE:
            raise TooMany
        kept = Call.objects.filter(pk__in=found)
        gone = set(kept.filter(recording__purged_at__isnull=False).values_list("pk", flat=True))
        held = set(kept.filter(keeping.held()).values_list("pk", flat=True))
        free = [pk for pk in found if pk not in gone | held]
        _create(free, reason, placed_by)
    return Placed(placed=len(free), before=len(held), gone=len(gone - held))


def release(*, holds: QuerySet[LegalHold], released_by: str) -> int:
    """End those of the holds that are active; how many. What the window says applies again at once."""
    active = holds.filter(released_at__isnull=True).order_by()
    return active.update(released_by=released_by, released_at=work.database_now())


def lock(calls: QuerySet[Call], *, most: int | None = None, skip_locked: bool = False) -> list[int]:
    """The primary keys of the calls, whose rows are locked until the transaction ends, in one order."""
    rows = Call.objects.filter(pk__in=calls.order_by().values("pk")).order_by("pk")
    locked = rows.select_for_update(no_key=True, skip_locked=skip_locked)
    return list(locked.values_list("pk", flat=True)[:most])


def _create(calls: list[int], reason: str, placed_by: str) -> None:
    now = work.database_now()
    LegalHold.objects.bulk_create(
        [LegalHold(call_id=pk, reason=reason, placed_by=placed_by, placed_at=now) for pk in calls],
        batch_size=_BATCH,
    )

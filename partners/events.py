"""What partners were told of their calls, in an order that never changes: a missed callback is not lost.

An event is a callback that is owed in a sub-tenant (tests are of none, so they are no events). It gets its
number when the feed is read; owing and sending know nothing of it.

Why a reader misses nothing: a number is given only to what is committed, it is always the next one, and who
gives it holds the lock of the feed's row until the commit. So numberings come one after the other, and where
n can be seen, all below it can be seen too. What commits later has a higher number, however early it began.

The feed's row keeps the last number, which is not given again when its event goes: those of a sandbox key's
calls go with the calls, after a day. All others stay, emptied where the customer was erased.
"""

from itertools import takewhile

from django.db import transaction
from django.db.models import QuerySet

from partners.models import Delivery, EventFeed, Partner, SubTenant
from zipingest import work
from zipingest.bulk import update_rows

# More than a page, and few enough to be locked for an instant only.
NUMBERED_AT_ONCE = 1_000


class UnknownCursor(Exception):
    """No event of the feed has had this number yet."""


def read(*, partner: Partner, sub_tenant: SubTenant, after: int, most: int) -> list[Delivery]:
    """Up to ``most`` events (below NUMBERED_AT_ONCE) with numbers above ``after``, in their order.

    Raises UnknownCursor. Three statements where there is nothing new, none of them a write.
    """
    owed = Delivery.objects.filter(partner=partner, sub_tenant=sub_tenant)
    unnumbered = owed.filter(sequence__isnull=True)
    if unnumbered.exists():
        _number(partner, sub_tenant, unnumbered)
    events = list(owed.filter(sequence__gt=after).order_by("sequence")[:most])
    if not events and after > _last(partner, sub_tenant):
        raise UnknownCursor(after)
    return events


@transaction.atomic
def _number(partner: Partner, sub_tenant: SubTenant, unnumbered: "QuerySet[Delivery]") -> None:
    feed, _ = EventFeed.objects.select_for_update().get_or_create(partner=partner, sub_tenant=sub_tenant)
    numbers = list(enumerate(_oldest_free(unnumbered), start=feed.last + 1))
    update_rows(Delivery, "id", ["sequence"], [(pk, number) for number, pk in numbers])
    if numbers:
        feed.last = numbers[-1][0]
        feed.save(update_fields=["last"])
    work.nudge(Delivery)  # whoever looked for work meanwhile has passed over the locked rows


def _oldest_free(unnumbered: "QuerySet[Delivery]") -> list[int]:
    """The oldest of them, locked, up to one that somebody writes to at this moment.

    The next reader numbers that one and those behind it: who waits with locks in hand may make a deadlock.
    """
    oldest = list(unnumbered.order_by("pk").values_list("pk", flat=True)[:NUMBERED_AT_ONCE])
    rows = Delivery.objects.filter(pk__in=oldest).order_by()
    locked = rows.select_for_update(skip_locked=True, no_key=True)
    free = set(locked.values_list("pk", flat=True))
    return list(takewhile(free.__contains__, oldest))


def _last(partner: Partner, sub_tenant: SubTenant) -> int:
    feeds = EventFeed.objects.filter(partner=partner, sub_tenant=sub_tenant)
    return feeds.values_list("last", flat=True).first() or 0

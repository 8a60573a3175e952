"""Whose turn it is: batches that may be dialled now, the one with the fewest calls first."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings

from calls import telephony
from calls.dialer.models import RUNNING, Batch, CallingNumber, DialerAccount, PhoneLog, Switch

_LANE = "batch:"
_NEVER = datetime.min.replace(tzinfo=UTC)


def lane_of(batch: Batch) -> str:
    return f"{_LANE}{batch.pk}"


def in_turn(lanes: list[str]) -> list[str]:
    """Those of ``lanes`` whose batch is dialled and finds room, in the order in which they take turns.

    A few queries for all of them; the number of contacts does not matter.
    """
    if telephony.configured() is None:
        return []
    ids = [int(lane.removeprefix(_LANE)) for lane in lanes]
    batches = Batch.objects.filter(pk__in=ids, switch=Switch.STARTED, deleted_at__isnull=True)
    rows = list(batches.only("sub_tenant_id", "dialled_at"))
    room = Room.now({batch.sub_tenant_id for batch in rows})
    numbers = _numbers({batch.pk for batch in rows})
    able = [batch for batch in rows if room.for_any(batch.sub_tenant_id, numbers[batch.pk])]
    able.sort(key=lambda batch: (room.of_batch[batch.pk], batch.dialled_at or _NEVER))
    return [lane_of(batch) for batch in able]


@dataclass(frozen=True, slots=True)
class Room:
    """How many calls run, and how many may; by account, number and batch."""

    of_account: Counter[int]
    of_number: Counter[int]
    of_batch: Counter[int]
    account_caps: Mapping[int, int]

    @classmethod
    def now(cls, accounts: Iterable[int]) -> "Room":
        running = PhoneLog.objects.filter(sub_tenant__in=accounts, status__in=RUNNING)
        of_account: Counter[int] = Counter()
        of_number: Counter[int] = Counter()
        of_batch: Counter[int] = Counter()
        for account, number, batch in running.values_list("sub_tenant_id", "number_id", "contact__batch_id"):
            of_account[account] += 1
            of_number[number] += 1
            of_batch[batch] += 1
        own = DialerAccount.objects.filter(sub_tenant__in=accounts, most_at_once__isnull=False)
        caps = dict(own.values_list("sub_tenant_id", "most_at_once"))
        return cls(of_account, of_number, of_batch, {pk: cap for pk, cap in caps.items() if cap})

    def for_any(self, account: int, numbers: Iterable[CallingNumber]) -> bool:
        return self.number_for(account, numbers) is not None

    def number_for(self, account: int, numbers: Iterable[CallingNumber]) -> CallingNumber | None:
        """The one of ``numbers`` with the fewest calls that may make another."""
        if self.of_account[account] >= self.account_caps.get(account, settings.DIALER_RUNNING_PER_ACCOUNT):
            return None
        free = [number for number in numbers if self.of_number[number.pk] < _cap(number)]
        return min(free, key=lambda number: self.of_number[number.pk], default=None)


def _cap(number: CallingNumber) -> int:
    return number.most_at_once or int(settings.DIALER_RUNNING_PER_NUMBER)


def _numbers(batches: Iterable[int]) -> defaultdict[int, list[CallingNumber]]:
    """Of each batch the numbers that somebody speaks for."""
    found: defaultdict[int, list[CallingNumber]] = defaultdict(list)
    links = Batch.numbers.through.objects.filter(batch__in=batches, callingnumber__agent__isnull=False)
    for link in links.select_related("callingnumber").order_by("callingnumber_id"):
        found[link.batch_id].append(link.callingnumber)
    return found


def numbers_of(batch: Batch) -> list[CallingNumber]:
    return list(batch.numbers.filter(agent__isnull=False).select_related("agent__agent").order_by("pk"))

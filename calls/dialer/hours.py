"""When a contact may be called: its own hours, in every time zone that its number may be in (dialer spec)."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import timezone as number_zones

from calls.dialer.models import Batch, Contact, DialerAccount

# Where a batch says nothing.
HOUSE_START, HOUSE_END = time(9), time(20)
# What is not allowed within so long never is: weeks repeat, and clocks change by an hour at most.
_LOOKED_AHEAD = timedelta(days=15)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Hours:
    """From ``start`` to before ``end`` by the clocks of all ``zones``, on ``days`` (0: Sunday; none: all).

    An ``end`` that is not after the ``start`` is on the following day; the day is that of the ``start``.
    """

    start: time
    end: time
    days: frozenset[int]
    zones: tuple[str, ...]

    def next_allowed(self, now: datetime) -> datetime | None:
        """The first moment from ``now`` on that all zones allow, in UTC; None where there is none."""
        moment = now.astimezone(UTC)
        limit = moment + _LOOKED_AHEAD
        while moment <= limit:
            opening = max(self._opening(ZoneInfo(zone), moment, limit) for zone in self.zones)
            if opening == moment:
                return moment
            moment = opening
        return None

    def _opening(self, zone: ZoneInfo, moment: datetime, limit: datetime) -> datetime:
        """``moment`` where the zone allows it, else when it next does; past the limit where it never does."""
        day = moment.astimezone(zone).date() - _DAY  # a window of yesterday may still be open
        while datetime.combine(day, time.min, UTC) <= limit + _DAY:
            opens, closes = self._window(day_start=datetime.combine(day, self.start, zone))
            if (not self.days or day.isoweekday() % 7 in self.days) and moment < closes:
                return max(moment, opens)
            day += _DAY
        return limit + _DAY

    def _window(self, day_start: datetime) -> tuple[datetime, datetime]:
        """In UTC, as two times of one zone compare by the clock on the wall."""
        last = day_start.date() if self.end > self.start else day_start.date() + _DAY
        closes = datetime.combine(last, self.end, day_start.tzinfo)
        return day_start.astimezone(UTC), closes.astimezone(UTC)


def hours_of(contact: Contact, batch: Batch, account: DialerAccount) -> Hours:
    start, end = batch.hours_start or HOUSE_START, batch.hours_end or HOUSE_END
    return Hours(start, end, frozenset(batch.allowed_days), zones_of(contact, batch, account))


def zones_of(contact: Contact, batch: Batch, account: DialerAccount) -> tuple[str, ...]:
    """The record's zone, else all that its number may be in, else the batch's, else the account's."""
    if contact.time_zone:
        return (contact.time_zone,)
    return zones_of_number(contact.phone) or (batch.time_zone or account.time_zone,)


@lru_cache(maxsize=4096)
def zones_of_number(phone: str) -> tuple[str, ...]:
    """By libphonenumber's data; none where it knows none."""
    try:
        number = phonenumbers.parse(phone)
    except phonenumbers.NumberParseException:
        return ()
    zones = number_zones.time_zones_for_number(number)
    return tuple(zone for zone in zones if zone != number_zones.UNKNOWN_TIMEZONE)

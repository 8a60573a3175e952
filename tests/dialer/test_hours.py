"""Calling hours in a contact's own zones: over changes of the clock, in several zones, and at night."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.dialer.hours import Hours, hours_of, zones_of_number
from calls.dialer.models import Batch, Contact, DialerAccount

NEW_YORK, BERLIN, LOS_ANGELES = "America/New_York", "Europe/Berlin", "America/Los_Angeles"


def hours(*zones: str, start: str = "09:00", end: str = "20:00", days: frozenset[int] = frozenset()) -> Hours:
    return Hours(time.fromisoformat(start), time.fromisoformat(end), days, zones)


def local(text: str, zone: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-07-01T08:59:59", "2026-07-01T09:00:00"),
        ("2026-07-01T09:00:00", "2026-07-01T09:00:00"),
        ("2026-07-01T19:59:59", "2026-07-01T19:59:59"),
        ("2026-07-01T20:00:00", "2026-07-02T09:00:00"),
        # The night in which New York's clocks go forward, and the one in which they go back.
        ("2026-03-07T21:00:00", "2026-03-08T09:00:00"),
        ("2026-10-31T21:00:00", "2026-11-01T09:00:00"),
    ],
)
def test_it_opens_by_the_clock_on_the_wall(now: str, opens: str) -> None:
    assert hours(NEW_YORK).next_allowed(local(now, NEW_YORK)) == local(opens, NEW_YORK)


def test_an_opening_that_the_clock_leaps_over_is_an_hour_later_on_the_wall() -> None:
    opens = hours(NEW_YORK, start="02:30", end="05:00").next_allowed(local("2026-03-08T00:00:00", NEW_YORK))
    assert opens == local("2026-03-08T03:30:00", NEW_YORK)


def test_a_window_over_midnight_belongs_to_the_day_on_which_it_opens() -> None:
    friday = hours(BERLIN, start="22:00", end="02:00", days=frozenset({5}))
    assert friday.next_allowed(local("2026-07-04T01:00:00", BERLIN)) == local("2026-07-04T01:00:00", BERLIN)
    assert friday.next_allowed(local("2026-07-04T02:00:00", BERLIN)) == local("2026-07-10T22:00:00", BERLIN)


@pytest.mark.parametrize(("day", "opens"), [(0, "2026-07-05"), (1, "2026-07-06"), (6, "2026-07-04")])
def test_days_count_from_sunday(day: int, opens: str) -> None:
    wednesday = local("2026-07-01T12:00:00", BERLIN)
    assert hours(BERLIN, days=frozenset({day})).next_allowed(wednesday) == local(f"{opens}T09:00:00", BERLIN)


def test_of_several_zones_all_must_allow_it() -> None:
    both = hours(NEW_YORK, LOS_ANGELES)
    assert both.next_allowed(local("2026-07-01T09:00:00", NEW_YORK)) == local(
        "2026-07-01T09:00:00", LOS_ANGELES
    )
    # Eight in the evening in New York ends it.
    assert both.next_allowed(local("2026-07-01T20:00:00", NEW_YORK)) == local(
        "2026-07-02T09:00:00", LOS_ANGELES
    )


def test_zones_that_share_no_hour_are_told_as_such() -> None:
    assert (
        hours(BERLIN, LOS_ANGELES, start="09:00", end="10:00").next_allowed(datetime(2026, 7, 1, tzinfo=UTC))
        is None
    )


@given(
    now=st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31)).map(lambda at: at.replace(tzinfo=UTC)),
    zones=st.lists(
        st.sampled_from([NEW_YORK, BERLIN, LOS_ANGELES, "Australia/Lord_Howe"]), min_size=1, max_size=3
    ),
    start=st.integers(0, 23),
    length=st.integers(1, 23),
    days=st.frozensets(st.integers(0, 6), max_size=7),
)
def test_what_it_gives_is_allowed_and_not_before_now(
    now: datetime, zones: list[str], start: int, length: int, days: frozenset[int]
) -> None:
    given = Hours(time(start), time((start + length) % 24), days, tuple(zones))
    moment = given.next_allowed(now)
    if moment is None:
        return
    assert now <= moment <= now + timedelta(days=16)
    assert given.next_allowed(moment) == moment
    for zone in zones:
        wall = moment.astimezone(ZoneInfo(zone))
        since_start = (wall.hour * 60 + wall.minute - start * 60) % (24 * 60)
        # An hour of slack: on the night of a change the window is shorter or longer.
        assert since_start < length * 60 + 60


@pytest.mark.parametrize(
    ("phone", "zones"),
    [
        ("+12125551001", {NEW_YORK}),
        ("+493012345678", {BERLIN}),
        ("+1234567890", set()),
        ("no number", set()),
    ],
)
def test_a_numbers_zones_are_those_of_libphonenumber(phone: str, zones: set[str]) -> None:
    assert set(zones_of_number(phone)) == zones


def test_a_toll_free_number_may_be_anywhere() -> None:
    assert {NEW_YORK, LOS_ANGELES} <= set(zones_of_number("+18005551234"))


@pytest.mark.parametrize(
    ("record", "phone", "batch", "zones"),
    [
        ("Asia/Tokyo", "+12125551001", BERLIN, ("Asia/Tokyo",)),
        ("", "+12125551001", BERLIN, (NEW_YORK,)),
        ("", "+1234567890", BERLIN, (BERLIN,)),
        ("", "+1234567890", "", (LOS_ANGELES,)),
    ],
)
def test_the_records_zone_goes_before_the_numbers_the_batchs_and_the_accounts(
    record: str, phone: str, batch: str, zones: tuple[str, ...]
) -> None:
    contact = Contact(phone=phone, time_zone=record)
    found = hours_of(contact, Batch(time_zone=batch), DialerAccount(time_zone=LOS_ANGELES))
    assert (found.zones, found.start, found.end) == (zones, time(9), time(20))

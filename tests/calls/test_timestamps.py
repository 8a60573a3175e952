"""Every format of the network document, and what is none."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.timestamps import InvalidTimestamp, parse_timestamp

PACIFIC = ZoneInfo("America/Los_Angeles")
ONE_PM_PACIFIC = datetime(2016, 4, 11, 20, 0, tzinfo=UTC)

SAMPLES = {
    1460404800: ONE_PM_PACIFIC,
    "1460404800": ONE_PM_PACIFIC,
    1460404800000: ONE_PM_PACIFIC,
    "1460404800000": ONE_PM_PACIFIC,
    # Its caption says 1 PM Pacific; its rule says UTC, and the rule wins.
    20160411130000000: datetime(2016, 4, 11, 13, 0, tzinfo=UTC),
    "20160411130000000": datetime(2016, 4, 11, 13, 0, tzinfo=UTC),
    "2016/04/11T23:00:00.000+03:00": ONE_PM_PACIFIC,
    "2016/04/11T13:00:00.000-07:00": ONE_PM_PACIFIC,
    "2016/04/11T20:00:00.000Z": ONE_PM_PACIFIC,
    "2016/04/11T13:00:00-07:00": ONE_PM_PACIFIC,
    "2016-04-11T13:00:00-07:00": ONE_PM_PACIFIC,
    "2016/04/11 13:00:00.000 PM": ONE_PM_PACIFIC,
    "2016/04/11 13:00:00 PM": ONE_PM_PACIFIC,
    "2016/04/11 01:00:00 PM": ONE_PM_PACIFIC,
    "2016-02-03 09:30:00 AM": datetime(2016, 2, 3, 17, 30, tzinfo=UTC),
    "2016-08-08 11:03:31 -0700": datetime(2016, 8, 8, 18, 3, 31, tzinfo=UTC),
    "2022-03-25 09:31:29": datetime(2022, 3, 25, 16, 31, 29, tzinfo=UTC),
    "2022-03-25T09:31:29": datetime(2022, 3, 25, 16, 31, 29, tzinfo=UTC),
    "2022/03/25 12:00:00 AM": datetime(2022, 3, 25, 7, 0, tzinfo=UTC),
    "2022/03/25 12:00:00 pm": datetime(2022, 3, 25, 19, 0, tzinfo=UTC),
    " 2016/04/11T20:00:00.5Z ": ONE_PM_PACIFIC + timedelta(milliseconds=500),
}

NONSENSE = {
    "": "none of the supported",
    "yesterday": "none of the supported",
    "2016/04-11T20:00:00Z": "none of the supported",
    "2016-04-11": "none of the supported",
    "2016-04-11T20:00Z": "none of the supported",
    "2016-04-11T20:00:00+7": "none of the supported",
    "٢٠١٦-04-11T20:00:00Z": "none of the supported",
    "123": "has 3 digits",
    -1460404800: "none of the supported",
    14604048000: "has 11 digits",
    "2016-02-30T10:00:00Z": "not a time that exists",
    "20161311130000000": "not a time that exists",
    "2016-04-11T25:00:00Z": "not a time that exists",
    "2016-04-11T10:61:00Z": "not a time that exists",
    "0001-01-01T00:00:00+14:00": "not a time that exists",
    "2016-04-11T10:00:00+25:00": "not a time that exists",
    "2016-04-11T10:00:00+07:75": "offset of 75 minutes",
    "2016/04/11 13:00:00 AM": "13 o'clock AM",
    "2016/04/11 00:30:00 PM": "0 o'clock PM",
    True: "a text or a whole number",
    1460404800.5: "a text or a whole number",
    None: "a text or a whole number",
}


@pytest.mark.parametrize("value", SAMPLES, ids=repr)
def test_a_sample_of_the_document_means_its_moment(value: object) -> None:
    assert parse_timestamp(value, zone=PACIFIC) == SAMPLES[value]


@pytest.mark.parametrize("value", NONSENSE, ids=repr)
def test_nonsense_is_refused_with_a_reason(value: object) -> None:
    with pytest.raises(InvalidTimestamp, match=NONSENSE[value]):
        parse_timestamp(value, zone=PACIFIC)


def test_an_hour_that_the_clock_shows_twice_is_the_first_one() -> None:
    assert parse_timestamp("2022-11-06 01:30:00", zone=PACIFIC) == datetime(2022, 11, 6, 8, 30, tzinfo=UTC)


def test_an_hour_that_the_clock_leaps_over_counts_on() -> None:
    assert parse_timestamp("2022-03-13 02:30:00", zone=PACIFIC) == datetime(2022, 3, 13, 10, 30, tzinfo=UTC)


# --- Round trips ------------------------------------------------------------------------------------------
FROM_2001 = st.datetimes(datetime(2001, 9, 10), datetime(2199, 12, 31), timezones=st.just(UTC))
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def to_milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@given(FROM_2001, st.booleans())
def test_epoch_seconds_come_back(moment: datetime, as_text: bool) -> None:
    seconds = int(moment.replace(microsecond=0).timestamp())
    assert parse_timestamp(str(seconds) if as_text else seconds, zone=PACIFIC).timestamp() == seconds


@given(FROM_2001.map(to_milliseconds))
def test_epoch_milliseconds_come_back(moment: datetime) -> None:
    milliseconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert parse_timestamp(milliseconds, zone=PACIFIC) == moment


@given(FROM_2001.map(to_milliseconds), st.booleans())
def test_the_compressed_form_comes_back(moment: datetime, as_text: bool) -> None:
    text = f"{moment:%Y%m%d%H%M%S}{moment.microsecond // 1000:03}"
    assert parse_timestamp(text if as_text else int(text), zone=PACIFIC) == moment


@given(FROM_2001.map(to_milliseconds), OFFSETS, st.sampled_from("-/"), st.sampled_from("T "))
def test_iso_8601_comes_back(moment: datetime, offset: timezone, mark: str, between: str) -> None:
    date, _, time = moment.astimezone(offset).isoformat(timespec="milliseconds").partition("T")
    assert parse_timestamp(f"{date.replace('-', mark)}{between}{time}", zone=PACIFIC) == moment


@given(FROM_2001.map(to_milliseconds), st.sampled_from("-/"), st.booleans())
def test_the_excel_form_comes_back(moment: datetime, mark: str, of_twelve: bool) -> None:
    local = moment.astimezone(PACIFIC)
    hour = f"{local:%I}" if of_twelve else f"{local:%H}"
    half = f" {local:%p}" if of_twelve else ""
    text = f"{local:%Y{mark}%m{mark}%d} {hour}:{local:%M:%S}.{local.microsecond // 1000:03}{half}"
    # Of the hour that comes twice the first is meant.
    assert parse_timestamp(text, zone=PACIFIC) == local.replace(fold=0).astimezone(UTC)

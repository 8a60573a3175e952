"""Times as call networks write them (network document, Timestamp Formats).

One parser for all of them, as an integer or a text:

| format | example | zone |
|---|---|---|
| epoch seconds, 10 digits | ``1460404800`` | UTC |
| epoch milliseconds, 13 digits | ``1460404800000`` | UTC |
| compressed, 17 digits | ``20160411130000000`` | UTC |
| ISO 8601 | ``2016/04/11T13:00:00.000-07:00`` | its own offset, or Z |
| Excel, and ISO 8601 without an offset | ``2016/04/11 01:00:00 PM`` | the network's |

Dates have dashes or slashes; a blank may stand for the T and before an offset.
"""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS = re.compile(r"[0-9]+")
_COMPRESSED = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d{3})", re.ASCII)
_WRITTEN = re.compile(
    r"(?P<date>\d{4}(?P<mark>[/-])\d\d(?P=mark)\d\d)[T ](?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
    r"(?:\.(?P<fraction>\d{1,6}))?"
    r"(?: ?(?P<half>[AP]M)| ?(?P<offset>Z|[+-]\d\d:?\d\d))?",
    re.ASCII | re.IGNORECASE,
)
_NOON = 12


class InvalidTimestamp(ValueError):
    """What was given is no time; the message says why, in words that follow the field's name."""


def parse_timestamp(value: object, *, zone: tzinfo) -> datetime:
    """The moment that ``value`` means, in UTC; ``zone`` is where a time without one was read off the clock.

    A time that the clock shows twice is taken as the first one, and one that it leaps over as if it had not
    leapt: a call is not refused for the night on which it was made. Raises InvalidTimestamp.
    """
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise InvalidTimestamp("must be a text or a whole number")
    text = str(value).strip()
    try:
        return _of_digits(text) if _DIGITS.fullmatch(text) else _of_written(text, zone).astimezone(UTC)
    except InvalidTimestamp:
        raise
    except (ValueError, OverflowError) as error:
        raise InvalidTimestamp(f"is not a time that exists: {error}") from error


def _of_digits(text: str) -> datetime:
    match len(text):
        case 10:
            return _EPOCH + timedelta(seconds=int(text))
        case 13:
            return _EPOCH + timedelta(milliseconds=int(text))
        case 17:
            return _of_compressed(text)
    raise InvalidTimestamp(f"has {len(text)} digits; of digits alone there may be 10, 13 or 17")


def _of_compressed(text: str) -> datetime:
    found = _COMPRESSED.fullmatch(text)
    assert found is not None, "17 digits were counted"
    year, month, day, hour, minute, second, milliseconds = map(int, found.groups())
    return datetime(year, month, day, hour, minute, second, milliseconds * 1000, tzinfo=UTC)


def _of_written(text: str, zone: tzinfo) -> datetime:
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise InvalidTimestamp("is in none of the supported timestamp formats")
    year, month, day = (int(part) for part in re.split("[/-]", found["date"]))
    return datetime(
        year,
        month,
        day,
        _hour(int(found["hour"]), (found["half"] or "").upper()),
        int(found["minute"]),
        int(found["second"]),
        int((found["fraction"] or "").ljust(6, "0")),
        tzinfo=_offset(found["offset"]) if found["offset"] else zone,
    )


def _hour(hour: int, half: str) -> int:
    """Of 24. The document's own samples write ``13:00:00 PM``: over twelve, PM only repeats what is said."""
    if half == "AM":
        if hour > _NOON:
            raise InvalidTimestamp(f"has {hour} o'clock AM")
        return hour % _NOON
    if half == "PM":
        if hour == 0:
            raise InvalidTimestamp("has 0 o'clock PM")
        return hour if hour >= _NOON else hour + _NOON
    return hour


def _offset(text: str) -> tzinfo:
    if text in ("Z", "z"):
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:])
    if minutes > 59:
        raise InvalidTimestamp(f"has an offset of {minutes} minutes")
    span = timedelta(hours=hours, minutes=minutes)
    return timezone(-span if text[0] == "-" else span)

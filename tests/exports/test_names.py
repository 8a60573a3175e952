"""Names of entries: readable, sortable, the same every time, and safe wherever they are unpacked."""

import re
import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exports.packaging import EntryNames, entry_name

START = datetime(2026, 6, 1, 9, 30, 59, tzinfo=UTC)
CALL = UUID("093e1024-5a4b-4c3d-8e2f-1a2b3c4d5e6f")
PARTS = re.compile(r"(\d{4}-\d\d-\d\d)_(\d{4})_([^_]+)_([^_]+)_([0-9a-f]{8}|[0-9a-f]{32})\.wav")
NAMES = st.builds(
    entry_name,
    st.datetimes(timezones=st.timezones()),
    st.text(max_size=255),
    st.text(max_size=255),
    st.uuids(),
    whole_uuid=st.booleans(),
)


def test_it_is_made_of_start_extension_phone_and_uuid() -> None:
    name = entry_name(START, "101", "+12025550123", CALL)
    assert name == "2026-06-01_0930_101_+12025550123_093e1024.wav"


@pytest.mark.parametrize(
    ("extension", "phone", "middle"),
    [
        ("", "  ", "unknown_unknown"),
        ("a_b/c\\d:e*f?g", '"h<i>j|k\0l\x7f', "a-b-c-d-e-f-g_-h-i-j-k-l-"),
        ("CON", "NUL.wav", "CON_NUL.wav"),
        ("..", "a. ", ".._a."),
        ("Zoe\u0308 李", "=1", "Zoë-李_-1"),
        ("\u202egnp.exe", "\ud800", "-gnp.exe_-"),
        ("9" * 255, "é" * 255, f"{'9' * 40}_{'é' * 12}"),
    ],
)
def test_what_a_file_system_may_refuse_is_replaced_or_cut(extension: str, phone: str, middle: str) -> None:
    assert entry_name(START, extension, phone, CALL) == f"2026-06-01_0930_{middle}_093e1024.wav"


def test_the_time_is_utc() -> None:
    abroad = START.astimezone(timezone(timedelta(hours=-7)))
    assert entry_name(abroad, "101", "1", CALL) == entry_name(START, "101", "1", CALL)
    with pytest.raises(ValueError, match="zone"):
        entry_name(START.replace(tzinfo=None), "101", "1", CALL)


@given(NAMES)
@example(entry_name(START, "\u0301", "\u0338", CALL))
def test_every_name_can_be_taken_apart_and_is_safe(name: str) -> None:
    assert PARTS.fullmatch(name)
    assert not re.search(r'[<>:"/\\|?*\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e]', name)
    assert len(name.encode()) <= 120
    assert unicodedata.is_normalized("NFC", name)


@given(*[st.datetimes(timezones=st.just(UTC))] * 2)
def test_names_sort_by_time(first: datetime, second: datetime) -> None:
    names = [entry_name(moment, "101", "+12025550123", CALL) for moment in sorted((first, second))]
    assert names == sorted(names)


# All of them begin with one of three.
CALLS = st.builds(lambda first, rest: UUID(int=first << 96 | rest), st.integers(0, 2), st.integers(0, 2**90))


@given(st.dictionaries(CALLS, st.sampled_from(["a", "A", "ä", "Ä"])))
def test_names_differ_within_an_archive_whatever_collides(extensions: dict[UUID, str]) -> None:
    names, again = EntryNames(), EntryNames()
    given_names = [names.name(START, extension, "1", call) for call, extension in extensions.items()]
    assert len({name.casefold() for name in given_names}) == len(extensions)
    assert given_names == [again.name(START, extension, "1", call) for call, extension in extensions.items()]


def test_only_a_call_whose_digits_are_taken_gets_its_whole_uuid() -> None:
    names, twin, other = EntryNames(), UUID(int=CALL.int + 1), UUID(int=CALL.int + 2**96)
    assert names.name(START, "1", "2", CALL) == "2026-06-01_0930_1_2_093e1024.wav"
    assert names.name(START, "1", "2", twin) == f"2026-06-01_0930_1_2_{twin.hex}.wav"
    assert names.name(START, "1", "2", other) == "2026-06-01_0930_1_2_093e1025.wav"

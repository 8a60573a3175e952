"""The manifest: every matched call in a row that spreadsheets read and no formula hides in."""

import csv
import io
import zlib
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exports.manifest import (
    COLUMNS,
    EntryStatus,
    Manifest,
    ManifestRow,
    ManifestTotals,
)
from zipingest.spreadsheets import neutralised

CALL = UUID("093e1024-5a4b-4c3d-8e2f-1a2b3c4d5e6f")


def row(**changes: Any) -> ManifestRow:
    values = {
        "call_uuid": CALL,
        "agent_extension": "101",
        "agent_name": "Zoë Agent",
        "disposition_code": "SALE-OK",
        "started_at": datetime(2026, 6, 1, 9, 30, tzinfo=UTC),
        "lead_phone_number": "+12025550123",
        "status": EntryStatus.INCLUDED,
        "duration_seconds": 12.5,
        "file": "2026-06-01_0930_101_+12025550123_093e1024.wav",
        "bytes": 200_044,
        "sha256": "ab" * 32,
    }
    return ManifestRow(**{**values, **changes})


def written(*rows: ManifestRow) -> bytes:
    manifest = Manifest()
    for each in rows:
        manifest.add(each)
    with manifest.content() as content:
        data = b"".join(content.chunks)
    assert (content.size, content.crc32) == (len(data), zlib.crc32(data))
    return data


def read_back(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True))


def test_it_is_written_as_the_documents_say() -> None:
    gone = row(status=EntryStatus.EXPIRED, agent_name="", duration_seconds=None, file="", bytes=0, sha256="")
    golden = (
        "\ufeffcall_uuid,agent_extension,agent_name,disposition_code,start_time,duration,"
        "lead_phone_number,file,status,sha256,paused\r\n"
        "093e1024-5a4b-4c3d-8e2f-1a2b3c4d5e6f,101,Zoë Agent,SALE-OK,2026-06-01T09:30:00Z,12.5,"
        f"+12025550123,2026-06-01_0930_101_+12025550123_093e1024.wav,included,{'ab' * 32},12.5-20;31-40\r\n"
        "093e1024-5a4b-4c3d-8e2f-1a2b3c4d5e6f,101,,SALE-OK,2026-06-01T09:30:00Z,,+12025550123,,expired,,\r\n"
    )
    paused = row(paused=[[12.5, 20.0], [31, 40]])
    assert written(paused, gone).decode() == golden


@pytest.mark.parametrize(
    "text", ["a,b", 'say "yes"', "two\r\nlines", "one\nline", "\rstart", " spaces ", "李", ""]
)
def test_any_text_comes_back(text: str) -> None:
    [found] = read_back(written(row(agent_name=text)))
    assert found["agent_name"].removeprefix("'") == text
    assert list(found) == list(COLUMNS)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
@pytest.mark.parametrize("column", ["agent_extension", "agent_name", "disposition_code", "lead_phone_number"])
def test_no_cell_begins_a_formula(start: str, column: str) -> None:
    [found] = read_back(written(row(**{column: f"{start}cmd|' /C calc'!A0"})))
    assert found[column] == f"'{start}cmd|' /C calc'!A0"


@pytest.mark.parametrize("number", ["+12025550123", "+12", "+123456789012345"])
def test_numbers_in_e164_stay_as_they_are(number: str) -> None:
    assert neutralised(number) == number


@pytest.mark.parametrize(
    "text", ["+1", "+02025550123", "+1234567890123456", "+12025550123\n", "+1202+1", "+١٢٣", "-5"]
)
def test_what_only_looks_like_a_number_is_neutralised(text: str) -> None:
    assert neutralised(text) == f"'{text}"


@given(st.text(max_size=20))
def test_other_text_stays_as_it_is(text: str) -> None:
    assert neutralised(text) in (text, f"'{text}")
    assert neutralised(f"a{text}") == f"a{text}"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.0, "0"), (60, "60"), (100.0, "100"), (0.0004, "0"), (1.23456, "1.235"), (None, "")],
)
def test_durations_are_seconds_to_the_millisecond(seconds: float | None, shown: str) -> None:
    [found] = read_back(written(row(duration_seconds=seconds)))
    assert found["duration"] == shown


def test_times_are_utc() -> None:
    local = datetime(2026, 6, 1, 1, 30, 0, 999_999, tzinfo=timezone(timedelta(hours=7)))
    [found] = read_back(written(row(started_at=local)))
    assert found["start_time"] == "2026-05-31T18:30:00Z"
    with pytest.raises(ValueError, match="zone"):
        written(row(started_at=local.replace(tzinfo=None)))


def test_the_totals_balance() -> None:
    manifest = Manifest()
    statuses = [EntryStatus.INCLUDED, EntryStatus.INCLUDED, EntryStatus.EXPIRED, EntryStatus.MISSING]
    for status in statuses:
        manifest.add(row(status=status, bytes=5 if status is EntryStatus.INCLUDED else 0))
    assert manifest.totals == ManifestTotals(matched=4, included=2, expired=1, missing=1, bytes=10)
    manifest.close()


def test_further_columns_stand_behind_the_usual_ones_and_hide_no_formulas() -> None:
    manifest = Manifest(["signal:Sale, big", "custom:=x"])
    manifest.add(row(further=["true", "=1+1"]))
    for cells in ([], ["true"], ["true", "", ""]):
        with pytest.raises(ValueError, match="further cells for 2 columns"):
            manifest.add(row(further=cells))
    with manifest.content() as content:
        [found] = read_back(b"".join(content.chunks))
    assert list(found)[len(COLUMNS) :] == ["signal:Sale, big", "custom:=x"]
    assert list(found.values())[len(COLUMNS) :] == ["true", "'=1+1"]
    with pytest.raises(ValueError, match="for 0 columns"):
        written(row(further=["true"]))


def test_more_rows_than_memory_may_hold_come_back_too() -> None:
    rows = [row(agent_name="n" * 60_000)] * 150  # 9 MB
    assert len(read_back(written(*rows))) == 150

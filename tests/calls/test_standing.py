"""How a call stands, in plain words."""

from datetime import UTC, datetime, timedelta

import pytest

from calls.models import Call, Recording, Source
from calls.standing import standing_of
from zipingest.work import WorkState

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def call_with(**fields: object) -> Call:
    call = Call(source=Source.PARTNER)
    Recording(**{"call": call, "state": WorkState.DUE, "due_at": NOW, **fields})
    return call


@pytest.mark.parametrize(
    ("fields", "tone", "words"),
    [
        ({}, "info", "It waits for its first fetch since 2026-03-01 12:00:00 UTC."),
        ({"attempts": 2}, "warning", "Attempt 3 of 6 is due, and waits for its turn."),
        (
            {"attempts": 2, "due_at": NOW + timedelta(minutes=5)},
            "warning",
            "It waits for attempt 3 of 6.",
        ),
        ({"state": WorkState.LEASED}, "info", "It is being fetched now, as attempt 1 of 6."),
        (
            {"state": WorkState.LEASED, "stage": "processing"},
            "info",
            "It is being checked and stored now, as attempt 1 of 6.",
        ),
        ({"state": WorkState.DONE}, "success", "It has arrived: its recording is stored."),
        (
            {"state": WorkState.DONE, "purged_at": NOW},
            "",
            "It had arrived; its recording was removed at 2026-03-01 12:00:00 UTC.",
        ),
        (
            {"state": WorkState.FAILED, "purged_at": NOW},
            "",
            "It did not arrive, and was given up at 2026-03-01 12:00:00 UTC.",
        ),
        ({"state": WorkState.FAILED}, "danger", "It did not arrive, and is not tried again by itself."),
        (
            {"state": WorkState.POISON},
            "danger",
            "It did not arrive: its file ended our decoder again and again and is set aside.",
        ),
    ],
)
def test_a_call_stands_in_plain_words(fields: dict[str, object], tone: str, words: str) -> None:
    standing = standing_of(call_with(**fields), NOW)

    assert (standing.tone, standing.words) == (tone, words)


@pytest.mark.parametrize(
    ("left", "due_in", "words"),
    [
        (timedelta(minutes=61), timedelta(0), ""),
        (timedelta(minutes=59), timedelta(0), "valid for 59 more minutes"),
        (timedelta(hours=3), timedelta(hours=4), "before the next attempt"),
        (timedelta(seconds=-1), timedelta(0), "another one is needed"),
    ],
)
def test_a_presigned_url_is_warned_about_in_time(left: timedelta, due_in: timedelta, words: str) -> None:
    warning = standing_of(call_with(url_expires_at=NOW + left, due_at=NOW + due_in), NOW).warning

    assert words in warning
    assert bool(words) == bool(warning)


def test_a_stored_recording_is_warned_about_no_url() -> None:
    stored = call_with(state=WorkState.DONE, url_expires_at=NOW - timedelta(days=1))

    assert standing_of(stored, NOW).warning == ""


@pytest.mark.parametrize(
    ("ended_at", "words"), [(None, "It is in progress."), (NOW, "It ended without a recording.")]
)
def test_a_live_call_without_a_recording_says_so(ended_at: datetime | None, words: str) -> None:
    assert standing_of(Call(source=Source.LIVE, ended_at=ended_at), NOW).words == words

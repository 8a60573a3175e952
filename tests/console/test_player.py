"""Listening in the console: ranges of the real file, and an audit of what left the house."""

from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse

from calls.models import AccessRecord, Recording
from tests.console.conftest import World
from tests.support import recordings
from zipingest.storage import default_storage


@pytest.fixture(autouse=True)
def _nothing_heard_yet(world: World) -> None:
    AccessRecord.objects.all().delete()


def url(kind: str, world: World) -> str:
    return reverse(f"admin:calls_call_{kind}", args=[world.stored.pk])


def heard() -> list[tuple[str, str, str]]:
    rows = AccessRecord.objects.order_by("id").select_related("call")
    return [(row.actor, row.kind, str(row.call)) for row in rows]


def test_the_player_gets_the_whole_recording(world: World, support: Client) -> None:
    answer = support.get(url("listen", world))

    assert (answer.status_code, answer["Content-Type"]) == (200, "audio/wav")
    assert b"".join(answer.streaming_content) == world.wav


def test_the_player_gets_just_the_range_it_asks_for(world: World, support: Client) -> None:
    answer = support.get(url("listen", world), headers={"Range": "bytes=100-199"})

    assert answer.status_code == 206
    assert answer["Content-Range"] == f"bytes 100-199/{len(world.wav)}"
    assert b"".join(answer.streaming_content) == world.wav[100:200]


def test_no_cache_keeps_what_was_heard(world: World, support: Client) -> None:
    assert "no-store" in support.get(url("listen", world))["Cache-Control"]


def test_a_listen_is_noted_once_however_many_ranges_it_takes(world: World, support: Client) -> None:
    for start in (0, 100, 200):
        support.get(url("listen", world), headers={"Range": f"bytes={start}-"})

    assert heard() == [("support", "listen", "call-1")]


def test_every_download_is_noted_and_comes_as_a_file_named_by_the_call(world: World, support: Client) -> None:
    answers = [support.get(url("download", world)) for _ in range(2)]

    assert [answer["Content-Disposition"] for answer in answers] == ['attachment; filename="call-1.wav"'] * 2
    assert heard() == [("support", "download", "call-1")] * 2


def test_the_audit_says_from_where_and_under_which_request(world: World, support: Client) -> None:
    answer = support.get(url("listen", world), REMOTE_ADDR="192.0.2.7")

    record = AccessRecord.objects.get()
    assert (record.address, record.request_id) == ("192.0.2.7", answer["X-Request-Id"])


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [("head", {}, 200), ("get", {"Range": "bytes=999999999-"}, 416), ("post", {}, 405)],
)
def test_what_moves_no_audio_is_no_listen(
    method: str, headers: dict[str, str], status: int, world: World, support: Client
) -> None:
    assert getattr(support, method)(url("listen", world), headers=headers).status_code == status
    assert heard() == []


def test_a_call_without_a_stored_recording_has_nothing_to_hear(world: World, support: Client) -> None:
    listen = reverse("admin:calls_call_listen", args=[world.failed.pk])

    assert support.get(listen).status_code == 404
    assert heard() == []


def test_a_recording_that_is_gone_from_the_store_is_404_and_no_listen(world: World, support: Client) -> None:
    default_storage().delete(Recording.objects.get(call=world.stored).key)

    assert support.get(url("listen", world)).status_code == 404
    assert heard() == []


@pytest.mark.parametrize("kind", ["listen", "download"])
def test_past_its_window_it_says_so_and_sends_nothing(world: World, support: Client, kind: str) -> None:
    recordings.keep_until(world.stored, datetime(2026, 3, 1, tzinfo=UTC))

    answer = support.get(url(kind, world))

    assert (answer.status_code, answer["Content-Type"]) == (410, "text/plain; charset=utf-8")
    assert answer.content.decode() == (
        "The recording passed the account's retention window at 2026-03-01 00:00 UTC "
        "and is no longer given out."
    )
    assert heard() == []


def test_what_was_removed_says_so(world: World, support: Client) -> None:
    recordings.purge(world.stored)

    answer = support.get(url("listen", world))

    assert answer.status_code == 410
    assert answer.content.decode().startswith("The recording was removed at 20")


def test_a_hold_lets_it_play_beyond_its_window(world: World, support: Client) -> None:
    recordings.expire(world.stored)
    recordings.hold(world.stored)

    assert b"".join(support.get(url("listen", world)).streaming_content) == world.wav

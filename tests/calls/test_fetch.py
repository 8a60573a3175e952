"""Fetching through the whole service: what is stored, what is told, and what every failure leads to."""

import hashlib
import threading
import zlib

import pytest

from calls.models import FetchAttempt
from tests.support import audio
from tests.support.partner_server import PartnerServer
from tests.support.services import free_port
from tests.work.fetching import (
    attempt,
    callbacks_owed,
    fetched,
    seconds_until_next,
    stored_bytes,
    stored_keys,
    take_in,
)
from zipingest.work import WorkState

pytestmark = pytest.mark.django_db

WAV = audio.wav(0.5)


@pytest.fixture
def server():
    with PartnerServer() as server:
        yield server


# --- Success ----------------------------------------------------------------------------------------------
def test_it_stores_the_recording_with_its_facts_and_the_original(server):
    recording = fetched(server.serve("/a.mp3", audio.mp3(2.0, channels=2)))
    kept = stored_bytes(recording.key)
    assert (recording.state, recording.attempts, recording.last_error) == (WorkState.DONE, 1, "")
    assert (recording.container, recording.codec, recording.channels) == ("mp3", "mp3", 2)
    assert (recording.sample_rate, recording.stored_sample_rate) == (16000, 8000)
    assert recording.duration_seconds == pytest.approx(2.0, abs=0.1)
    assert (recording.bytes, recording.crc32) == (len(kept), zlib.crc32(kept))
    assert recording.sha256 == hashlib.sha256(kept).hexdigest()
    assert len(recording.peaks) > 100
    assert audio.level(kept, 0, 440) > 0.9
    assert audio.level(kept, 1, 880) > 0.9


def test_the_original_is_kept_as_it_came(server):
    recording = fetched(server.serve("/a.wav", WAV))
    assert stored_bytes(recording.original_key) == WAV
    assert recording.original_bytes == len(WAV)
    assert recording.original_sha256 == hashlib.sha256(WAV).hexdigest()
    assert stored_keys(recording.call) == sorted([recording.key, recording.original_key])


def test_without_originals_only_the_normalised_one_is_stored(server, settings):
    settings.AUDIO_KEEP_ORIGINAL = False
    recording = fetched(server.serve("/a.wav", WAV))
    assert recording.original_key == ""
    assert stored_keys(recording.call) == [recording.key]


def test_the_sample_rate_of_the_source_can_be_kept(server, settings):
    settings.AUDIO_SAMPLE_RATE = 0
    recording = fetched(server.serve("/a.wav", audio.wav(0.5, rate=16000)))
    assert audio.heard(stored_bytes(recording.key))[1] == 16000


def test_the_attempt_is_kept(server):
    recording = fetched(server.serve("/a.wav", WAV, content_type="audio/x-wav"))
    kept = FetchAttempt.objects.get(recording=recording)
    assert (kept.run, kept.status, kept.content_type) == (1, 200, "audio/x-wav")
    assert (kept.bytes, kept.error) == (len(WAV), "")
    assert kept.duration_ms < 10_000


def test_the_result_is_owed_once_with_the_facts(server):
    recording = fetched(server.serve("/a.wav", WAV))
    (body,) = callbacks_owed(recording.call)
    assert body.pop("processing_time") >= 0
    assert body == {
        "call_id": recording.call.external_id,
        "status": "completed",
        "error": None,
        "results": {
            "transcription_available": False,
            "analytics_available": False,
            "duration_seconds": 0.5,
            "format": "wav",
            "codec": recording.codec,
            "channels": 1,
            "sample_rate": 8000,
            "bytes": recording.bytes,
            "sha256": recording.sha256,
        },
        "meta": {"campaign": "Q1 Outreach", "source": "Website"},
    }


def test_a_call_without_a_callback_url_owes_none(server):
    recording = fetched(server.serve("/a.wav", WAV), callback_url=...)
    assert recording.state == WorkState.DONE
    assert callbacks_owed(recording.call) == []


def test_redirects_are_followed(server):
    server.serve("/a.wav", WAV)
    assert fetched(server.redirect("/moved", server.url("/a.wav"))).state == WorkState.DONE


def test_nothing_is_left_in_the_scratch_folder(server, settings):
    fetched(server.serve("/a.wav", WAV))
    fetched(server.serve("/b.wav", b"nonsense"))
    assert list((settings.DATA_DIR / "scratch").iterdir()) == []


# --- Worth another try ------------------------------------------------------------------------------------
def truncated(server):
    return server.serve("/a", WAV, headers={"Content-Length": str(len(WAV) + 1)})


def silent(server):
    return server.serve("/a", WAV, hold=threading.Event(), hold_after=100)


def dripping(server):
    return server.serve("/a", WAV, drip=(10, 0.05))


def mute(server):
    return server.script("/a", list)


def nobody(server):
    return f"http://127.0.0.1:{free_port()}/a"


@pytest.mark.parametrize(
    ("serve", "reason"),
    [
        (truncated, "the server sent less than it announced"),
        (silent, "the server fell silent"),
        (dripping, "the server took longer than 2 seconds altogether"),
        (mute, "the server closed the connection without an answer"),
        (nobody, "the server refused the connection"),
    ],
)
def test_a_fault_on_the_way_is_tried_again(server, settings, serve, reason):
    settings.OUTBOUND_READ_SECONDS, settings.FETCH_DEADLINE_SECONDS = 1, 2
    recording = fetched(serve(server))
    assert (recording.state, recording.attempts, recording.last_error) == (WorkState.DUE, 1, reason)
    assert 20 < seconds_until_next(recording) <= 30
    assert FetchAttempt.objects.get(recording=recording).error == reason
    assert callbacks_owed(recording.call) == []
    assert stored_keys(recording.call) == []


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (408, "408 Request Timeout"),
        (425, "425 Too Early"),
        (429, "429 Too Many Requests"),
        (500, "500 Internal Server Error"),
        (503, "503 Service Unavailable"),
    ],
)
def test_a_status_that_may_pass_is_tried_again(server, status, words):
    recording = fetched(server.serve("/a", b"later", status=status, content_type="text/plain"))
    assert (recording.state, recording.last_error) == (WorkState.DUE, f"the server answered {words}")
    kept = FetchAttempt.objects.get(recording=recording)
    assert (kept.status, kept.content_type, kept.error) == (status, "text/plain", recording.last_error)
    assert callbacks_owed(recording.call) == []


@pytest.mark.parametrize(("asked", "seconds"), [("1", 30), ("45", 45), ("3600", 60), ("soon", 30)])
def test_retry_after_may_lengthen_the_step_up_to_twice(server, asked, seconds):
    recording = fetched(server.serve("/a", status=429, headers={"Retry-After": asked}))
    assert seconds - 5 < seconds_until_next(recording) <= seconds


def test_the_steps_grow_and_the_sixth_failure_is_the_end(server, settings):
    call = take_in(server.serve("/a", status=503))
    steps = [seconds_until_next(attempt(call)) for _ in settings.FETCH_RETRY_STEPS]
    assert steps == pytest.approx([30, 120, 600, 3600, 14400], abs=5)
    recording = attempt(call)
    assert (recording.state, recording.attempts) == (WorkState.FAILED, 6)
    assert [kept.status for kept in recording.tried.all()] == [503] * 6
    (body,) = callbacks_owed(call)
    assert (body["status"], body["error"]) == ("failed", "the server answered 503 Service Unavailable")
    assert server.count("/a") == 6


def test_a_later_attempt_makes_it_good(server):
    server.serve("/a", status=503, times=1)
    call = take_in(server.serve("/a", WAV))
    assert attempt(call).state == WorkState.DUE
    assert attempt(call).state == WorkState.DONE
    (body,) = callbacks_owed(call)
    assert body["status"] == "completed"


# --- The end ----------------------------------------------------------------------------------------------
def sign_in_page(server):
    page = "<!DOCTYPE html>\n<html><head>" + "<meta>" * 200 + "<body><form><input type='text'>Sign in</form>"
    return server.serve("/a", page.encode(), content_type="text/html; charset=utf-8")


def web_page(server):
    return server.serve("/a", b"<html><body>Welcome</body></html>", content_type="text/html")


def endless_redirects(server):
    return server.redirect("/a", server.url("/a"))


def compressed(server):
    return server.serve("/a", b"\x1f\x8b", headers={"Content-Encoding": "gzip"})


def private_address(server):
    return server.redirect("/a", "http://10.0.0.1/a")


def status(number):
    return lambda server: server.serve("/a", b"no", status=number)


@pytest.mark.parametrize(
    ("serve", "reason"),
    [
        (status(404), "the server answered 404 Not Found"),
        (status(401), "the server answered 401 Unauthorized"),
        (status(403), "the server answered 403 Forbidden"),
        (status(410), "the server answered 410 Gone"),
        (status(204), "the server answered 204 No Content"),
        (sign_in_page, "the URL answered with a sign-in page (text/html), not audio"),
        (web_page, "the URL answered with a web page (text/html), not audio"),
        (endless_redirects, "the URL redirects more than 3 times"),
        (compressed, "the server sent a compressed body although none was asked for"),
        (private_address, "the URL leads to an address that is not public"),
    ],
)
def test_what_cannot_get_better_ends_at_once(server, serve, reason):
    recording = fetched(serve(server))
    assert (recording.state, recording.attempts, recording.last_error) == (WorkState.FAILED, 1, reason)
    assert recording.completed_at is not None
    assert FetchAttempt.objects.get(recording=recording).error == reason
    (body,) = callbacks_owed(recording.call)
    assert (body["status"], body["error"], body["results"]) == ("failed", reason, None)
    assert stored_keys(recording.call) == []


@pytest.mark.parametrize("announced", [True, False])
def test_a_file_over_the_cap_ends_at_once(server, settings, announced):
    settings.FETCH_MAX_BYTES = 1000
    answer = [b"HTTP/1.1 200 OK\r\n\r\n", WAV]
    url = server.serve("/a", WAV) if announced else server.script("/a", lambda: answer)
    recording = fetched(url)
    assert recording.state == WorkState.FAILED
    assert recording.last_error == "the file is larger than the allowed 1,000 bytes"


def test_a_file_as_large_as_the_cap_is_taken(server, settings):
    settings.FETCH_MAX_BYTES = len(WAV)
    assert fetched(server.serve("/a", WAV)).state == WorkState.DONE

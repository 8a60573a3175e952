"""Trouble on our side: a helper that dies, a store that fails, a worker that is too late."""

import io

import pytest

from calls.models import FetchAttempt, Recording
from calls.services import callbacks, fetch
from partners.models import Delivery
from tests.support import audio
from tests.support.partner_server import PartnerServer
from tests.work.fetching import attempt, callbacks_owed, engine_with, fetched, stored_keys, take_in
from zipingest import work
from zipingest.storage import default_storage
from zipingest.work import WorkState

pytestmark = pytest.mark.django_db

WAV = audio.wav(0.5)


@pytest.fixture
def server():
    with PartnerServer() as server:
        yield server


def put(key: str) -> None:
    default_storage().put(key, io.BytesIO(b"left behind"), content_type="audio/wav")


# --- The helper dies --------------------------------------------------------------------------------------
@pytest.fixture
def bomb(server, settings):
    """A call whose recording takes more memory than a helper may have."""
    with engine_with(settings, AUDIO_MEMORY_BYTES=400 * 1024**2):
        yield take_in(server.serve("/bomb.mp4", audio.mp4_bomb()))


def test_a_crash_of_the_helper_is_tried_again(bomb):
    recording = attempt(bomb)
    assert (recording.state, recording.crashes, recording.attempts) == (WorkState.DUE, 1, 1)
    assert recording.last_error == "decoding ran out of memory"
    assert callbacks_owed(bomb) == []


def test_the_third_crash_makes_the_row_poison_and_tells_the_partner(bomb, server):
    recordings = [attempt(bomb) for _ in range(3)]
    assert [recording.state for recording in recordings] == [WorkState.DUE, WorkState.DUE, WorkState.POISON]
    assert (recordings[-1].crashes, recordings[-1].public_state) == (3, "failed")
    (body,) = callbacks_owed(bomb)
    assert (body["status"], body["error"]) == ("failed", "decoding ran out of memory")
    assert FetchAttempt.objects.filter(recording__call=bomb).count() == server.count("/bomb.mp4") == 3


def test_the_next_file_is_decoded_after_a_crash(bomb, server):
    attempt(bomb)
    assert fetched(server.serve("/a.wav", WAV)).state == WorkState.DONE


# --- The store fails --------------------------------------------------------------------------------------
def test_a_store_that_fails_is_tried_again(server, settings):
    call, working = take_in(server.serve("/a.wav", WAV)), settings.STORAGE_URL
    settings.STORAGE_URL = "file:///dev/null/blobs"
    recording = attempt(call)
    assert recording.state == WorkState.DUE
    assert recording.last_error.startswith("our storage: ")
    assert callbacks_owed(call) == []
    settings.STORAGE_URL = working
    assert attempt(call).state == WorkState.DONE


# --- A worker that is too late ----------------------------------------------------------------------------
def expire(recording_of):
    """What the sweep does to the row of a worker that has been silent for too long."""
    Recording.objects.filter(call=recording_of).update(lease_until=work.database_now())
    assert work.release_expired(Recording) == 1


def test_a_worker_that_lost_its_lease_while_storing_leaves_nothing(server, monkeypatch):
    """The other worker does the whole of it just before the first one writes its outcome."""
    call, record_success = take_in(server.serve("/a.wav", WAV)), fetch._record_success

    def too_late(*arguments):
        monkeypatch.setattr(fetch, "_record_success", record_success)
        expire(call)
        attempt(call)
        record_success(*arguments)

    monkeypatch.setattr(fetch, "_record_success", too_late)
    recording = attempt(call)
    assert (recording.state, recording.lease_epoch, recording.attempts) == (WorkState.DONE, 2, 1)
    assert recording.key.endswith("/1-2.wav")
    assert stored_keys(call) == sorted([recording.key, recording.original_key])
    assert len(callbacks_owed(call)) == FetchAttempt.objects.count() == 1


def test_a_worker_that_lost_its_lease_while_fetching_stores_nothing(server, monkeypatch):
    call, download = take_in(server.serve("/a.wav", WAV)), fetch._download

    def too_late(*arguments):
        monkeypatch.setattr(fetch, "_download", download)
        expire(call)
        return download(*arguments)

    monkeypatch.setattr(fetch, "_download", too_late)
    recording = attempt(call)
    assert (recording.state, recording.attempts, recording.expiries) == (WorkState.DUE, 0, 1)
    assert stored_keys(call) == callbacks_owed(call) == []


def test_a_failure_told_too_late_changes_nothing(server, monkeypatch):
    call, record_failure = take_in(server.serve("/a", status=404, times=1)), fetch._record_failure
    server.serve("/a", WAV)

    def too_late(*arguments):
        expire(call)
        attempt(call)
        record_failure(*arguments)

    monkeypatch.setattr(fetch, "_record_failure", too_late)
    recording = attempt(call)
    assert (recording.state, recording.last_error) == (WorkState.DONE, "")
    assert [body["status"] for body in callbacks_owed(call)] == ["completed"]
    assert FetchAttempt.objects.filter(error="").count() == FetchAttempt.objects.count() == 1


def test_what_cannot_be_committed_together_is_not_committed_at_all(server, monkeypatch):
    call = take_in(server.serve("/a.wav", WAV))
    with monkeypatch.context() as patched:
        patched.setattr(callbacks, "owe_result", lambda *_: 1 / 0)
        recording = attempt(call)
    assert (recording.state, recording.key) == (WorkState.DUE, "")
    assert recording.last_error == "internal error (ZeroDivisionError)"
    assert not FetchAttempt.objects.exists()
    recording = attempt(call)
    assert recording.state == WorkState.DONE
    assert stored_keys(call) == sorted([recording.key, recording.original_key])
    assert len(callbacks_owed(call)) == 1


def test_nothing_is_owed_while_the_work_goes_on(server, monkeypatch):
    call, store = take_in(server.serve("/a.wav", WAV)), fetch._store

    def look(*arguments):
        keys = store(*arguments)
        assert not Delivery.objects.exists()
        assert Recording.objects.get(call=call).public_state == "processing"
        return keys

    monkeypatch.setattr(fetch, "_store", look)
    assert attempt(call).state == WorkState.DONE
    assert len(callbacks_owed(call)) == 1


def test_ten_workers_that_vanished_end_the_row_and_tell_the_partner(server):
    call = take_in(server.serve("/a.wav", WAV))
    Recording.objects.filter(call=call).update(expiries=11)
    recording = attempt(call)
    assert (recording.state, server.requests) == (WorkState.FAILED, [])
    (body,) = callbacks_owed(call)
    assert body["error"] == "given up: 11 attempts were lost without an outcome"


# --- What earlier workers left ----------------------------------------------------------------------------
def test_it_removes_what_earlier_epochs_left_and_never_what_is_of_a_later_one(server):
    call = take_in(server.serve("/a.wav", WAV))
    folder = f"recordings/{call.uuid}"
    for left in ("1-1.wav", "1-1.original", "1-3.wav", "2-7.wav"):
        put(f"{folder}/{left}")
    Recording.objects.filter(call=call).update(lease_epoch=4)
    recording = attempt(call)
    assert recording.key == f"{folder}/1-5.wav"
    assert stored_keys(call) == [f"{folder}/1-5.original", f"{folder}/1-5.wav", f"{folder}/2-7.wav"]


def test_a_failed_attempt_removes_what_earlier_epochs_left_too(server):
    call = take_in(server.serve("/a.wav", status=503))
    put(f"recordings/{call.uuid}/1-1.wav")
    Recording.objects.filter(call=call).update(lease_epoch=1)
    attempt(call)
    assert stored_keys(call) == []

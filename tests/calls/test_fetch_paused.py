"""Recordings of calls that were paused: no word of it in anything stored, whatever the provider does."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.test import Client

from calls.filters import RecordingFilter
from calls.models import Call, FetchAttempt, Pause, PauseHandling, Recording
from calls.services import recordings
from exports.models import ExportJob
from tests.exports.support import manifest, opened, ordered
from tests.support import audio, factories
from tests.support.partner_server import PartnerServer
from tests.work.fetching import attempt, fetched, stored_bytes, stored_keys, take_in
from zipingest import work
from zipingest.work import WorkState

pytestmark = pytest.mark.django_db

BEGAN = datetime(2023, 1, 1, 10, 0, 2, 500_000, tzinfo=UTC)
SOURCES = {
    "a.wav": audio.wav(3.0, 8000, 2),
    "b.wav": audio.wav(3.0, 44100, 2),
    "c.mp3": audio.mp3(3.0, 8000, 2, bit_rate=16000),
    "d.mp3": audio.mp3(3.0, 44100, 2, bit_rate=128000),
}
every_source = pytest.mark.parametrize("source", SOURCES)


@pytest.fixture
def server():
    with PartnerServer() as server:
        for name, data in SOURCES.items():
            server.serve(f"/{name}", data)
        yield server


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def paused_call(url: str, *spans: tuple[float, float | None], lasts: float = 3.0, **columns: Any) -> Call:
    """A call whose recording is due, and was paused from and to these seconds of it."""
    call = take_in(url)
    Call.objects.filter(pk=call.pk).update(ended_at=at(lasts))
    Recording.objects.filter(call=call).update(**{"started_at": BEGAN, **columns})
    for start, end in spans:
        resumed_at = None if end is None else at(end)
        Pause.objects.create(call=call, paused_at=at(start), paused_by="ada", resumed_at=resumed_at)
    return call


def heard(recording: Recording) -> np.ndarray:
    return audio.heard(stored_bytes(recording.key))[0]


# --- What each provider does ------------------------------------------------------------------------------
@every_source
@pytest.mark.parametrize("handling", [PauseHandling.SILENCED, PauseHandling.IGNORED])
def test_what_may_have_been_recorded_is_silenced(server, source, handling):
    url = server.url(f"/{source}")
    plain = heard(fetched(url))
    recording = attempt(paused_call(url, (1.0, 1.5), (2.25, None), pause_handling=handling))
    silenced = heard(recording)
    assert len(silenced) == len(plain)
    assert np.square(silenced[8000:12000]).sum() == np.square(silenced[18000:]).sum() == 0
    assert np.array_equal(silenced[:8000], plain[:8000])
    assert np.array_equal(silenced[12000:18000], plain[12000:18000])
    assert plain[8000:12000].any(axis=0).all()
    assert recording.silences == [[1.0, 1.5], [2.25, len(plain) / 8000]]


@every_source
def test_what_was_left_out_is_inserted_as_silence_so_that_times_stay_true(server, source):
    url = server.url(f"/{source}")
    plain = heard(fetched(url))
    length = len(plain) / 8000 + 0.75
    call = paused_call(url, (1.0, 1.75), lasts=length, pause_handling=PauseHandling.OMITTED)
    recording = attempt(call)
    longer = heard(recording)
    assert np.square(longer[8000:14000]).sum() == 0
    assert np.array_equal(longer[:8000], plain[:8000])
    assert np.array_equal(longer[14000:], plain[8000:])
    assert recording.silences == [[1.0, 1.75]]
    assert recording.duration_seconds == pytest.approx(length, abs=0.001)


def test_a_pause_never_resumed_is_inserted_up_to_the_calls_end(server):
    call = paused_call(server.url("/a.wav"), (3.0, None), lasts=5.5, pause_handling=PauseHandling.OMITTED)
    recording = attempt(call)
    assert (recording.duration_seconds, recording.silences) == (5.5, [[3.0, 5.5]])


def test_what_the_provider_failed_to_leave_out_is_silenced(server):
    call = paused_call(server.url("/a.wav"), (1.0, 2.0), pause_handling=PauseHandling.OMITTED)
    call.pauses.update(provider_error="timeout")
    recording = attempt(call)
    assert (recording.duration_seconds, recording.silences) == (3.0, [[1.0, 2.0]])
    assert not heard(recording)[8000:16000].any()


# --- Nothing else is kept ---------------------------------------------------------------------------------
@pytest.mark.parametrize("handling", PauseHandling.values)
def test_the_original_is_not_kept_and_its_facts_are(server, settings, handling):
    settings.AUDIO_KEEP_ORIGINAL = True
    call = paused_call(server.url("/a.wav"), (1.0, 1.5), lasts=3.5, pause_handling=handling)
    recording = attempt(call)
    assert (recording.state, recording.original_key) == (WorkState.DONE, "")
    assert recording.original_bytes == len(SOURCES["a.wav"])
    assert stored_keys(call) == [recording.key]
    assert list((settings.DATA_DIR / "scratch").iterdir()) == []


def test_the_original_is_not_kept_where_the_pause_was_before_the_recording_began(server):
    call = paused_call(server.url("/a.wav"), (-2.0, -1.0))
    recording = attempt(call)
    assert (recording.state, recording.silences) == (WorkState.DONE, [])
    assert stored_keys(call) == [recording.key]


def test_a_call_that_was_never_paused_has_its_original_and_no_silences(server):
    recording = fetched(server.url("/a.wav"))
    assert recording.silences == []
    assert recording.original_key


# --- What cannot be placed is not stored ------------------------------------------------------------------
REFUSED = {
    "no beginning": ({"started_at": None}, "the call was paused, and when its recording began is not known"),
    "too long": (
        {"pause_handling": PauseHandling.OMITTED},
        "the recording does not match its pauses: with those that were left out it lasts 4.5 s, "
        "and from its beginning to the call's end it is 3.0 s",
    ),
    "too short": (
        {"pause_handling": PauseHandling.OMITTED, "lasts": 6.0},
        "the recording does not match its pauses: with those that were left out it lasts 4.5 s, "
        "and from its beginning to the call's end it is 6.0 s",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_fails_for_good_and_stores_nothing(server, settings, case):
    columns, reason = REFUSED[case]
    call = paused_call(server.url("/a.wav"), (1.0, 2.5), **columns)
    recording = attempt(call)
    assert (recording.state, recording.last_error) == (WorkState.FAILED, reason)
    assert FetchAttempt.objects.get(recording=recording).code == "pauses_do_not_fit"
    assert (stored_keys(call), recording.key, recording.silences) == ([], "", [])
    assert list((settings.DATA_DIR / "scratch").iterdir()) == []


def test_what_could_not_be_placed_anyway_is_not_even_fetched(server):
    attempt(paused_call(server.url("/a.wav"), (1.0, 2.0), started_at=None))
    assert server.requests == []


def test_a_call_without_an_end_cannot_tell_what_was_left_out(server):
    call = paused_call(server.url("/a.wav"), (1.0, 2.0), pause_handling=PauseHandling.OMITTED)
    Call.objects.filter(pk=call.pk).update(ended_at=None)
    recording = attempt(call)
    assert recording.state == WorkState.FAILED
    assert recording.last_error == "the recording leaves its pauses out, and when the call ended is not known"


def test_a_new_run_is_silenced_by_what_is_known_then(server):
    call = paused_call(server.url("/a.wav"), (1.0, 2.5), pause_handling=PauseHandling.OMITTED)
    attempt(call)
    Recording.objects.filter(call=call).update(pause_handling=PauseHandling.IGNORED)
    assert recordings.take_up(call=Call.objects.get(pk=call.pk))
    recording = attempt(call)
    assert (recording.state, recording.run, recording.silences) == (WorkState.DONE, 2, [[1.0, 2.5]])
    assert not heard(recording)[8000:20000].any()
    assert stored_keys(call) == [recording.key]


# --- Where people hear it ---------------------------------------------------------------------------------
def test_the_recording_that_is_served_and_the_one_in_the_zip_are_silent_there(server):
    call = paused_call(server.url("/d.mp3"), (1.0, 1.5))
    recording = attempt(call)
    headers = factories.make_member(sub_tenant=call.sub_tenant)
    answer = Client().get(f"/api/telesales/recordings/{call.uuid}", headers=headers)
    archive = _exported(call)
    [row] = manifest(archive)
    for data in (answer.getvalue(), archive.read(row["file"])):
        signal, _ = audio.heard(data)
        assert np.square(signal[8000:12000]).sum() == 0
        assert signal[:8000].any(axis=0).all()
        assert signal[12000:].any(axis=0).all()
    assert (row["status"], row["paused"], row["sha256"]) == ("included", "1-1.5", recording.sha256)


def _exported(call: Call) -> Any:
    day = timedelta(days=1)
    wanted = RecordingFilter(
        sub_tenant=call.sub_tenant, date_from=call.started_at - day, date_to=call.started_at + day
    )
    job = ordered(wanted)
    assert work.run_one(ExportJob)
    job.refresh_from_db()
    return opened(job)

"""The embedded simulator: its calls, its events, and recordings that are fetched and silenced like others."""

import io
import threading
import wave
from array import array
from datetime import timedelta
from itertools import islice
from typing import Any

import pytest
from django.core.checks import run_checks

from calls import telephony
from calls.models import Call, PauseHandling, Recording, SimulatedCall
from calls.services import live as services
from calls.services.live import HangUp
from calls.telephony import speech
from calls.telephony.port import Answered, HungUp, NotPossible, Provider, RecordingReady, UnknownCall
from partners.models import Delivery
from tests.support import live
from zipingest import work
from zipingest.storage import default_storage
from zipingest.work import WorkState

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def simulator(settings: Any) -> Provider:
    settings.TELEPHONY_PROVIDER = "simulator"
    provider = telephony.configured()
    assert provider is not None
    return provider


# --- Its sound --------------------------------------------------------------------------------------------
def channels(data: bytes) -> tuple["array[int]", "array[int]"]:
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 8000)
        samples = array("h", file.readframes(file.getnframes()))
    return samples[0::2], samples[1::2]


@pytest.mark.parametrize("seconds", [0.0, 0.1, 1.0, 2.3])
def test_a_recording_is_as_long_as_its_call(seconds: float) -> None:
    left, right = channels(b"".join(speech.wav("a", seconds)))
    assert len(left) == len(right) == max(1, round(8000 * seconds))


def test_it_is_the_same_each_time_and_another_for_another_call() -> None:
    first, again, other = (b"".join(speech.wav(seed, 3.0)) for seed in ("a", "a", "b"))
    assert first == again
    assert first != other


def test_somebody_speaks_at_any_moment_and_not_always_both() -> None:
    left, right = channels(b"".join(speech.wav("a", 20.0)))
    spans = range(0, len(left), 800)
    loud = [[max(map(abs, side[at : at + 800])) > 1000 for side in (left, right)] for at in spans]
    assert all(any(pair) for pair in loud)
    assert [True, False] in loud
    assert [False, True] in loud


def test_a_day_is_cut_to_an_hour() -> None:
    pieces = speech.wav("a", 24 * 3600.0)
    header = next(pieces)
    assert int.from_bytes(header[-4:], "little") == 3600 * 8000 * 4
    assert len(next(pieces)) < 100_000


# --- Its calls --------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_call_is_carried_until_it_is_hung_up(simulator: Provider) -> None:
    call_id = simulator.originate(to=live.PHONE)
    assert simulator.carries(call_id)
    with pytest.raises(NotPossible):
        simulator.recording(call_id)

    ended = simulator.hangup(call_id)

    assert simulator.hangup(call_id) == ended
    assert ended.recording_started_at == SimulatedCall.objects.get().started_at
    for switch in (simulator.pause_recording, simulator.resume_recording):
        with pytest.raises(NotPossible):
            switch(call_id)


@pytest.mark.django_db
@pytest.mark.parametrize("call_id", [NOBODY, "SIP/100-00000001", ""])
def test_it_does_not_know_other_calls(simulator: Provider, call_id: str) -> None:
    assert not simulator.carries(call_id)
    for ask in (
        simulator.hangup,
        simulator.pause_recording,
        simulator.resume_recording,
        simulator.recording,
    ):
        with pytest.raises(UnknownCall):
            ask(call_id)


@pytest.mark.django_db
def test_what_happens_from_now_on_is_told_once_and_in_order(simulator: Provider) -> None:
    simulator.originate(to="+4930111")
    stop = threading.Event()
    events = simulator.events(stop)
    call_id = simulator.originate(to=live.PHONE)
    simulator.hangup(call_id)

    told = list(islice(events, 3))

    assert [type(event) for event in told] == [Answered, HungUp, RecordingReady]
    assert {event.call_id for event in told} == {call_id}
    stop.set()
    assert list(events) == []


# --- As a source of recordings ----------------------------------------------------------------------------
@pytest.mark.django_db
def test_what_was_said_in_a_pause_is_in_nothing_that_is_stored(simulator: Provider) -> None:
    call = live.begin()
    began = work.database_now() - timedelta(seconds=6)
    live.pause(call)
    live.resume(call)
    _shift(call, began)
    services.hang_up(call=call, how=HangUp())

    work.run_one(Recording)

    recording = Recording.objects.get()
    assert (recording.state, recording.last_error) == (WorkState.DONE, "")
    assert (recording.channels, recording.original_key) == (2, "")
    assert not Delivery.objects.exists()
    said, kept = _samples(recording), 0
    for at, second in enumerate(said):
        if 2 <= at < 4:
            assert not any(second), at
        else:
            kept += max(map(abs, second)) > 1000
    assert kept == len(said) - 2


def _shift(call: Call, began: Any) -> None:
    """As if the call had begun then, and been paused from its 2nd second to its 4th."""
    Call.objects.filter(pk=call.pk).update(started_at=began)
    SimulatedCall.objects.update(started_at=began)
    call.pauses.update(paused_at=began + timedelta(seconds=2), resumed_at=began + timedelta(seconds=4))


def _samples(recording: Recording) -> list["array[int]"]:
    """Both channels, second by second."""
    with default_storage().open_range(recording.key, 0, recording.bytes) as stream:
        data = b"".join(stream)
    with wave.open(io.BytesIO(data)) as file:
        samples = array("h", file.readframes(file.getnframes()))
    return [samples[at : at + 16_000] for at in range(0, len(samples) - 16_000, 16_000)]


@pytest.mark.django_db
def test_a_recording_that_it_does_not_have_fails_for_good(simulator: Provider) -> None:
    call = live.begin()
    services.hang_up(call=call, how=HangUp())
    SimulatedCall.objects.all().delete()

    work.run_one(Recording)

    recording = Recording.objects.get()
    assert (recording.state, recording.last_error) == ("failed", "the provider does not know the call")
    assert recording.tried.get().code == "provider_failed"


@pytest.mark.django_db
def test_a_recording_larger_than_allowed_is_not_fetched(simulator: Provider, settings: Any) -> None:
    settings.FETCH_MAX_BYTES = 40
    services.hang_up(call=live.begin(), how=HangUp())

    work.run_one(Recording)

    assert Recording.objects.get().tried.get().code == "too_large"


def test_it_says_that_it_ignores_pauses(simulator: Provider) -> None:
    assert (simulator.name, simulator.pause_handling) == ("simulator", PauseHandling.IGNORED)


@pytest.mark.parametrize(("production", "found"), [(True, ["calls.E001"]), (False, [])])
def test_it_is_refused_in_production(settings: Any, *, production: bool, found: list[str]) -> None:
    settings.PRODUCTION, settings.TELEPHONY_PROVIDER = production, "simulator"
    assert [each.id for each in run_checks() if str(each.id).startswith("calls.")] == found

"""Which channel is whose: the networks' rule, measured on what is stored, and nobody else's."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from calls import reasons
from calls.models import Call, Direction, FetchAttempt, Recording
from calls.timeline import timelines
from tests.calls.networking import take_in
from tests.support import audio, factories
from tests.support.network import networked
from tests.support.partner_server import PartnerServer
from tests.work.fetching import attempt, fetched, stored_bytes
from zipingest.work import WorkState

pytestmark = pytest.mark.django_db

# As their senders mean it: in an inbound call the caller comes first, in an outbound one the agent.
CALLER, AGENT = 440.0, 1300.0
LAYOUTS = {Direction.INBOUND: (CALLER, AGENT), Direction.OUTBOUND: (AGENT, CALLER)}


def wav(tones: tuple[float, ...], rate: int = 8000) -> bytes:
    return audio.wav(1.0, rate, len(tones), tones=tones)


def mp3(tones: tuple[float, ...]) -> bytes:
    return audio.mp3(1.0, 44100, len(tones), tones, bit_rate=128000)


def mp4(tones: tuple[float, ...]) -> bytes:
    return audio.mp4(1.0, 44100, len(tones), tones)


KINDS = {
    "WAV of 8 kHz": wav,
    "WAV of 44.1 kHz": lambda tones: wav(tones, 44100),
    "MP3": mp3,
    "MP4": mp4,
}


@pytest.fixture
def server() -> Iterator[PartnerServer]:
    with PartnerServer() as running:
        yield running


def stored(
    server: PartnerServer, data: bytes, direction: str = Direction.INBOUND, **switches: Any
) -> Recording:
    """What becomes of these bytes as the recording of a network's call."""
    (call,) = take_in(networked(**switches), server.serve("/a", data), direction=direction)
    return attempt(call)


def frequencies(data: bytes) -> list[float]:
    """The strongest frequency of each channel of a WAV, in Hz."""
    signal, rate = audio.heard(data)
    spectrum = np.abs(np.fft.rfft(signal * np.hanning(len(signal))[:, None], axis=0))
    return [float(peak) * rate / len(signal) for peak in spectrum.argmax(axis=0)]


# --- Whose is the first channel ---------------------------------------------------------------------------
@pytest.mark.parametrize("direction", LAYOUTS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_caller_is_the_first_channel_of_what_is_stored(
    kind: str, direction: Direction, server: PartnerServer
) -> None:
    came = KINDS[kind](LAYOUTS[direction])

    recording = stored(server, came, direction)

    assert (recording.state, recording.channels, recording.stored_sample_rate) == (WorkState.DONE, 2, 8000)
    assert frequencies(stored_bytes(recording.key)) == pytest.approx([CALLER, AGENT], abs=2)
    assert stored_bytes(recording.original_key) == came


def test_a_network_may_have_outbound_calls_kept_as_they_come(server: PartnerServer) -> None:
    recording = stored(server, wav((AGENT, CALLER)), Direction.OUTBOUND, swap_outbound=False)
    assert stored_bytes(recording.key) == stored_bytes(recording.original_key) == wav((AGENT, CALLER))


@pytest.mark.parametrize(("direction", "loud"), [(Direction.INBOUND, 0), (Direction.OUTBOUND, 1)])
def test_peaks_are_those_of_the_channels_as_stored(
    direction: Direction, loud: int, server: PartnerServer
) -> None:
    peaks = stored(server, wav((440.0, 0.0)), direction).peaks
    highest = [max(peaks[channel::2]) for channel in (0, 1)]
    assert (highest[loud], highest[1 - loud]) == (16000 * 255 // 32640, 0)


# --- Mono -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("direction", Direction.values)
def test_mono_is_refused_in_plain_words(direction: str, server: PartnerServer) -> None:
    recording = stored(server, wav((CALLER,)), direction)

    words = "the recording is mono; one with the two sides on two channels is needed"
    assert (recording.state, recording.attempts, recording.last_error) == (WorkState.FAILED, 1, words)
    assert (recording.key, recording.original_key) == ("", "")
    tried = FetchAttempt.objects.get(recording=recording)
    assert (tried.code, tried.error, tried.status) == ("mono", words, 200)
    assert reasons.in_words(tried.code) == "mono, where two channels are needed"
    call = Call.objects.select_related("partner", "customer", "recording").get()
    titles = [event.title for event in timelines([call], listens=False)[call.pk]]
    assert "Fetch failed: mono, where two channels are needed" in titles


@pytest.mark.parametrize("direction", Direction.values)
def test_a_network_may_take_mono(direction: str, server: PartnerServer) -> None:
    recording = stored(server, wav((CALLER,)), direction, two_channels_required=False)
    assert (recording.state, recording.channels) == (WorkState.DONE, 1)
    assert stored_bytes(recording.key) == wav((CALLER,))


@pytest.mark.parametrize("direction", Direction.values)
def test_the_same_on_both_channels_is_not_mono(direction: str, server: PartnerServer) -> None:
    recording = stored(server, wav((CALLER, CALLER)), direction)
    assert recording.state == WorkState.DONE
    assert stored_bytes(recording.key) == wav((CALLER, CALLER))


# --- Other surfaces ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("tones", [(CALLER,), (AGENT, CALLER)])
def test_a_partners_recordings_are_taken_as_they_come(
    tones: tuple[float, ...], server: PartnerServer
) -> None:
    network = networked()
    partner = factories.provisioned(sub_tenant=network.sub_tenant.external_id)
    url = server.serve("/a", wav(tones))

    recording = fetched(url, partner=partner)

    assert recording.sub_tenant == network.sub_tenant
    assert stored_bytes(recording.key) == wav(tones)

"""Swapped channels: each sample on the other side and otherwise as it would be, whatever else is asked."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from calls.audio.facts import AudioFacts, Silencing
from tests.support import audio

Normalise = Callable[..., AudioFacts]

SOURCES = {
    "wav 8 kHz": audio.wav(1.0, 8000, 2),
    "wav 44.1 kHz": audio.wav(1.0, 44100, 2),
    "wav of 24 bits": audio.wav(1.0, 8000, 2, "pcm_s24le"),
    "wav at unusual places": audio.wav(1.0, 8000, 2, extensible=True, channel_mask=0x5),
    "mp3": audio.mp3(1.0, 44100, 2, bit_rate=128000),
    "aac": audio.aac(1.0, 44100, 2),
    "mp4": audio.mp4(1.0, 44100, 2),
}


@pytest.fixture
def heard(normalise: Normalise, target: Path) -> Callable[..., tuple[np.ndarray, AudioFacts]]:
    """The samples that become of a source, a column per channel, and the facts."""

    def run(data: bytes, **options: object) -> tuple[np.ndarray, AudioFacts]:
        facts = normalise(data, **options)
        return audio.heard(target.read_bytes())[0], facts

    return run


Heard = Callable[..., tuple[np.ndarray, AudioFacts]]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("rate", [0, 8000])
def test_each_sample_is_on_the_other_channel(source: str, rate: int, heard: Heard) -> None:
    plain, facts = heard(SOURCES[source], sample_rate=rate)
    swapped, swapped_facts = heard(SOURCES[source], sample_rate=rate, swap_channels=True)

    assert not np.array_equal(plain[:, 0], plain[:, 1])
    assert np.array_equal(swapped, plain[:, ::-1])
    assert swapped_facts.sha256 != facts.sha256
    assert swapped_facts.peaks[0::2] == facts.peaks[1::2]
    assert swapped_facts.peaks[1::2] == facts.peaks[0::2]
    assert swapped_facts.duration_seconds == facts.duration_seconds


def test_mono_has_nothing_to_swap(heard: Heard, target: Path) -> None:
    heard(audio.wav(), swap_channels=True)
    assert target.read_bytes() == audio.wav()


@pytest.mark.parametrize("source", ["wav 8 kHz", "mp3"])
def test_what_is_silenced_and_inserted_stays_in_its_place(source: str, heard: Heard) -> None:
    span = (250_300, 500_130)
    for silencing in (Silencing(silent=(span,)), Silencing(silent=(span,), absent=(span,))):
        plain, facts = heard(SOURCES[source], silencing=silencing)
        swapped, swapped_facts = heard(SOURCES[source], silencing=silencing, swap_channels=True)

        assert np.array_equal(swapped, plain[:, ::-1])
        assert swapped_facts.silences == facts.silences
        assert not swapped[2002:4001].any()

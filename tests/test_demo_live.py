"""That the demo would notice a live call whose pause can be heard, or whose speech cannot."""

import numpy as np
import pytest

from demo import live
from demo.live import LiveCall
from tests.support import audio


def _call(silent: tuple[float, float], paused: tuple[float, float] = (2.0, 4.0)) -> LiveCall:
    """Six seconds of tones that are silent there, of a call that was paused then."""
    wav = bytearray(audio.wav(6.0, channels=2, tones=(440, 880)))
    samples = np.frombuffer(wav, "<i2", offset=44).reshape(-1, 2)
    samples[round(silent[0] * 8000) : round(silent[1] * 8000)] = 0
    return LiveCall({}, *paused, bytes(wav))


@pytest.mark.parametrize("silent", [(2.0, 4.0), (2.03, 4.01), (1.7, 3.7)])
def test_it_finds_no_difference_where_the_pause_is_silent(silent: tuple[float, float]) -> None:
    assert list(live.of_live(_call(silent))) == []


@pytest.mark.parametrize("silent", [(0.0, 0.0), (2.0, 3.0), (3.0, 4.0), (2.0, 6.0)])
def test_it_names_a_pause_that_is_silent_at_another_time(silent: tuple[float, float]) -> None:
    assert "was paused from 2.0 s to 4.0 s" in "\n".join(live.of_live(_call(silent)))


def test_it_names_what_is_heard_in_the_pause() -> None:
    call = _call((2.0, 4.0))
    wav = bytearray(call.wav)
    np.frombuffer(wav, "<i2", offset=44)[24_000 * 2 + 10] = 1  # one sample, in the third second
    assert list(live.of_live(LiveCall({}, 2.0, 4.0, bytes(wav)))) == [
        "something is heard in the pause of the live call, at 3.0 s"
    ]

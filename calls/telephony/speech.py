"""The sound of a simulated call: agent and customer on a channel each, in bursts that resemble speech."""

import math
import random
import struct
from array import array
from collections.abc import Iterator
from functools import cache

SAMPLE_RATE = 8000
MAX_SECONDS = 3600.0

_CHANNELS = 2
_SYLLABLE_SECONDS = 0.25
_SYLLABLE = int(SAMPLE_RATE * _SYLLABLE_SECONDS)
_AMPLITUDE = 9000
# Hz; the agent's and the customer's have none in common, so that they can be told apart.
_PITCHES = ((310, 350, 400, 440), (620, 700, 780, 850))
_SILENCE = array("h", bytes(2 * _SYLLABLE))
# Who speaks for the next syllables: the agent, the customer, now and then both.
_TURNS = ((True, False), (False, True), (True, False), (False, True), (True, True))
_FRAME_BYTES = 2 * _CHANNELS


def wav(seed: str, seconds: float) -> Iterator[bytes]:
    """A WAV file in pieces: 2 channels, 16 bits, 8 kHz, the same for the same seed and length.

    ``seconds`` is cut to MAX_SECONDS; a call of no length still has a frame. Somebody speaks at any moment.
    """
    frames = max(1, round(min(seconds, MAX_SECONDS) * SAMPLE_RATE))
    yield _header(frames * _FRAME_BYTES)
    talk = _talk(seed)
    for begin in range(0, frames, _SYLLABLE):
        yield next(talk)[: (frames - begin) * _FRAME_BYTES]


def _talk(seed: str) -> Iterator[bytes]:
    """Syllables of both channels, interleaved, without end."""
    chance = random.Random(seed)  # noqa: S311 - what is said is no secret
    while True:
        speaks = chance.choice(_TURNS)
        for _ in range(chance.randint(3, 9)):
            yield _interleaved(
                [
                    _syllable(chance.choice(pitches)) if speaking else _SILENCE
                    for pitches, speaking in zip(_PITCHES, speaks, strict=True)
                ]
            )


def _interleaved(channels: list["array[int]"]) -> bytes:
    frames = array("h", bytes(_SYLLABLE * _FRAME_BYTES))
    for number, samples in enumerate(channels):
        frames[number::_CHANNELS] = samples
    return _little_endian(frames)


@cache
def _syllable(pitch: int) -> "array[int]":
    """A tone that swells and fades, and at no moment is quite gone."""
    return array("h", [_sample(pitch, place) for place in range(_SYLLABLE)])


def _sample(pitch: int, place: int) -> int:
    loudness = 0.3 + 0.7 * math.sin(math.pi * place / _SYLLABLE)
    return round(_AMPLITUDE * loudness * math.sin(2 * math.pi * pitch * place / SAMPLE_RATE))


def _header(data_bytes: int) -> bytes:
    byte_rate = SAMPLE_RATE * _FRAME_BYTES
    form = struct.pack("<HHIIHH", 1, _CHANNELS, SAMPLE_RATE, byte_rate, _FRAME_BYTES, 16)
    return (
        b"RIFF"
        + struct.pack("<I", 36 + data_bytes)
        + b"WAVEfmt "
        + struct.pack("<I", len(form))
        + form
        + b"data"
        + struct.pack("<I", data_bytes)
    )


def _little_endian(samples: "array[int]") -> bytes:
    if struct.pack("=H", 1) != struct.pack("<H", 1):
        samples.byteswap()
    return samples.tobytes()

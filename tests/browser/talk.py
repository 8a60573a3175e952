"""Recordings that look and sound like two people taking turns: agent left, customer right."""

import io
from functools import lru_cache

import numpy as np

from calls.audio.helper.normalising import measure
from calls.audio.helper.wav import wav_header

RATE = 8000
BYTES_PER_SECOND = 4 * RATE
_PITCHES = (130.0, 210.0)


@lru_cache(maxsize=64)
def conversation(seconds: int, seed: int, silences: tuple[tuple[int, int], ...] = ()) -> bytes:
    """A stereo WAV of ``seconds``; nothing is heard in ``silences`` (from, to, in seconds)."""
    random = np.random.default_rng(seed)
    frames = seconds * RATE
    sound = np.column_stack([_voice(random, frames, pitch) for pitch in _PITCHES])
    sound *= _turns(random, frames)
    for begin, end in silences:
        sound[begin * RATE : end * RATE] = 0
    return wav_header(2, RATE, frames) + (sound * 26_000).astype("<i2").tobytes()


def long(*, minutes: int) -> bytes:
    """The same minute again and again: more than a browser reads ahead."""
    minute = conversation(60, seed=0)[44:]
    return wav_header(2, RATE, 60 * minutes * RATE) + minutes * minute


def facts(wav: bytes) -> dict[str, object]:
    """What a recording's row says of ``wav``, measured as the product does."""
    frames = (len(wav) - 44) // 4
    measured = measure(io.BytesIO(wav), 2, frames)
    return {
        **{name: measured[name] for name in ("bytes", "sha256", "crc32")},
        "peaks": bytes.fromhex(measured["peaks"]),
        "channels": 2,
        "sample_rate": RATE,
        "stored_sample_rate": RATE,
        "duration_seconds": frames / RATE,
        "container": "wav",
        "codec": "pcm_s16le",
    }


def _voice(random: np.random.Generator, frames: int, pitch: float) -> np.ndarray:
    """A tone whose loudness comes and goes as syllables do, between 0 and 1."""
    times = np.arange(frames) / RATE
    syllables = np.repeat(random.uniform(0.1, 1.0, frames // 1200 + 1), 1200)[:frames]
    return syllables * (np.sin(2 * np.pi * pitch * times) + 0.3 * np.sin(6 * np.pi * pitch * times)) / 1.3


def _turns(random: np.random.Generator, frames: int) -> np.ndarray:
    """Who speaks when: one of the two at a time, a few seconds each, with pauses for breath."""
    loud = np.full((frames, 2), 0.01)
    position, speaker = 0, 0
    while position < frames:
        length = int(random.uniform(0.8, 4.0) * RATE)
        loud[position : position + length, speaker] = random.uniform(0.5, 1.0)
        position += length + int(random.uniform(0.1, 0.6) * RATE)
        speaker = 1 - speaker
    return loud

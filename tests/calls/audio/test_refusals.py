"""What cannot be normalised says why, in words for people, and leaves nothing behind."""

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from calls.audio.engine import AudioEngine
from calls.audio.errors import AudioError, NotAudio
from calls.audio.facts import AudioFacts, AudioOptions
from tests.calls.audio.processes import helper_pids
from tests.support import audio

Normalise = Callable[..., AudioFacts]

NOISE = random.Random(1).randbytes(20_000)
MP4_OF_3_S = audio.mp4(3.0)
FAST_MP4_OF_3_S = audio.mp4(3.0, index_first=True)

REFUSED = {
    "a WAV that ends early": (
        audio.truncated(audio.wav(10.0)),
        "the WAV ends early: its header promises 10.0 s, the file holds 4.0 s",
    ),
    "a long WAV that ends early": (
        audio.rf64(1.0, promised=160_000),
        "the WAV ends early: its header promises 10.0 s, the file holds 1.0 s",
    ),
    "a WAV without samples": (audio.wav(0), "the WAV holds no audio"),
    "a streamed WAV without samples": (audio.wav(0, data_size=0xFFFFFFFF), "the WAV holds no audio"),
    "a WAV cut inside its header": (audio.wav()[:30], "the WAV holds no audio"),
    "a WAV of six channels": (
        audio.wav(channels=6),
        "the recording has 6 channels; one or two are supported",
    ),
    "an MP3 without audio": (audio.mp3(0), "the MP3 holds no audio that can be decoded"),
    "an MP3 of nothing but tags": (
        audio.mp3(1.0, tags={"title": "x"})[:40],
        "the MP3 holds no audio that can be decoded",
    ),
    "noise behind an MP3's first bytes": (
        audio.mp3(1.0)[:200] + NOISE,
        "the MP3 holds no audio that can be decoded",
    ),
    "an MP4 cut before its index": (
        audio.truncated(MP4_OF_3_S),
        f"the MP4 ends early: it promises {MP4_OF_3_S.index(b'moov') - 4} bytes, "
        f"the file holds {int(len(MP4_OF_3_S) * 0.4)}",
    ),
    "an MP4 without its index": (
        MP4_OF_3_S[: MP4_OF_3_S.index(b"moov") - 4],
        "the MP4 ends early: its index (moov) is missing",
    ),
    "an MP4 cut behind its index": (
        audio.truncated(FAST_MP4_OF_3_S),
        f"the MP4 ends early: it promises {len(FAST_MP4_OF_3_S)} bytes, "
        f"the file holds {int(len(FAST_MP4_OF_3_S) * 0.4)}",
    ),
    "an MP4 without audio": (audio.mp4_with_video(audio=False), "the MP4 holds video but no audio"),
    "an MP4 of no length": (audio.mp4(0), "the MP4 holds no audio"),
    "an MP4 in a codec nobody asked for": (
        audio.mp4(rate=48000, codec="libopus"),
        "the MP4 holds audio in a codec that is not supported (opus)",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_refuses_a_file_and_says_why(name: str, normalise: Normalise) -> None:
    data, reason = REFUSED[name]
    with pytest.raises(AudioError) as refusal:
        normalise(data)
    assert refusal.value.reason == reason


NOT_AUDIO = {
    "nothing": b"",
    "a web page": b"<html>",
    "a playlist": b"#EXTM3U\n",
    "an archive": b"PK\x03\x04",
    "a picture": audio.picture(),
    "other audio": audio.flac(),
}


@pytest.mark.parametrize("name", NOT_AUDIO)
def test_it_refuses_what_is_not_audio_without_a_helper(
    name: str, make_engine: Callable[..., AudioEngine], normalise: Normalise
) -> None:
    before = helper_pids()
    with pytest.raises(NotAudio):
        normalise(NOT_AUDIO[name], by=make_engine())
    assert helper_pids() == before


def test_it_refuses_more_than_the_longest_recording(
    make_engine: Callable[..., AudioEngine], normalise: Normalise
) -> None:
    with pytest.raises(AudioError) as refusal:
        normalise(audio.wav(2.0), by=make_engine(max_audio_seconds=1))
    assert refusal.value.reason == "the recording is longer than 1 seconds"


@pytest.mark.slow
def test_it_refuses_more_than_12_hours(engine: AudioEngine, tmp_path: Path, target: Path) -> None:
    source = tmp_path / "endless.wav"
    source.write_bytes(audio.wav(0.1, codec="pcm_mulaw", data_size=0))
    os.truncate(source, 8000 * (12 * 3600 + 1))
    with pytest.raises(AudioError) as refusal:
        engine.normalise(source, target, options=AudioOptions())
    assert refusal.value.reason == "the recording is longer than 12 hours"


def test_it_leaves_no_file_behind_when_it_refuses(normalise: Normalise, target: Path) -> None:
    with pytest.raises(AudioError):
        normalise(audio.wav(channels=6))
    assert not target.exists()


def test_a_missing_file_is_not_the_files_fault(engine: AudioEngine, tmp_path: Path, target: Path) -> None:
    with pytest.raises(FileNotFoundError):
        engine.normalise(tmp_path / "gone.wav", target, options=AudioOptions())


def test_a_full_disk_is_not_the_files_fault(engine: AudioEngine, tmp_path: Path) -> None:
    source, full = tmp_path / "call.wav", tmp_path / "full"
    source.write_bytes(audio.wav(60.0))
    full.symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        engine.normalise(source, full, options=AudioOptions())

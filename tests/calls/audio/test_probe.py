"""What a recording is, told by its beginning and its size, as a whole file would tell it."""

import os
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from calls.audio.engine import AudioEngine
from calls.audio.errors import AudioError, HelperCrashed, HelperUnavailable, NotAudio
from calls.audio.facts import AudioOptions, AudioProbe
from calls.audio.sniff import Container
from tests.calls.audio.processes import helper_pids, helpers_at, until
from tests.support import audio

Probe = Callable[..., AudioProbe]
# In proportion to the recordings here, which are seconds long: a tenth of what is usual.
HEAD_BYTES = 25 * 1024
CD = {"rate": 44100, "channels": 2}


@pytest.fixture
def probe(engine: AudioEngine, tmp_path: Path) -> Probe:
    """The probe of a file with these bytes, of which only the first ``held`` are there."""

    def run(
        data: bytes,
        *,
        held: int = HEAD_BYTES,
        by: AudioEngine = engine,
        total: int | None = -1,
        **options: float,
    ) -> AudioProbe:
        beginning = tmp_path / "beginning"
        beginning.write_bytes(data[:held])
        return by.probe(beginning, total_bytes=len(data) if total == -1 else total, **options)

    return run


def without_xing(data: bytes) -> bytes:
    """The MP3 without the frame that says how many there are."""
    tag = max(data.find(b"Xing"), data.find(b"Info"))
    return data[data.index(b"\xff\xfb", tag) :]


def described(found: AudioProbe) -> tuple[Container, str | None, int | None, int | None]:
    return found.container, found.codec, found.channels, found.sample_rate


# --- More than is held ------------------------------------------------------------------------------------
# File, container, codec, channels, sample rate, seconds.
LONG = {
    "wav": (audio.wav(8.0), Container.WAV, "pcm_s16le", 1, 8000, 8),
    "wav a-law": (audio.wav(8.0, channels=2, codec="pcm_alaw"), Container.WAV, "pcm_alaw", 2, 8000, 8),
    "wav of endless size": (audio.wav(8.0, data_size=0xFFFFFFFF), Container.WAV, "pcm_s16le", 1, 8000, 8),
    "wav of 0 bytes by its header": (audio.wav(8.0, data_size=0), Container.WAV, "pcm_s16le", 1, 8000, 8),
    "wav with a tail": (audio.wav(8.0) + b"LIST\x04\0\0\0abcd", Container.WAV, "pcm_s16le", 1, 8000, 8),
    "rf64": (audio.rf64(8.0), Container.WAV, "pcm_s16le", 1, 8000, 8),
    "mp3": (audio.mp3(8.0), Container.MP3, "mp3", 1, 16000, 8),
    "mp3 variable": (audio.mp3(16.0, channels=2, variable=True), Container.MP3, "mp3", 2, 16000, 16),
    "mp3 with tags": (audio.mp3(8.0, tags={"title": "x" * 9000}), Container.MP3, "mp3", 1, 16000, 8),
    "aac": (audio.aac(8.0), Container.AAC, "aac", 1, 44100, 8),
    "m4a, index first": (audio.mp4(8.0, index_first=True), Container.MP4, "aac", 1, 16000, 8),
    "mp4 in fragments": (audio.mp4(8.0, fragmented=True), Container.MP4, "aac", 1, 16000, 8),
}


@pytest.mark.parametrize("kind", LONG)
def test_it_tells_what_a_long_recording_is_by_its_beginning(kind: str, probe: Probe) -> None:
    data, *facts, seconds = LONG[kind]
    assert len(data) > HEAD_BYTES, "the test is about less than the whole"
    found = probe(data)
    assert described(found) == tuple(facts)
    assert found.duration_seconds == pytest.approx(seconds, rel=0.02)


@pytest.mark.parametrize("variable", [False, True])
def test_of_an_mp3_without_a_header_it_estimates_the_duration(variable: bool, probe: Probe) -> None:
    found = probe(without_xing(audio.mp3(8.0, variable=variable, bit_rate=128000, **CD)))
    assert found.duration_seconds == pytest.approx(8, rel=0.1)


@pytest.mark.parametrize("held", [200, 20_000])
def test_less_than_usual_suffices_for_a_wav(probe: Probe, held: int) -> None:
    assert probe(audio.wav(8.0), held=held).duration_seconds == pytest.approx(8)


@pytest.mark.parametrize(
    ("kind", "seconds"), [("wav", 8), ("m4a, index first", 8), ("mp3", None), ("aac", None)]
)
def test_of_unknown_size_it_tells_the_duration_a_header_says(
    kind: str, seconds: float | None, probe: Probe
) -> None:
    found = probe(LONG[kind][0], total=None)
    assert described(found) == LONG[kind][1:5]
    assert found.duration_seconds == (seconds and pytest.approx(seconds, rel=0.01))


def test_a_wav_that_knows_no_size_either_has_no_duration(probe: Probe) -> None:
    assert probe(LONG["wav of endless size"][0], total=None).duration_seconds is None


# --- The decoder's part lies further behind ---------------------------------------------------------------
@pytest.mark.parametrize(
    ("data", "container"),
    [
        (audio.mp4(8.0), Container.MP4),
        (audio.mp3(2.0, tags={"title": "x" * 30_000}), Container.MP3),
        (b"RIFF\0\0\0\0WAVEJUNK\xff\xff\x00\0" + bytes(70_000), Container.WAV),
    ],
    ids=["mp4, index last", "mp3 behind a long tag", "wav behind a long chunk"],
)
def test_it_tells_the_container_alone_and_starts_no_helper(
    data: bytes, container: Container, make_engine: Callable[..., AudioEngine], probe: Probe
) -> None:
    before = helper_pids()
    assert probe(data, by=make_engine()) == AudioProbe(container=container)
    assert helper_pids() == before


# --- The whole is held ------------------------------------------------------------------------------------
WHOLE = {
    "wav": audio.wav(),
    "wav gsm": audio.gsm_wav(),
    "mp3": audio.mp3(),
    "aac": audio.aac(),
    "mp4, index last": audio.mp4(channels=2),
    "mp4 with video": audio.mp4_with_video(),
}


@pytest.mark.parametrize("kind", WHOLE)
def test_of_a_whole_file_it_tells_what_normalising_tells(
    kind: str, probe: Probe, normalise: Callable[..., AudioProbe]
) -> None:
    found, facts = probe(WHOLE[kind]), normalise(WHOLE[kind])
    assert described(found) == (facts.container, facts.codec, facts.channels, facts.sample_rate)
    assert found.duration_seconds == pytest.approx(facts.duration_seconds, abs=0.1)


# --- Refused ----------------------------------------------------------------------------------------------
FRONT_INDEX = LONG["m4a, index first"][0]
REFUSED = {
    "a long WAV that ends early": (
        audio.wav(8.0),
        64_044,
        "the WAV ends early: its header promises 8.0 s, the file holds 4.0 s",
    ),
    "a long MP4 that ends early": (
        FRONT_INDEX,
        40_000,
        f"the MP4 ends early: it promises {len(FRONT_INDEX)} bytes, the file holds 40000",
    ),
    "a long MP4 without its index": (
        (index_last := audio.mp4(8.0))[: index_last.index(b"moov") - 4],
        -1,
        "the MP4 ends early: its index (moov) is missing",
    ),
    "six channels": (
        audio.wav(8.0, channels=6),
        -1,
        "the recording has 6 channels; one or two are supported",
    ),
    "video alone": (audio.mp4_with_video(audio=False), -1, "the MP4 holds video but no audio"),
    "another codec": (
        audio.mp4(rate=48000, codec="libopus"),
        -1,
        "the MP4 holds audio in a codec that is not supported (opus)",
    ),
    "no samples": (audio.wav(0), -1, "the WAV holds no audio"),
    "an MP4 of no length": (audio.mp4(0), -1, "the MP4 holds no audio"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_refuses_what_normalising_would_and_says_the_same(name: str, probe: Probe) -> None:
    data, total, reason = REFUSED[name]
    with pytest.raises(AudioError) as refusal:
        probe(data, total=total)
    assert refusal.value.reason == reason


def test_it_refuses_noise_behind_the_first_bytes_of_an_mp3(probe: Probe) -> None:
    with pytest.raises(AudioError, match=r"the MP3 (is damaged|holds no audio)"):
        probe(audio.mp3(1.0)[:200] + random.Random(1).randbytes(50_000))


def test_it_refuses_what_is_not_audio_without_a_helper(
    make_engine: Callable[..., AudioEngine], probe: Probe
) -> None:
    before = helper_pids()
    with pytest.raises(NotAudio, match="an HLS playlist"):
        probe(b"#EXTM3U\n", by=make_engine())
    assert helper_pids() == before


def test_it_refuses_more_than_the_longest_recording(
    make_engine: Callable[..., AudioEngine], probe: Probe
) -> None:
    with pytest.raises(AudioError, match="longer than 5 seconds"):
        probe(audio.wav(8.0), by=make_engine(max_audio_seconds=5))


# --- The fence --------------------------------------------------------------------------------------------
def test_a_file_that_takes_too_much_memory_ends_the_helper_alone(
    make_engine: Callable[..., AudioEngine], probe: Probe
) -> None:
    engine = make_engine(memory_bytes=400 * 1024**2)
    with pytest.raises(HelperCrashed, match="ran out of memory"):
        probe(audio.mp4_bomb(), by=engine)
    assert probe(audio.wav(), by=engine).duration_seconds == 1.0


def test_it_waits_no_longer_than_it_may_for_a_free_helper(
    make_engine: Callable[..., AudioEngine], probe: Probe, tmp_path: Path, target: Path
) -> None:
    engine, slow = make_engine(), tmp_path / "slow.wav"
    audio.slow_wav(slow)
    busy = threading.Thread(target=crash, args=(engine, slow, target))
    busy.start()
    assert until(target.exists)
    began = time.monotonic()
    with pytest.raises(HelperUnavailable, match="no audio helper was free in time"):
        probe(audio.wav(), by=engine, seconds=0.2)
    assert time.monotonic() - began < 1
    for pid in helpers_at(slow):
        os.kill(pid, 9)
    busy.join()


def crash(engine: AudioEngine, source: Path, target: Path) -> None:
    with pytest.raises(HelperCrashed):
        engine.normalise(source, target, options=AudioOptions())

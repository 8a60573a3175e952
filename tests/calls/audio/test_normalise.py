"""Every kind of recording that telephony sends becomes one true, normalised WAV."""

import hashlib
import wave
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from calls.audio.engine import AudioEngine
from calls.audio.facts import AudioFacts, AudioOptions
from calls.audio.sniff import Container
from tests.calls.audio.processes import helper_pids, peak_memory
from tests.support import audio

Normalise = Callable[..., AudioFacts]

# File, container, codec, channels, sample rate. Each holds one second, 440 Hz left or alone, 880 Hz right.
KINDS = {
    **{f"wav {name}": (audio.wav(codec=name, channels=2), "wav", name, 2, 8000) for name in audio.WAV_CODECS},
    "wav extensible": (audio.wav(codec="pcm_s24le", extensible=True), "wav", "pcm_s24le", 1, 8000),
    "wav gsm": (audio.gsm_wav(), "wav", "gsm_ms", 1, 8000),
    "wav of 0 bytes by its header": (audio.wav(data_size=0), "wav", "pcm_s16le", 1, 8000),
    "wav of endless size": (audio.wav(data_size=0xFFFFFFFF), "wav", "pcm_s16le", 1, 8000),
    "wav counting its own header": (audio.wav(data_size=16044), "wav", "pcm_s16le", 1, 8000),
    "rf64": (audio.rf64(), "wav", "pcm_s16le", 1, 8000),
    "mp3 mono": (audio.mp3(), "mp3", "mp3", 1, 16000),
    "mp3 stereo": (audio.mp3(channels=2, rate=44100, bit_rate=128000), "mp3", "mp3", 2, 44100),
    "mp3 variable": (audio.mp3(channels=2, variable=True), "mp3", "mp3", 2, 16000),
    "mp3 narrowband": (audio.mp3(rate=8000, bit_rate=16000), "mp3", "mp3", 1, 8000),
    "mp3 with tags and a cover": (audio.mp3(tags={"title": "x" * 9000}, cover=True), "mp3", "mp3", 1, 16000),
    "aac": (audio.aac(channels=2), "aac", "aac", 2, 44100),
    "m4a": (audio.m4a(channels=2), "mov", "aac", 2, 16000),
    "mp4": (audio.mp4(), "mov", "aac", 1, 16000),
    "mp4 with its index first": (audio.mp4(index_first=True), "mov", "aac", 1, 16000),
    "mp4 in fragments": (audio.mp4(rate=44100, fragmented=True), "mov", "aac", 1, 44100),
    "mp4 with video": (audio.mp4_with_video(channels=2), "mov", "aac", 2, 16000),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


@every_kind
def test_it_tells_the_source_as_it_came(kind: str, normalise: Normalise) -> None:
    data, container, codec, channels, rate = KINDS[kind]
    facts = normalise(data)
    assert (facts.container, facts.codec, facts.channels, facts.sample_rate) == (
        container,
        codec,
        channels,
        rate,
    )


@every_kind
def test_it_tells_the_duration_of_what_was_decoded(kind: str, normalise: Normalise) -> None:
    assert normalise(KINDS[kind][0]).duration_seconds == pytest.approx(1.0, abs=0.05)


@every_kind
def test_it_keeps_every_tone_on_its_channel(kind: str, normalise: Normalise, target: Path) -> None:
    data, _, _, channels, _ = KINDS[kind]
    normalise(data)
    levels = [audio.level(target.read_bytes(), channel, audio.TONES[channel]) for channel in range(channels)]
    assert min(levels) > 0.95


@every_kind
def test_it_writes_a_16_bit_wav_that_others_can_read(kind: str, normalise: Normalise, target: Path) -> None:
    facts = normalise(KINDS[kind][0])
    with wave.open(str(target)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (facts.channels, 2, 8000)
        assert file.getnframes() == round(facts.duration_seconds * 8000)
        assert len(file.readframes(file.getnframes())) == facts.bytes - 44


@pytest.mark.parametrize("kind", ["wav pcm_s16le", "mp3 stereo", "mp4 with video"])
def test_its_size_and_digests_are_those_of_the_file(kind: str, normalise: Normalise, target: Path) -> None:
    facts = normalise(KINDS[kind][0])
    data = target.read_bytes()
    assert facts.bytes == len(data)
    assert facts.sha256 == hashlib.sha256(data).hexdigest()
    assert facts.crc32 == zlib.crc32(data)


def test_it_copies_samples_that_need_no_change(normalise: Normalise, target: Path) -> None:
    recording = audio.wav(channels=2)
    normalise(recording)
    assert target.read_bytes() == recording


def test_it_keeps_the_rate_of_the_source_when_asked(normalise: Normalise, target: Path) -> None:
    facts = normalise(audio.wav(rate=44100, channels=2), sample_rate=0)
    assert facts.output_sample_rate == 44100
    assert facts.bytes == 44 + 44100 * 4


@pytest.mark.parametrize("mask", [0x0, 0x5, 0x600])
def test_it_does_not_mix_channels_that_sit_at_unusual_places(
    mask: int, normalise: Normalise, target: Path
) -> None:
    normalise(audio.wav(rate=16000, channels=2, extensible=True, channel_mask=mask))
    assert audio.level(target.read_bytes(), 0, 880.0) < 0.001
    assert audio.level(target.read_bytes(), 1, 440.0) < 0.001


def test_it_keeps_the_loudness_of_a_single_channel(normalise: Normalise, target: Path) -> None:
    normalise(audio.wav(rate=16000, extensible=True, channel_mask=0x1))
    signal, _ = audio.heard(target.read_bytes())
    assert abs(signal).max() == pytest.approx(16000, rel=0.02)


def test_peaks_follow_the_loudness_per_channel(normalise: Normalise) -> None:
    loud_left = audio.wav(2.0, channels=2, tones=(440.0, 0.0))
    peaks = normalise(loud_left).peaks
    left, right = peaks[0::2], peaks[1::2]
    assert len(left) == len(right) == 1000
    assert max(left) == 16000 * 255 // 32640
    assert max(right) == 0


def test_peaks_of_a_short_recording_are_one_per_sample(normalise: Normalise) -> None:
    assert len(normalise(audio.wav(0.01)).peaks) == 80


def test_full_scale_is_the_highest_peak(normalise: Normalise) -> None:
    recording = audio.wav(0.1)
    facts = normalise(recording[:44] + b"\x00\x80" * (len(recording[44:]) // 2))
    assert set(facts.peaks) == {255}


def test_it_takes_an_mp3_cut_inside_a_frame(normalise: Normalise) -> None:
    recording = audio.mp3(4.0)
    assert normalise(recording[: len(recording) // 2 + 7]).duration_seconds == pytest.approx(2.0, abs=0.2)


def test_it_takes_an_aac_file_cut_inside_a_frame(normalise: Normalise) -> None:
    assert normalise(audio.truncated(audio.aac(2.0))).duration_seconds == pytest.approx(0.8, abs=0.1)


def test_it_plays_over_a_damaged_place_in_an_mp3(normalise: Normalise) -> None:
    recording = bytearray(audio.mp3(5.0))
    recording[8000:8400] = bytes(400)
    assert normalise(bytes(recording)).duration_seconds == pytest.approx(5.0, abs=0.3)


def test_it_follows_a_recording_whose_rate_changes_on_the_way(normalise: Normalise, target: Path) -> None:
    facts = normalise(audio.mp3(2.0, rate=16000) + audio.mp3(2.0, rate=24000))
    assert facts.duration_seconds == pytest.approx(4.0, abs=0.2)
    assert audio.level(target.read_bytes(), 0, 440.0) > 0.9


def test_it_ignores_the_name_of_the_file(engine: AudioEngine, tmp_path: Path) -> None:
    source = tmp_path / "call.mp3"
    source.write_bytes(audio.wav())
    facts = engine.normalise(source, tmp_path / "out.wav", options=AudioOptions())
    assert facts.container is Container.WAV


@pytest.mark.slow
def test_it_takes_a_three_hour_recording_in_little_memory(
    make_engine: Callable[..., AudioEngine], normalise: Normalise, target: Path
) -> None:
    before, minute = helper_pids(), audio.mp3(60, rate=8000, channels=2, bit_rate=16000)
    facts = normalise(minute * 180, by=make_engine())
    # Every joined piece brings its encoder's padding, at 8 kHz a fifth of a second.
    assert facts.duration_seconds == pytest.approx(3 * 3600, rel=0.005)
    assert facts.bytes == target.stat().st_size
    assert 900 <= len(facts.peaks) // 2 <= 1000
    (helper,) = helper_pids() - before
    assert peak_memory(helper) < 128 * 1024**2
    target.unlink()

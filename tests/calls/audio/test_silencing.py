"""Silenced recordings: no energy in the spans, every other sample as it would be, and edges to the sample."""

import hashlib
import math
import tempfile
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.audio.engine import AudioEngine
from calls.audio.errors import AudioError
from calls.audio.facts import AudioFacts, Silencing
from calls.audio.helper import wav as written
from tests.calls.audio.processes import helper_pids, peak_memory
from tests.support import audio

Normalise = Callable[..., AudioFacts]

# Two seconds, 440 Hz left and 880 Hz right.
SOURCES = {
    "wav 8 kHz": audio.wav(2.0, 8000, 2),
    "wav 44.1 kHz": audio.wav(2.0, 44100, 2),
    "mp3 8 kHz": audio.mp3(2.0, 8000, 2, bit_rate=16000),
    "mp3 44.1 kHz": audio.mp3(2.0, 44100, 2, bit_rate=128000),
}
every_source = pytest.mark.parametrize("source", SOURCES)
# Between samples of 8 kHz: it begins at 4002.4 and ends at 8001.04 of them.
SPAN, START, END = (500_300, 1_000_130), 4002, 8002


@pytest.fixture
def heard(normalise: Normalise, target: Path) -> Callable[..., tuple[np.ndarray, AudioFacts]]:
    """The samples that become of a source, a column per channel, and the facts."""

    def run(data: bytes, **options: object) -> tuple[np.ndarray, AudioFacts]:
        facts = normalise(data, **options)
        return audio.heard(target.read_bytes())[0], facts

    return run


Heard = Callable[..., tuple[np.ndarray, AudioFacts]]


# --- Silence written over ---------------------------------------------------------------------------------
@every_source
def test_the_span_has_no_energy_and_every_sample_outside_is_as_without_it(source: str, heard: Heard) -> None:
    plain, _ = heard(SOURCES[source])
    silenced, facts = heard(SOURCES[source], silencing=Silencing(silent=(SPAN,)))
    assert len(silenced) == len(plain)
    assert np.square(plain[START:END]).sum(axis=0).min() > 1e9
    assert plain[START].any()
    assert plain[END - 1].any()
    assert np.square(silenced[START:END]).sum() == 0
    assert np.array_equal(silenced[:START], plain[:START])
    assert np.array_equal(silenced[END:], plain[END:])
    assert facts.silences == ((START / 8000, END / 8000),)


@every_source
def test_the_facts_are_those_of_the_silenced_file(source: str, heard: Heard, target: Path) -> None:
    silenced, facts = heard(SOURCES[source], silencing=Silencing(silent=(SPAN,)))
    data = target.read_bytes()
    assert facts.sha256 == hashlib.sha256(data).hexdigest()
    assert (facts.crc32, facts.bytes) == (zlib.crc32(data), len(data))
    assert facts.duration_seconds == len(silenced) / 8000
    bucket = math.ceil(len(silenced) / 1000)
    inside = facts.peaks[2 * (START // bucket + 1) : 2 * (END // bucket)]
    assert len(inside) > 200
    assert not any(inside)
    assert min(facts.peaks[100:200]) > 0


def test_at_another_rate_the_edges_are_rounded_outward_to_its_samples(heard: Heard) -> None:
    plain, _ = heard(SOURCES["wav 44.1 kHz"], sample_rate=0)
    silenced, facts = heard(
        SOURCES["wav 44.1 kHz"], sample_rate=0, silencing=Silencing(silent=((500_050, 1_000_300),))
    )
    (changed,) = np.nonzero((silenced != plain).any(axis=1))
    assert (changed.min(), changed.max()) == (22052, 44113)  # it is from 22052.2 to 44113.23
    assert facts.silences == ((round(22052 / 44100, 6), round(44114 / 44100, 6)),)


def test_an_open_span_runs_to_the_end(heard: Heard) -> None:
    silenced, facts = heard(SOURCES["wav 8 kHz"], silencing=Silencing(silent=((1_500_000, None),)))
    assert silenced[:12000].any()
    assert not silenced[12000:].any()
    assert facts.silences == ((1.5, 2.0),)


def test_what_is_behind_the_end_changes_nothing(heard: Heard) -> None:
    plain, _ = heard(SOURCES["wav 8 kHz"])
    spans = ((2_000_000, 3_000_000), (5_000_000, None))
    silenced, facts = heard(SOURCES["wav 8 kHz"], silencing=Silencing(silent=spans))
    assert np.array_equal(silenced, plain)
    assert facts.silences == ()


def test_spans_that_share_a_sample_are_one(heard: Heard) -> None:
    spans = ((500_000, 600_001), (600_100, 700_000))
    _, facts = heard(SOURCES["wav 8 kHz"], silencing=Silencing(silent=spans))
    assert facts.silences == ((0.5, 0.7),)


# --- Files that begin late --------------------------------------------------------------------------------
def burst(container: str, codec: str, rate: int, **options: str) -> bytes:
    """Three seconds in which there is sound from 1.0 to 1.5 s alone, as another program encodes them."""
    signal = audio.samples(3.0, rate, (700.0,)).T.copy()
    signal[:, : 1 * rate] = signal[:, 3 * rate // 2 :] = 0
    frame = av.AudioFrame.from_ndarray(signal, "s16", "mono")
    frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
    # A file, not memory: the MP4 muxer reads back what it wrote.
    with tempfile.NamedTemporaryFile() as file:
        with av.open(file.name, "w", format=container, container_options=options) as output:
            stream = output.add_stream(codec, rate, layout="mono")
            output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
        return Path(file.name).read_bytes()


LATE = {
    "mp3 8 kHz without a LAME tag": (("mp3", "libmp3lame", 8000), {"write_xing": "0"}, 1681),
    "mp3 44.1 kHz without a LAME tag": (("mp3", "libmp3lame", 44100), {"write_xing": "0"}, 1681),
    "aac 8 kHz": (("adts", "aac", 8000), {}, 2112),
    "aac 44.1 kHz": (("adts", "aac", 44100), {}, 2112),
    "mp4 in fragments": (("mp4", "aac", 16000), {"movflags": "+frag_keyframe+empty_moov"}, 2112),
    "mp3 with its tag": (("mp3", "libmp3lame", 8000), {}, 0),
    "m4a": (("ipod", "aac", 16000), {}, 0),
}


@pytest.mark.parametrize("kind", LATE)
def test_what_was_said_in_the_span_is_not_heard_behind_it_where_a_file_begins_late(
    kind: str, heard: Heard
) -> None:
    """An encoder leads in with silence, which not every file tells to skip: all that follows is late."""
    encoding, options, lead_in = LATE[kind]
    source = burst(*encoding, **options)
    plain, _ = heard(source)
    silenced, facts = heard(source, silencing=Silencing(silent=((1_000_000, 1_500_000),)))
    assert np.abs(plain).max() > 10000
    # What is left is the codec's own smear, a hundred times quieter.
    assert np.sqrt(np.square(silenced).mean()) < np.sqrt(np.square(plain).mean()) / 100
    [(start, end)] = facts.silences
    assert (start, end) == (1.0, pytest.approx(1.5 + lead_in / encoding[2], abs=1 / 8000))


# --- Silence inserted -------------------------------------------------------------------------------------
def left_out(*spans: tuple[int, int], length: int | None = None) -> Silencing:
    return Silencing(silent=spans, absent=spans, length=length)


@every_source
def test_silence_is_inserted_where_the_source_left_something_out(source: str, heard: Heard) -> None:
    plain, _ = heard(SOURCES[source])
    longer, facts = heard(SOURCES[source], silencing=left_out(SPAN))
    assert len(longer) == len(plain) + END - START
    assert not longer[START:END].any()
    assert np.array_equal(longer[:START], plain[:START])
    assert np.array_equal(longer[END:], plain[START:])
    assert facts.silences == ((START / 8000, END / 8000),)
    assert facts.duration_seconds == len(longer) / 8000


def test_with_several_insertions_each_word_keeps_its_time(heard: Heard) -> None:
    """The source lacks what the call holds in the spans; the result has every other sample at its place."""
    call = audio.samples(6.0, 8000, audio.TONES)
    spans = [(8000, 12000), (12800, 13600), (40000, 48000)]
    kept = np.ones(len(call), dtype=bool)
    for start, end in spans:
        kept[start:end] = False
    source = audio.wav(kept.sum() / 8000, 8000, 2)[:44] + call[kept].tobytes()
    wanted = left_out(*((start * 125, end * 125) for start, end in spans), length=6_000_000)
    result, facts = heard(source, silencing=wanted)
    assert np.array_equal(result, np.where(kept[:, None], call, 0))
    assert facts.silences == tuple((start / 8000, end / 8000) for start, end in spans)


def test_what_was_left_out_behind_the_last_sample_is_appended(heard: Heard) -> None:
    wanted = left_out((1_000_000, 1_500_000), (3_000_000, 4_000_000), (5_000_000, 5_250_000))
    longer, facts = heard(SOURCES["wav 8 kHz"], silencing=wanted)
    assert len(longer) == 8000 * 3.75
    assert not longer[20000:].any()
    assert facts.silences == ((1.0, 1.5), (2.5, 3.75))


def test_the_source_may_begin_with_what_was_left_out(heard: Heard) -> None:
    plain, _ = heard(SOURCES["wav 8 kHz"])
    longer, _ = heard(SOURCES["wav 8 kHz"], silencing=left_out((0, 250_000)))
    assert not longer[:2000].any()
    assert np.array_equal(longer[2000:], plain)


def test_as_much_as_it_is_too_long_is_silenced_behind_each_insertion(heard: Heard) -> None:
    """The provider stopped a little late, or not at all: what was said then stands where the cut is."""
    plain, _ = heard(SOURCES["wav 8 kHz"])
    wanted = left_out((500_000, 1_000_000), (1_750_000, 2_000_000), length=2_500_000)
    longer, facts = heard(SOURCES["wav 8 kHz"], silencing=wanted)  # by 0.25 s
    assert facts.silences == ((0.5, 1.25), (1.75, 2.25))
    assert np.array_equal(longer[:4000], plain[:4000])
    assert np.array_equal(longer[10000:14000], plain[6000:10000])
    assert np.array_equal(longer[18000:], plain[12000:])


def test_an_insertion_counts_towards_the_longest_recording(
    make_engine: Callable[..., AudioEngine], normalise: Normalise
) -> None:
    with pytest.raises(AudioError, match="longer than 3 seconds"):
        normalise(
            SOURCES["wav 8 kHz"],
            silencing=left_out((1_000_000, 10**12)),
            by=make_engine(max_audio_seconds=3),
        )


def test_minutes_of_silence_need_no_memory(
    make_engine: Callable[..., AudioEngine], normalise: Normalise, target: Path
) -> None:
    engine, before = make_engine(), helper_pids()
    normalise(SOURCES["wav 8 kHz"], by=engine)
    (process,) = helper_pids() - before
    used = peak_memory(process)
    facts = normalise(SOURCES["wav 8 kHz"], silencing=left_out((1_000_000, 1_201_000_000)), by=engine)
    assert facts.bytes > 38_000_000
    assert peak_memory(process) - used < 20 * 1024**2
    target.unlink()


# --- Rounding ---------------------------------------------------------------------------------------------
@given(st.integers(0, 12 * 3600 * 10**6), st.sampled_from([8000, 11025, 16000, 44100, 48000]))
def test_edges_are_rounded_outward_by_less_than_a_sample(microseconds: int, rate: int) -> None:
    exact = microseconds * rate
    assert 0 <= exact - written.floor(microseconds, rate) * 10**6 < 10**6
    assert 0 <= written.ceil(microseconds, rate) * 10**6 - exact < 10**6

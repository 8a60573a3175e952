"""The drawing of a recording's peaks: bars per channel, and where nothing was recorded."""

import re

import pytest

from calls.waveform import BAR, BARS, GAP, HEIGHT, bands, clock, paused_spans


def heights(path: str) -> list[int]:
    return [int(height) for height in re.findall(r"v(\d+)h", path)]


def test_each_channel_is_a_band_of_its_own_peaks() -> None:
    one, two = bands(bytes([255, 51, 0, 102]), 2)

    assert (one.name, two.name) == ("Channel 1", "Channel 2")
    assert heights(one.path) == [HEIGHT, 2]
    assert heights(two.path) == [20, 40]


def test_mono_is_one_band() -> None:
    (band,) = bands(bytes([255, 0]), 1)

    assert band.name == "One channel"
    assert heights(band.path) == [HEIGHT, 2]


@pytest.mark.parametrize(("count", "bars"), [(1, 1), (239, 239), (240, 240), (241, 240), (1000, 240)])
def test_bars_fill_the_whole_width_at_most_240_of_them(count: int, bars: int) -> None:
    (band,) = bands(bytes([9]) * count, 1)

    assert bars <= BARS
    assert len(heights(band.path)) == bars
    assert band.width == bars * (BAR + GAP)
    assert band.path.rindex("M") == band.path.index(f"M{(bars - 1) * (BAR + GAP)} ")


def test_no_peak_is_lost_between_bars() -> None:
    for place in range(0, 1000, 37):
        peaks = bytearray(1000)
        peaks[place] = 255
        (band,) = bands(bytes(peaks), 1)
        assert heights(band.path).count(HEIGHT) == 1


def test_the_loudest_of_all_channels_has_full_height_but_noise_has_not() -> None:
    one, two = bands(bytes([100, 50]), 2)
    assert (heights(one.path), heights(two.path)) == ([HEIGHT], [HEIGHT // 2])

    (quiet,) = bands(bytes([3, 2]), 1)
    assert max(heights(quiet.path)) < HEIGHT / 10


@pytest.mark.parametrize(("peaks", "channels", "count"), [(None, 2, 2), (b"", 1, 1), (None, None, 1)])
def test_without_peaks_the_bands_are_flat(peaks: bytes | None, channels: int | None, count: int) -> None:
    assert [heights(band.path) for band in bands(peaks, channels)] == [[2]] * count


def test_paused_spans_stand_where_they_were() -> None:
    first, second = paused_spans([[10, 30.0], [90.5, 100.25]], 100.0)

    assert (first.left, first.width, first.words) == (10, 20, "0:10 to 0:30")
    assert (second.left, second.width, second.words) == (90.5, 9.5, "1:30 to 1:40")


@pytest.mark.parametrize(("silences", "duration"), [([[5, 6]], None), ([[5, 6]], 0.0), ([[5, 6]], 5.0)])
def test_a_span_outside_of_the_recording_is_not_drawn(
    silences: list[list[float]], duration: float | None
) -> None:
    assert paused_spans(silences, duration) == []


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, ""), (0, "0:00"), (59.9, "0:59"), (61, "1:01"), (3600, "1:00:00"), (43_199, "11:59:59")],
)
def test_times_read_as_on_a_clock(seconds: float | None, words: str) -> None:
    assert clock(seconds) == words


def test_a_drawing_is_small() -> None:
    assert sum(len(band.path) for band in bands(bytes(range(250)) * 8, 2)) < 12_000

"""Which frames are to be silent, and making them so."""

from collections.abc import Iterable
from typing import BinaryIO

from .jobs import Normalise
from .wav import WAV_HEADER_BYTES, WavWriter, ceil, floor, write_silence


def silent_frames(job: Normalise, wav: WavWriter, lead_in: int) -> list[tuple[int, int]]:
    """What is to be silent in the written file: from and to in frames, rounded outward, ascending.

    The source may be late by as many of its samples as `lead_in`, so that much more is silent behind a span.
    """
    late = -(-lead_in * wav.rate // wav.source_rate)
    surplus = 0
    if job.length is not None:
        surplus = max(wav.frames - floor(job.length, wav.rate), 0)
    spans = [(floor(start, wav.rate), end_of(end, wav) + late) for start, end in job.silent]
    spans += [(start, end + surplus) for start, end in wav.inserted]
    return merged((start, min(end, wav.frames)) for start, end in spans)


def end_of(microseconds: int | None, wav: WavWriter) -> int:
    return wav.frames if microseconds is None else ceil(microseconds, wav.rate)


def merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The spans in order, without empty ones; those that overlap or touch are one."""
    result: list[tuple[int, int]] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if result and start <= result[-1][1]:
            result[-1] = result[-1][0], max(result[-1][1], end)
        else:
            result.append((start, end))
    return result


def in_seconds(spans: list[tuple[int, int]], rate: int) -> list[tuple[float, float]]:
    return [(round(start / rate, 6), round(end / rate, 6)) for start, end in spans]


def overwrite(wav: BinaryIO, spans: list[tuple[int, int]], frame_bytes: int) -> None:
    for start, end in spans:
        wav.seek(WAV_HEADER_BYTES + start * frame_bytes)
        write_silence(wav, (end - start) * frame_bytes)

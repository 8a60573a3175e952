"""The normalised file: 16-bit PCM WAV, written as the frames come."""

from collections import deque
from typing import Any, BinaryIO

import av
import numpy as np
from av.audio.frame import AudioFrame

from .decoding import mono_or_stereo
from .jobs import Fault, Normalise, too_long

MAX_WAV_BYTES = 0xFFFFFFFF
WAV_HEADER_BYTES = 44
READ_BYTES = 1 << 20


class WavWriter:
    """Streams frames into a 16-bit PCM WAV; the first frame decides the channels and, if asked, the rate.

    Where the job says that something is absent, silence is inserted; `inserted` tells where, in frames.
    """

    def __init__(self, target: BinaryIO, job: Normalise) -> None:
        self._target = target
        self._job = job
        self._resampler: av.AudioResampler | None = None
        self._shape: tuple[str, str, int] | None = None
        self._absent: deque[tuple[int, int]] = deque()
        self.inserted: list[tuple[int, int]] = []
        self.channels = self.source_rate = self.rate = self.frames = self.frame_bytes = 0

    def add(self, frame: AudioFrame) -> None:
        if not self.channels:
            self._begin(frame)
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if shape != self._shape:
            # Some streams change their rate or layout on the way; a resampler is built for one shape.
            self._flush()
            self._resampler = self._new_resampler(frame)
            self._shape = shape
        assert self._resampler is not None
        for piece in self._resampler.resample(frame):
            self._write(piece)

    def finish(self) -> None:
        self._flush()
        if not self.frames:
            raise Fault(f"the {self._job.label} holds no audio")
        while self._absent:
            self._insert()
        self._target.seek(0)
        self._target.write(wav_header(self.channels, self.rate, self.frames))
        self._target.flush()

    def facts(self) -> dict[str, Any]:
        return {
            "channels": self.channels,
            "sample_rate": self.source_rate,
            "output_sample_rate": self.rate,
            "duration_seconds": self.frames / self.rate,
        }

    def _begin(self, frame: AudioFrame) -> None:
        self.channels, self.source_rate = mono_or_stereo(frame), frame.sample_rate
        self.rate = self._job.sample_rate or frame.sample_rate
        self.frame_bytes = self.channels * 2
        self._absent.extend(
            (floor(start, self.rate), ceil(end, self.rate)) for start, end in self._job.absent
        )
        self._target.write(bytes(WAV_HEADER_BYTES))

    def _new_resampler(self, frame: AudioFrame) -> av.AudioResampler:
        # Without a layout the channels pass as they are: FFmpeg would mix unusual ones (front and centre).
        names = {1: "mono", 2: "stereo"}
        layout = None if frame.layout.nb_channels == self.channels else names[self.channels]
        return av.AudioResampler(format="s16", layout=layout, rate=self.rate)

    def _flush(self) -> None:
        if self._resampler is None:
            return
        for piece in self._resampler.resample(None):
            # A resampler with nothing to do hands back the None it was given.
            if piece is not None:
                self._write(piece)

    def _write(self, piece: AudioFrame) -> None:
        samples = memoryview(piece.planes[0])[: piece.samples * self.frame_bytes]
        if self._job.swap_channels and self.channels == 2:
            samples = swapped(samples)
        while self._absent and self._absent[0][0] < self.frames + len(samples) // self.frame_bytes:
            before = max(self._absent[0][0] - self.frames, 0) * self.frame_bytes
            self._put(samples[:before])
            self._insert()
            samples = samples[before:]
        self._put(samples)

    def _put(self, samples: memoryview) -> None:
        self._count(len(samples) // self.frame_bytes)
        self._target.write(samples)

    def _insert(self) -> None:
        start, end = self._absent.popleft()
        self._count(end - start)
        self.inserted.append((self.frames - (end - start), self.frames))
        write_silence(self._target, (end - start) * self.frame_bytes)

    def _count(self, frames: int) -> None:
        self.frames += frames
        self._check_length()

    def _check_length(self) -> None:
        if self.frames > self._job.max_audio_seconds * self.rate:
            raise too_long(self._job)
        if WAV_HEADER_BYTES + self.frames * self.frame_bytes > MAX_WAV_BYTES:
            raise Fault("the recording is longer than a WAV can hold (4 GiB)")


def swapped(samples: memoryview) -> memoryview:
    """Frames of stereo with their two channels exchanged."""
    return memoryview(np.frombuffer(samples, "<i2").reshape(-1, 2)[:, ::-1].tobytes())


def wav_header(channels: int, rate: int, frames: int) -> bytes:
    """The canonical 44 bytes: RIFF, a 16-byte `fmt ` chunk for 16-bit PCM, the head of the `data` chunk."""
    size = frames * channels * 2
    numbers = (16, 1, channels, rate, rate * channels * 2, channels * 2, 16)
    widths = (4, 2, 2, 4, 4, 2, 2)
    fields = b"".join(number.to_bytes(width, "little") for number, width in zip(numbers, widths, strict=True))
    riff_size = (size + WAV_HEADER_BYTES - 8).to_bytes(4, "little")
    return b"RIFF" + riff_size + b"WAVEfmt " + fields + b"data" + size.to_bytes(4, "little")


def write_silence(file: BinaryIO, size: int) -> None:
    """`size` zero bytes, which are silence in 16-bit PCM."""
    for position in range(0, size, READ_BYTES):
        file.write(bytes(min(READ_BYTES, size - position)))


def floor(microseconds: int, rate: int) -> int:
    return microseconds * rate // 1_000_000


def ceil(microseconds: int, rate: int) -> int:
    return -(-microseconds * rate // 1_000_000)

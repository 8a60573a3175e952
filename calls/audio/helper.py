"""The fenced process that decodes: a script that `process.py` runs, with PyAV and numpy and nothing of ours.

One JSON object per line comes in on standard input (`operation` and the fields of its job), one goes out on
standard output: `{"ready": true}` once at the start, then per job `{"facts": {…}}`, `{"fault": reason}` where
the file is to blame, or `{"os_error": [errno, text]}`. `{"crash": name}` is a last word before the end.
"""

import ctypes
import hashlib
import io
import json
import math
import os
import resource
import signal
import struct
import sys
import tempfile
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from types import TracebackType
from typing import Any, BinaryIO, NoReturn

import av
import av.subtitles.stream  # PyAV would import it with the first file, inside the fence
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

# What telephony, phones and browsers put into the four containers. No other decoder ever sees a byte.
DECODERS = frozenset(
    {"aac", "alac", "mp3", "mp3float", "gsm", "gsm_ms", "adpcm_ms", "adpcm_ima_wav", "adpcm_ima_qt", "g722"}
    | {"pcm_u8", "pcm_s8", "pcm_alaw", "pcm_mulaw", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_s64le"}
    | {"pcm_f32le", "pcm_f64le", "pcm_s16be", "pcm_s24be", "pcm_s32be", "pcm_f32be", "pcm_f64be"}
)
# So many samples of nothing, at most, precede what an encoder was given: a frame of MP3 and what its decoder
# adds, two frames of AAC. Files of LAME, and MP4, mostly say to skip them; what does not is late by them.
LEAD_IN = {"mp3": 1152 + 529, "aac": 2112}
MAX_WAV_BYTES = 0xFFFFFFFF
WAV_HEADER_BYTES = 44
PEAK_BUCKETS = 1000
READ_BYTES = 1 << 20
OPEN_FILES = 16

_PR_SET_PDEATHSIG = 1
_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_MODE_FILTER = 2
# Of a machine: how the kernel names it, and the numbers of socket, socketpair, execve, execveat, ptrace,
# process_vm_readv, process_vm_writev, io_uring_setup, pidfd_getfd (asm/unistd.h).
_REFUSED_CALLS = {
    "x86_64": (0xC000003E, (41, 53, 59, 322, 101, 310, 311, 425, 438)),
    "aarch64": (0xC00000B7, (198, 199, 221, 281, 117, 270, 271, 425, 438)),
}


class Fault(Exception):
    """The file's fault, in plain words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    source: str
    demuxer: str
    label: str
    cpu_seconds: int
    max_audio_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalise(Job):
    """`silent`, `absent` and `length` are those of `facts.Silencing`: microseconds of what is written."""

    target: str
    sample_rate: int
    swap_channels: bool = False
    silent: Sequence[tuple[int, int | None]] = ()
    absent: Sequence[tuple[int, int]] = ()
    length: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe(Job):
    """`source` holds the beginning of a file of `total_bytes`, which is None where it is not known."""

    total_bytes: int | None


# --- The fence --------------------------------------------------------------------------------------------


def raise_fence(parent: int, memory_bytes: int) -> None:
    """Limits that hold from here on; nothing from outside has been read yet."""
    limit(resource.RLIMIT_AS, memory_bytes)
    limit(resource.RLIMIT_FSIZE, MAX_WAV_BYTES)
    limit(resource.RLIMIT_NOFILE, OPEN_FILES)
    limit(resource.RLIMIT_CORE, 0)
    if sys.platform == "linux":
        prctl = ctypes.CDLL(None).prctl
        prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        refuse_calls(prctl)
    if os.getppid() != parent:
        sys.exit("the parent died before it could be watched")
    enter_empty_directory()


def refuse_calls(prctl: Any) -> None:
    """No connection, no other program and no look into another process, even if a decoder is taken over.

    A filter in the kernel answers such system calls with EPERM (seccomp(2)); it holds for good. On other
    machines, and where the kernel has no filters, the other limits stand alone.
    """
    if os.uname().machine not in _REFUSED_CALLS:
        return
    machine, numbers = _REFUSED_CALLS[os.uname().machine]
    load, equal, at_least, answer = 0x20, 0x15, 0x35, 0x06
    end_process, errno_eperm, allow = 0x80000000, 0x00050001, 0x7FFF0000
    steps = [
        (load, 0, 0, 4),  # the machine whose numbers are meant: another one's mean other calls
        (equal, 1, 0, machine),
        (answer, 0, 0, end_process),
        (load, 0, 0, 0),  # the call's number; from 2**30 up x86_64 has all calls a second time
        (at_least, len(numbers) + 1, 0, 0x40000000),
        *((equal, len(numbers) - place, 0, number) for place, number in enumerate(numbers)),
        (answer, 0, 0, allow),
        (answer, 0, 0, errno_eperm),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(code)))
    prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, program, 0, 0)


def limit(kind: int, value: int, *, final: bool = True) -> None:
    """Lower a limit, never beyond what we inherited; a `final` one cannot be raised again."""
    _, hard = resource.getrlimit(kind)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value if final else hard))


def enter_empty_directory() -> None:
    """A directory that is already deleted: a relative name finds nothing there and can create nothing."""
    directory = tempfile.mkdtemp()
    os.chdir(directory)
    os.rmdir(directory)


def grant_cpu(seconds: int) -> None:
    """SIGXCPU, which ends the process even inside FFmpeg, `seconds` of CPU time from now."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    limit(resource.RLIMIT_CPU, math.ceil(usage.ru_utime + usage.ru_stime) + seconds, final=False)


# --- One job ----------------------------------------------------------------------------------------------


def job_of(message: dict[str, Any]) -> Normalise | Probe:
    probing = message.pop("operation", "normalise") == "probe"
    return Probe(**message) if probing else Normalise(**message)


def run(job: Normalise | Probe) -> dict[str, Any]:
    grant_cpu(job.cpu_seconds)
    try:
        return {"facts": probe(job) if isinstance(job, Probe) else normalise(job)}
    except Fault as fault:
        return {"fault": str(fault)}
    except MemoryError:
        raise
    except av.FFmpegError:
        return {"fault": f"the {job.label} is damaged and cannot be decoded"}
    except OSError as error:
        return {"os_error": [error.errno, error.strerror]}


def normalise(job: Normalise) -> dict[str, Any]:
    """Decode `job.source` into a WAV at `job.target`; the facts of both."""
    with open(job.source, "rb") as source, open(job.target, "wb+") as target:
        with open_input(source, job) as container:
            stream = audio_stream(container, job)
            writer = WavWriter(target, job)
            packets = container.demux(stream)
            first = next(packets)
            codec = stream.codec_context.codec.canonical_name
            lead_in = 0 if first.has_sidedata("skip_samples") else LEAD_IN.get(codec, 0)
            for frame in decoded(chain([first], packets), job):
                writer.add(frame)
            writer.finish()
        silences = silent_frames(job, writer, lead_in)
        overwrite(target, silences, writer.frame_bytes)
        facts = {"codec": codec, "silences": in_seconds(silences, writer.rate), **writer.facts()}
        return {**facts, **measure(target, writer.channels, writer.frames)}


def open_input(source: BinaryIO, job: Job) -> InputContainer:
    # The input is an open file and the demuxer is forced: FFmpeg neither guesses nor opens anything itself.
    try:
        return av.open(
            source,
            "r",
            format=job.demuxer,
            container_options={"codec_whitelist": ",".join(DECODERS)},
            metadata_errors="replace",
            io_open=refuse_to_open,
        )
    except av.InvalidDataError as error:
        raise Fault(f"the {job.label} holds no audio that can be decoded") from error


def refuse_to_open(url: str, flags: int, options: dict[str, str]) -> NoReturn:
    raise Fault("the file refers to another file or address instead of holding the audio itself")


def audio_stream(container: InputContainer, job: Job) -> AudioStream:
    if not container.streams.audio:
        instead = "video but no audio" if container.streams.video else "no audio"
        raise Fault(f"the {job.label} holds {instead}")
    stream = container.streams.audio[0]
    context = stream.codec_context
    if context is None or context.name not in DECODERS:
        codec = context.codec.canonical_name if context is not None else "unknown"
        raise Fault(f"the {job.label} holds audio in a codec that is not supported ({codec})")
    return stream


def decoded(packets: "Iterable[Packet[AudioStream]]", job: Job) -> Iterator[AudioFrame]:
    """The frames of a stream. A damaged packet is skipped, as players do, unless they are the majority."""
    good = bad = 0
    for packet in packets:
        try:
            frames = packet.decode()
        except av.InvalidDataError:
            bad += 1
            continue
        good += bool(frames)
        yield from frames
    if bad > good:
        raise Fault(f"the {job.label} is damaged: {bad} of its {good + bad} audio packets cannot be decoded")


# --- The normalised file ----------------------------------------------------------------------------------


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


def mono_or_stereo(frame: AudioFrame) -> int:
    channels: int = frame.layout.nb_channels
    if channels not in (1, 2):
        raise Fault(f"the recording has {channels} channels; one or two are supported")
    return channels


def too_long(job: Job) -> Fault:
    seconds = job.max_audio_seconds
    words = f"{seconds // 3600} hours" if seconds % 3600 == 0 else f"{seconds} seconds"
    return Fault(f"the recording is longer than {words}")


def wav_header(channels: int, rate: int, frames: int) -> bytes:
    """The canonical 44 bytes: RIFF, a 16-byte `fmt ` chunk for 16-bit PCM, the head of the `data` chunk."""
    size = frames * channels * 2
    numbers = (16, 1, channels, rate, rate * channels * 2, channels * 2, 16)
    widths = (4, 2, 2, 4, 4, 2, 2)
    fields = b"".join(number.to_bytes(width, "little") for number, width in zip(numbers, widths, strict=True))
    riff_size = (size + WAV_HEADER_BYTES - 8).to_bytes(4, "little")
    return b"RIFF" + riff_size + b"WAVEfmt " + fields + b"data" + size.to_bytes(4, "little")


# --- Silence ----------------------------------------------------------------------------------------------


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


def floor(microseconds: int, rate: int) -> int:
    return microseconds * rate // 1_000_000


def ceil(microseconds: int, rate: int) -> int:
    return -(-microseconds * rate // 1_000_000)


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


def write_silence(file: BinaryIO, size: int) -> None:
    """`size` zero bytes, which are silence in 16-bit PCM."""
    for position in range(0, size, READ_BYTES):
        file.write(bytes(min(READ_BYTES, size - position)))


# --- Measures ---------------------------------------------------------------------------------------------


def measure(file: BinaryIO, channels: int, frames: int) -> dict[str, Any]:
    """Size, digests and peaks of the finished WAV, in one reading with flat memory."""
    file.seek(0)
    header = file.read(WAV_HEADER_BYTES)
    sha256, crc32, peaks = hashlib.sha256(header), zlib.crc32(header), bytearray()
    bucket = math.ceil(frames / PEAK_BUCKETS)
    bucket_bytes = bucket * channels * 2
    while data := file.read(max(1, READ_BYTES // bucket_bytes) * bucket_bytes):
        sha256.update(data)
        crc32 = zlib.crc32(data, crc32)
        peaks += loudest(data, bucket, channels)
    return {"bytes": file.tell(), "sha256": sha256.hexdigest(), "crc32": crc32, "peaks": peaks.hex()}


def loudest(data: bytes, bucket: int, channels: int) -> bytes:
    """The absolute maximum of every `bucket` frames, per channel, 255 for full scale."""
    padding = -len(data) % (bucket * channels * 2)
    samples = np.frombuffer(data + bytes(padding), "<i2").reshape(-1, bucket, channels)
    highest = np.maximum(samples.max(axis=1).astype(int), -samples.min(axis=1).astype(int))
    return bytes(np.minimum(highest >> 7, 255).astype(np.uint8))


# --- The beginning of a file ------------------------------------------------------------------------------


class Beginning(io.FileIO):
    """A file of which only the beginning is there, in its full size: from that FFmpeg tells durations."""

    def __init__(self, path: str, total_bytes: int) -> None:
        super().__init__(path)
        self._total_bytes = total_bytes

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_END:
            return super().seek(self._total_bytes + offset)
        return super().seek(offset, whence)


def probe(job: Probe) -> dict[str, Any]:
    """What the file says of itself, and its first frame proves."""
    held = os.path.getsize(job.source)
    with Beginning(job.source, job.total_bytes or held) as source, open_input(source, job) as container:
        stream = audio_stream(container, job)
        frame = next(decoded(container.demux(stream), job), None)
        if frame is None and job.total_bytes == held:
            raise Fault(f"the {job.label} holds no audio")
        facts: dict[str, Any] = {"codec": stream.codec_context.codec.canonical_name}
        if frame is not None:
            facts |= {"channels": mono_or_stereo(frame), "sample_rate": frame.sample_rate}
        return {**facts, "duration_seconds": whole_duration(container, stream, job)}


def whole_duration(container: InputContainer, stream: AudioStream, job: Probe) -> float | None:
    """Seconds the whole file lasts, None where its size is needed to tell and not known."""
    if job.demuxer == "aac":
        return duration_by_frames(container, stream, job)
    if job.demuxer != "mov" and job.total_bytes is None:
        return None
    seconds = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else None
    # FFmpeg may have estimated an MP3's, and an estimate proves nothing.
    if seconds is not None and seconds > job.max_audio_seconds and job.demuxer != "mp3":
        raise too_long(job)
    return seconds


def duration_by_frames(container: InputContainer, stream: AudioStream, job: Probe) -> float | None:
    """Each ADTS frame says its length: what those at hand last, grown to all. FFmpeg counts the first few."""
    packets = [packet for packet in container.demux(stream) if packet.size and packet.duration]
    if not packets or job.total_bytes is None or stream.time_base is None:
        return None
    ticks, size = sum(packet.duration or 0 for packet in packets), sum(packet.size for packet in packets)
    return float(ticks * stream.time_base) * job.total_bytes / size


# --- The conversation -------------------------------------------------------------------------------------


def main() -> None:
    answers = private_stdout()

    def answer(message: dict[str, Any]) -> None:
        answers.write(json.dumps(message).encode() + b"\n")
        answers.flush()

    def last_word(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
        answer({"crash": kind.__name__})

    sys.excepthook = last_word
    raise_fence(parent=int(sys.argv[1]), memory_bytes=int(sys.argv[2]))
    answer({"ready": True})
    for line in sys.stdin.buffer:
        answer(run(job_of(json.loads(line))))


def private_stdout() -> BinaryIO:
    """Standard output for answers alone: whatever else is printed (by FFmpeg, by Python) goes nowhere."""
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return answers


if __name__ == "__main__":
    main()

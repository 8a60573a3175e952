"""What the beginning of a file tells of the whole."""

import io
import os
from typing import Any

from av.audio.stream import AudioStream
from av.container import InputContainer

from .decoding import audio_stream, decoded, mono_or_stereo, open_input
from .jobs import Fault, Probe, too_long


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

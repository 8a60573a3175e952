"""One recording as it is kept: decoded, silenced where it must be, and measured."""

import hashlib
import math
import zlib
from itertools import chain
from typing import Any, BinaryIO

import numpy as np

from .decoding import audio_stream, decoded, open_input
from .jobs import Normalise
from .silence import in_seconds, overwrite, silent_frames
from .wav import READ_BYTES, WAV_HEADER_BYTES, WavWriter

# So many samples of nothing, at most, precede what an encoder was given: a frame of MP3 and what its decoder
# adds, two frames of AAC. Files of LAME, and MP4, mostly say to skip them; what does not is late by them.
LEAD_IN = {"mp3": 1152 + 529, "aac": 2112}
PEAK_BUCKETS = 1000


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
    # Side by side, the samples of a channel are compared ten times as fast.
    samples = np.ascontiguousarray(samples.swapaxes(1, 2))
    highest = np.maximum(samples.max(axis=2).astype(int), -samples.min(axis=2).astype(int))
    return bytes(np.minimum(highest >> 7, 255).astype(np.uint8))

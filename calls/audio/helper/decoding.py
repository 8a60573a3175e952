"""From an open file to frames of audio: neither FFmpeg's guesses nor anything it would open itself."""

from collections.abc import Iterable, Iterator
from typing import BinaryIO, NoReturn

import av
import av.subtitles.stream  # PyAV would import it with the first file, inside the fence
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from .jobs import Fault, Job

# What telephony, phones and browsers put into the four containers. No other decoder ever sees a byte.
DECODERS = frozenset(
    {"aac", "alac", "mp3", "mp3float", "gsm", "gsm_ms", "adpcm_ms", "adpcm_ima_wav", "adpcm_ima_qt", "g722"}
    | {"pcm_u8", "pcm_s8", "pcm_alaw", "pcm_mulaw", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_s64le"}
    | {"pcm_f32le", "pcm_f64le", "pcm_s16be", "pcm_s24be", "pcm_s32be", "pcm_f32be", "pcm_f64be"}
)


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


def mono_or_stereo(frame: AudioFrame) -> int:
    channels: int = frame.layout.nb_channels
    if channels not in (1, 2):
        raise Fault(f"the recording has {channels} channels; one or two are supported")
    return channels

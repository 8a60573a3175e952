"""Real audio for tests, the demo and benchmarks: encoded here by FFmpeg, one tone per channel.

Every generator returns a whole file as bytes. `level` and `heard` read a normalised WAV back, so that a test
can prove which tone is on which channel.
"""

import io
import struct
import tempfile
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

TONES = (440.0, 880.0)
FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"

_FORMAT_TAGS = {
    "pcm_u8": (1, 8),
    "pcm_s16le": (1, 16),
    "pcm_s24le": (1, 24),
    "pcm_s32le": (1, 32),
    "pcm_f32le": (3, 32),
    "pcm_f64le": (3, 64),
    "pcm_alaw": (6, 8),
    "pcm_mulaw": (7, 8),
}
WAV_CODECS = tuple(_FORMAT_TAGS)
# KSDATAFORMAT_SUBTYPE_*: the format tag, then this.
_SUBTYPE_TAIL = bytes.fromhex("000000001000800000aa00389b71")
_MP4_SAMPLE_RATE = 16000
_PICTURES = {
    "png": ("image2pipe", "png", "rgb24"),
    "jpeg": ("image2pipe", "mjpeg", "yuvj420p"),
    "gif": ("gif", "gif", "rgb8"),
}


# --- Signals ----------------------------------------------------------------------------------------------


def samples(seconds: float, rate: int, tones: Sequence[float], start: float = 0.0) -> np.ndarray:
    """Half-scale sines as 16-bit integers, one column per tone."""
    times = start + np.arange(round(seconds * rate)) / rate
    waves = [np.sin(2 * np.pi * tone * times) for tone in tones]
    return (np.column_stack(waves) * 16000).astype("<i2")


def level(wav_bytes: bytes, channel: int, tone: float) -> float:
    """How much of `channel` of a 16-bit WAV is `tone` (Hz): the share of its energy within 20 Hz, 0 to 1."""
    signal, rate = heard(wav_bytes)
    spectrum = np.abs(np.fft.rfft(signal[:, channel] * np.hanning(len(signal)))) ** 2
    near = np.abs(np.fft.rfftfreq(len(signal), 1 / rate) - tone) <= 20
    return float(spectrum[near].sum() / max(spectrum.sum(), 1e-9))


def heard(wav_bytes: bytes) -> tuple[np.ndarray, int]:
    """The samples (one column per channel) and the rate of a canonical 16-bit WAV."""
    channels, rate = struct.unpack("<HI", wav_bytes[22:28])
    return np.frombuffer(wav_bytes[44:], "<i2").reshape(-1, channels).astype(float), rate


# --- WAV --------------------------------------------------------------------------------------------------


def wav(
    seconds: float = 1.0,
    rate: int = 8000,
    channels: int = 1,
    codec: str = "pcm_s16le",
    tones: Sequence[float] = TONES,
    *,
    extensible: bool = False,
    channel_mask: int | None = None,
    data_size: int | None = None,
) -> bytes:
    """A WAV in any of `WAV_CODECS`; `data_size` stands in its header instead of the true number of bytes."""
    body = _raw(samples(seconds, rate, _per_channel(tones, channels)), rate, codec)
    tag, bits = _FORMAT_TAGS[codec]
    mask = (0, 4, 3)[min(channels, 2)] if channel_mask is None else channel_mask
    fmt = _fmt_chunk(tag, channels, rate, bits, mask if extensible else None)
    size = len(body) if data_size is None else data_size
    chunks = _chunk(b"fmt ", fmt) + b"data" + struct.pack("<I", size) + body
    return b"RIFF" + struct.pack("<I", min(4 + len(chunks), 0xFFFFFFFF)) + b"WAVE" + chunks


def rf64(seconds: float = 1.0, rate: int = 8000, *, promised: int | None = None) -> bytes:
    """EBU Tech 3306: the sizes stand in a `ds64` chunk, as in files beyond 4 GiB."""
    body = samples(seconds, rate, TONES[:1]).tobytes()
    sizes = struct.pack("<QQQI", 72 + len(body), promised or len(body), len(body) // 2, 0)
    fmt = _chunk(b"fmt ", _fmt_chunk(1, 1, rate, 16, None))
    return b"RF64\xff\xff\xff\xffWAVE" + _chunk(b"ds64", sizes) + fmt + b"data\xff\xff\xff\xff" + body


def slow_wav(path: Path, seconds: int = 1200) -> None:
    """Write a silent WAV of 192 kHz and 64-bit floats: seconds of work, and as a hole hardly any disk."""
    size = seconds * 192_000 * 16
    chunks = _chunk(b"fmt ", _fmt_chunk(3, 2, 192_000, 64, None)) + b"data" + struct.pack("<I", size)
    with path.open("wb") as file:
        file.write(b"RIFF" + struct.pack("<I", 4 + len(chunks) + size) + b"WAVE" + chunks)
        file.truncate(file.tell() + size)


def mp4_bomb() -> bytes:
    """A few KiB of MP4 whose index (`stsz`) claims 60 million samples: FFmpeg reserves 480 MB to read it."""
    data = bytearray(mp4(0.2))
    count = data.index(b"stsz") + 12
    data[count - 4 : count + 4] = struct.pack(">II", 0, 60_000_000)
    return bytes(data)


def gsm_wav() -> bytes:
    """One second of 440 Hz in Microsoft GSM 6.10 (format tag 0x31), 8 kHz mono; see fixtures/README.md."""
    return (FIXTURES / "gsm.wav").read_bytes()


def _fmt_chunk(tag: int, channels: int, rate: int, bits: int, mask: int | None) -> bytes:
    block = channels * bits // 8
    numbers = (0xFFFE if mask is not None else tag, channels, rate, rate * block, block, bits)
    plain = struct.pack("<HHIIHH", *numbers)
    if mask is None:
        return plain
    return plain + struct.pack("<HHI", 22, bits, mask) + struct.pack("<H", tag) + _SUBTYPE_TAIL


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content


def _raw(signal: np.ndarray, rate: int, codec: str) -> bytes:
    """The signal as FFmpeg's encoder packs it for `codec`."""
    encoder = av.CodecContext.create(codec, "w")
    encoder.sample_rate, encoder.layout = rate, _layout(signal.shape[1])
    encoder.format = encoder.codec.audio_formats[0]
    resampler = av.AudioResampler(format=encoder.format, layout=encoder.layout, rate=rate)
    frames = [piece for frame in _frames(signal, rate) for piece in resampler.resample(frame)]
    packets = [packet for frame in [*frames, None] for packet in encoder.encode(frame)]
    return b"".join(bytes(packet) for packet in packets)


# --- MP3, AAC, M4A, MP4 -----------------------------------------------------------------------------------


def mp3(
    seconds: float = 1.0,
    rate: int = 16000,
    channels: int = 1,
    tones: Sequence[float] = TONES,
    *,
    bit_rate: int = 32000,
    variable: bool = False,
    tags: dict[str, str] | None = None,
    cover: bool = False,
) -> bytes:
    # "variable" is LAME's -V 4; FFmpeg counts quality in units of 118.
    quality = {"flags": "+qscale", "global_quality": "472"} if variable else {"b": str(bit_rate)}
    return _encoded(
        "mp3",
        "libmp3lame",
        seconds,
        rate,
        _per_channel(tones, channels),
        options={"compression_level": "9", **quality},
        tags=tags,
        cover=cover,
    )


def aac(seconds: float = 1.0, rate: int = 44100, channels: int = 1, tones: Sequence[float] = TONES) -> bytes:
    """AAC in ADTS frames, which cannot say to skip the encoder's lead-in: about 1024 samples of silence."""
    return _encoded("adts", "aac", seconds, rate, _per_channel(tones, channels))


def m4a(
    seconds: float = 1.0, rate: int = _MP4_SAMPLE_RATE, channels: int = 1, tones: Sequence[float] = TONES
) -> bytes:
    return _encoded("ipod", "aac", seconds, rate, _per_channel(tones, channels))


def mp4(
    seconds: float = 1.0,
    rate: int = _MP4_SAMPLE_RATE,
    channels: int = 1,
    tones: Sequence[float] = TONES,
    *,
    index_first: bool = False,
    fragmented: bool = False,
    codec: str = "aac",
) -> bytes:
    flags = "+faststart" if index_first else "+frag_keyframe+empty_moov" if fragmented else ""
    return _encoded(
        "mp4",
        codec,
        seconds,
        rate,
        _per_channel(tones, channels),
        container_options={"movflags": flags} if flags else {},
    )


def mp4_with_video(seconds: float = 1.0, channels: int = 1, *, audio: bool = True) -> bytes:
    """A small MPEG-4 picture at 5 frames a second, with AAC beside it unless `audio` is off."""
    tones = _per_channel(TONES, channels) if audio else ()
    return _encoded("mp4", "aac", seconds, _MP4_SAMPLE_RATE, tones, video=True)


def flac(seconds: float = 0.2) -> bytes:
    return _encoded("flac", "flac", seconds, 8000, TONES[:1])


def ogg(seconds: float = 0.2) -> bytes:
    return _encoded("ogg", "libopus", seconds, 48000, TONES[:1])


def matroska(seconds: float = 0.2) -> bytes:
    return _encoded("matroska", "aac", seconds, 16000, TONES[:1])


def picture(kind: str = "png") -> bytes:
    """A grey picture of 16 by 16: png, jpeg or gif."""
    container, codec, pixels = _PICTURES[kind]
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream = output.add_stream(codec, 25, width=16, height=16, pix_fmt=pixels)
        output.mux(stream.encode(_grey(16, pixels)))
        output.mux(stream.encode(None))
    return buffer.getvalue()


def truncated(data: bytes, share: float = 0.4) -> bytes:
    """The first `share` of a file, as a broken transfer leaves it."""
    return data[: int(len(data) * share)]


# --- How it is done ---------------------------------------------------------------------------------------


def _encoded(
    container: str,
    codec: str,
    seconds: float,
    rate: int,
    tones: Sequence[float],
    *,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    tags: dict[str, str] | None = None,
    cover: bool = False,
    video: bool = False,
) -> bytes:
    # A file, not memory: to put its index first, the MP4 muxer reads back what it wrote.
    with tempfile.NamedTemporaryFile() as file:
        with av.open(file.name, "w", format=container, container_options=container_options or {}) as output:
            output.metadata.update(tags or {})
            streams = [output.add_stream("mpeg4", 5, width=32, height=32, pix_fmt="yuv420p")] if video else []
            if tones:
                streams += [output.add_stream(codec, rate, layout=_layout(len(tones)), options=options or {})]
            if cover:
                _add_cover(output)
            # Without this, a file with nothing to encode would stay empty.
            output.start_encoding()
            for stream in streams:
                _mux(output, stream, seconds, tones)
        return Path(file.name).read_bytes()


def _mux(output: Any, stream: Any, seconds: float, tones: Sequence[float]) -> None:
    if stream.type == "video":
        _mux_video(output, stream, seconds)
    else:
        _mux_audio(output, stream, seconds, stream.rate, tones)


def _mux_audio(output: Any, stream: Any, seconds: float, rate: int, tones: Sequence[float]) -> None:
    position = 0.0
    while position < seconds:
        # Ten seconds at a time: hours of audio need no memory.
        block = samples(min(10.0, seconds - position), rate, tones, start=position)
        for frame in _frames(block, rate, start=round(position * rate)):
            output.mux(stream.encode(frame))
        position += 10.0
    output.mux(stream.encode(None))


def _mux_video(output: Any, stream: Any, seconds: float) -> None:
    for index in range(max(1, round(seconds * 5))):
        frame = _grey(32, "yuv420p")
        frame.pts = index
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))


def _add_cover(output: Any) -> None:
    """The picture goes in before any audio: the MP3 muxer writes it into the ID3v2 tag."""
    stream = output.add_stream("png", width=16, height=16, pix_fmt="rgb24")
    stream.disposition = av.stream.Disposition.attached_pic
    packet = av.Packet(picture("png"))
    packet.stream, packet.pts, packet.dts = stream, 0, 0
    output.mux(packet)


def _grey(size: int, pixels: str) -> av.VideoFrame:
    picture = np.full((size, size, 3), 128, dtype=np.uint8)
    return av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format=pixels)


def _frames(signal: np.ndarray, rate: int, start: int = 0) -> Iterator[av.AudioFrame]:
    for offset in range(0, len(signal), 1152):
        block = np.ascontiguousarray(signal[offset : offset + 1152])
        frame = av.AudioFrame.from_ndarray(block.reshape(1, -1), "s16", _layout(signal.shape[1]))
        frame.sample_rate, frame.pts, frame.time_base = rate, start + offset, Fraction(1, rate)
        yield frame


def _layout(channels: int) -> str:
    return {1: "mono", 2: "stereo", 3: "2.1", 6: "5.1"}[channels]


def _per_channel(tones: Sequence[float], channels: int) -> tuple[float, ...]:
    return tuple(tones[index % len(tones)] for index in range(channels))

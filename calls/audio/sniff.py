"""What a file is, told by its first bytes alone: never by name, URL or Content-Type."""

import re
from enum import StrEnum

from calls.audio.errors import NotAudio

HEAD_BYTES = 4096
"""How much of a file's beginning is enough for `identify` and `describe`."""

SUPPORTED = "WAV, MP3, AAC, M4A and MP4"


class Container(StrEnum):
    """A container we open. The value is the name of the FFmpeg demuxer that is forced on it."""

    WAV = "wav"
    MP3 = "mp3"
    AAC = "aac"
    MP4 = "mov"

    @property
    def label(self) -> str:
        return self.name


_MP4_BOXES = (b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide")
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"hevc", b"mif1", b"msf1", b"avif", b"avis")

_OTHER_AUDIO = (
    (b"fLaC", "FLAC"),
    (b"OggS", "Ogg"),
    (b"#!AMR", "AMR"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "WMA"),
    (b"\x1a\x45\xdf\xa3", "Matroska (or WebM)"),
    (b".snd", "Sun AU"),
    (b"FORM", "AIFF"),
    (b"MThd", "MIDI"),
)
_OTHER_FILES = (
    (b"PK\x03\x04", "a ZIP archive"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"#!", "a script"),
    (b"RIFF", "a RIFF file without WAVE audio"),
)
_TEXTS = (
    ("#extm3u", "an HLS playlist"),
    ("ffconcat version", "an ffconcat playlist"),
    ("[playlist]", "a PLS playlist"),
    ("v=0", "an SDP session description"),
)
_MARKUP = (
    (re.compile(r"<mpd[\s>]"), "a DASH playlist"),
    (re.compile(r"<(!doctype html|html|head|body)[\s>]"), "a web page (HTML)"),
    (re.compile(r"<svg[\s>]"), "an SVG picture"),
)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")


def identify(head: bytes) -> Container:
    """The container that begins with `head`, a file's first `HEAD_BYTES`; `NotAudio` for anything else."""
    container = _container(head)
    if container is None:
        raise NotAudio(_refusal(head))
    return container


def describe(head: bytes) -> str:
    """What begins with `head`, as a noun phrase: "WAV audio", "a web page (HTML)", "an empty file"."""
    container = _container(head)
    if container is not None:
        return f"{container.label} audio"
    audio = _other_audio(head)
    return f"{audio} audio" if audio else _other_file(head)


def _refusal(head: bytes) -> str:
    if _other_audio(head):
        return f"the file is {describe(head)}; supported are {SUPPORTED}"
    return f"the file is {describe(head)}, not audio" if head else "the file is empty"


def _container(head: bytes) -> Container | None:
    if head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        return Container.WAV
    if head[4:8] in _MP4_BOXES and not _is_heif(head):
        return Container.MP4
    if head.startswith(b"ID3"):
        # A tag longer than the head hides what follows; then it is what ID3 was made for.
        return Container.AAC if _is_adts(head[id3_bytes(head) :]) else Container.MP3
    if _is_adts(head):
        return Container.AAC
    return Container.MP3 if _is_layer_3(head) else None


def _is_heif(head: bytes) -> bool:
    return head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS


def id3_bytes(head: bytes) -> int:
    """How long the ID3 tag at the beginning of a file is; 0 where there is none.

    ID3v2.4 section 3.1: four 7-bit size bytes; a footer doubles the 10-byte header.
    """
    if len(head) < 10 or not head.startswith(b"ID3"):
        return 0
    size = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
    return 10 + size + (10 if head[5] & 0x10 else 0)


def _is_adts(head: bytes) -> bool:
    """ISO/IEC 13818-7 section 6.2: 12 sync bits, layer 0, a sampling frequency index below 13."""
    return len(head) >= 7 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0 and head[2] >> 2 & 0xF < 13


def _is_layer_3(head: bytes) -> bool:
    """ISO/IEC 11172-3 section 2.4.2.3: 11 sync bits, then no reserved version, bit rate or sampling rate."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    bit_rate, sampling_rate = head[2] >> 4, head[2] >> 2 & 3
    return version != 1 and layer == 1 and bit_rate not in (0, 15) and sampling_rate != 3


def _other_audio(head: bytes) -> str | None:
    return next((name for prefix, name in _OTHER_AUDIO if head.startswith(prefix)), None)


def _other_file(head: bytes) -> str:
    if not head:
        return "an empty file"
    if _is_heif(head):
        return "a HEIF picture"
    known = next((name for prefix, name in _OTHER_FILES if head.startswith(prefix)), None)
    return known or _text(head) or f"data of an unknown kind (it begins with {head[:4].hex(' ')})"


def _text(head: bytes) -> str | None:
    utf16 = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = head.decode("utf-16" if utf16 else "utf-8-sig", errors="replace").strip().lower()
    if not text or _CONTROL.search(text):
        return None
    prefixed = next((name for prefix, name in _TEXTS if text.startswith(prefix)), None)
    return prefixed or (_markup(text) if text.startswith("<") else _plain(text))


def _markup(text: str) -> str:
    return next((name for pattern, name in _MARKUP if pattern.search(text)), "an XML document")


def _plain(text: str) -> str | None:
    # The head may end inside a character, so one undecodable place at its end proves nothing.
    if "\ufffd" in text[:-1]:
        return None
    return "JSON" if text.startswith(("{", "[")) else "plain text"

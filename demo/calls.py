"""What the demo's partner has recorded, and what must become of each call."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.support import audio

_SIGN_IN_PAGE = b"""<!doctype html><html><head><title>Sign in</title></head><body>
<form method="post"><input name="user"><input type="password" name="password"></form></body></html>"""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """The call completes. ``tones`` (Hz) are what must be heard, one per channel."""

    codec: str
    seconds: float
    tones: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Failed:
    """The call fails, and the plain error holds ``reason``."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class DemoCall:
    """One call, what its recording's URL answers with, and what is expected of it.

    With ``stumbles`` the first download is answered 503, with ``callback_stumbles`` the first callback.
    """

    id: str
    served: str
    body: bytes
    content_type: str
    expected: Stored | Failed
    status: int = 200
    stumbles: bool = False
    callback_stumbles: bool = False

    @property
    def recording_path(self) -> str:
        return f"/recordings/{self.id}"

    @property
    def callback_path(self) -> str:
        return f"/callbacks/{self.id}"


def demo_calls() -> list[DemoCall]:
    """The batch, generated anew: every good recording has tones of its own, so none passes for another."""
    return [
        _good(1, "WAV, PCM, mono", "audio/wav", "pcm_s16le", audio.wav, 3.0),
        _good(2, "WAV, 16 kHz, stereo", "audio/wav", "pcm_s16le", _wav("pcm_s16le", 16000), 2.5, 2),
        _good(3, "WAV, A-law, mono", "audio/x-wav", "pcm_alaw", _wav("pcm_alaw"), 4.0),
        _good(4, "WAV, µ-law, stereo", "audio/x-wav", "pcm_mulaw", _wav("pcm_mulaw"), 3.5, 2),
        _good(5, "MP3, mono", "audio/mpeg", "mp3", audio.mp3, 3.0),
        _good(6, "MP3, stereo", "audio/mpeg", "mp3", audio.mp3, 5.0, 2),
        _good(7, "AAC, mono", "audio/aac", "aac", audio.aac, 2.0),
        _good(8, "M4A, stereo", "audio/mp4", "aac", audio.m4a, 4.5, 2),
        _good(9, "MP4, mono", "video/mp4", "aac", audio.mp4, 3.0),
        _good(10, "503, then a WAV", "audio/wav", "pcm_s16le", audio.wav, 2.0, stumbles=True),
        _good(11, "callback 503 first", "audio/wav", "pcm_s16le", audio.wav, 2.0, callback_stumbles=True),
        _bad(12, "MP4 cut short", "video/mp4", audio.truncated(audio.mp4(3.0)), "the MP4 ends early"),
        _bad(13, "a sign-in page", "text/html", _SIGN_IN_PAGE, "sign-in page (text/html), not audio"),
        _bad(14, "404", "text/plain", b"no such recording", "the server answered 404", status=404),
    ]


def _good(
    number: int,
    served: str,
    content_type: str,
    codec: str,
    generate: Callable[..., bytes],
    seconds: float,
    channels: int = 1,
    *,
    stumbles: bool = False,
    callback_stumbles: bool = False,
) -> DemoCall:
    tones = (300.0 + 50 * number, 1300.0 + 50 * number)[:channels]
    return DemoCall(
        id=_id(number),
        served=served,
        body=generate(seconds=seconds, channels=channels, tones=tones),
        content_type=content_type,
        expected=Stored(codec=codec, seconds=seconds, tones=tones),
        stumbles=stumbles,
        callback_stumbles=callback_stumbles,
    )


def _bad(
    number: int, served: str, content_type: str, body: bytes, reason: str, *, status: int = 200
) -> DemoCall:
    return DemoCall(
        id=_id(number),
        served=served,
        body=body,
        content_type=content_type,
        expected=Failed(reason=reason),
        status=status,
    )


def _id(number: int) -> str:
    return f"demo-{number:02}"


def _wav(codec: str, rate: int = 8000) -> Callable[..., bytes]:
    def generate(*, seconds: float, channels: int, tones: tuple[float, ...]) -> bytes:
        return audio.wav(seconds, rate, channels, codec, tones)

    return generate

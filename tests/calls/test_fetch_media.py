"""Every kind of file a partner's URL may answer with, through the whole service, to a clear end."""

import io
import struct
import zipfile

import pytest

from tests.support import audio
from tests.support.partner_server import PartnerServer
from tests.work.fetching import callbacks_owed, engine_with, fetched, stored_bytes, stored_keys
from zipingest.work import WorkState

pytestmark = pytest.mark.django_db

TAKEN = {
    **{codec: (lambda codec=codec: audio.wav(0.5, codec=codec), "wav", 1) for codec in audio.WAV_CODECS},
    "extensible": (lambda: audio.wav(0.5, extensible=True), "wav", 1),
    "stereo": (lambda: audio.wav(0.5, channels=2), "wav", 2),
    "gsm": (audio.gsm_wav, "wav", 1),
    "mp3": (lambda: audio.mp3(0.5), "mp3", 1),
    "mp3 stereo": (lambda: audio.mp3(0.5, channels=2), "mp3", 2),
    "aac": (lambda: audio.aac(0.5), "aac", 1),
    "m4a": (lambda: audio.m4a(0.5), "mp4", 1),
    "mp4": (lambda: audio.mp4(0.5, channels=2), "mp4", 2),
    "mp4 with a picture": (lambda: audio.mp4_with_video(0.5), "mp4", 1),
}


def zip_archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.wav", audio.wav(0.1))
    return buffer.getvalue()


REFUSED = {
    "playlist": (
        b"#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1/secret.mp3\n",
        "the file is an HLS playlist, not audio",
    ),
    "concat": (b"ffconcat version 1.0\nfile /etc/passwd\n", "the file is an ffconcat playlist, not audio"),
    "zip": (zip_archive(), "the file is a ZIP archive, not audio"),
    "html": (b"<html><p>hello", "the URL answered with a web page (audio/mpeg), not audio"),
    "empty": (b"", "the file is empty"),
    "truncated": (
        audio.truncated(audio.wav(10.0)),
        "the WAV ends early: its header promises 10.0 s, the file holds 4.0 s",
    ),
    "no audio": (audio.wav(0), "the WAV holds no audio"),
    "picture": (audio.picture("png"), "the file is a PNG picture, not audio"),
    "flac": (audio.flac(), "the file is FLAC audio; supported are WAV, MP3, AAC, M4A and MP4"),
}


@pytest.fixture
def server():
    with PartnerServer() as server:
        yield server


@pytest.mark.parametrize("name", TAKEN)
def test_it_normalises_what_telephony_sends(server, name):
    make, container, channels = TAKEN[name]
    recording = fetched(server.serve("/call.bin", make()))
    assert (recording.state, recording.last_error) == (WorkState.DONE, "")
    assert (recording.container, recording.channels) == (container, channels)
    assert audio.level(stored_bytes(recording.key), 0, 440) > 0.8


@pytest.mark.parametrize("name", REFUSED)
def test_it_refuses_what_is_no_whole_audio_and_says_what_it_is(server, name):
    content, reason = REFUSED[name]
    recording = fetched(server.serve("/call.mp3", content, content_type="audio/mpeg"))
    assert (recording.state, recording.last_error) == (WorkState.FAILED, reason)
    (body,) = callbacks_owed(recording.call)
    assert (body["status"], body["error"]) == ("failed", reason)
    assert stored_keys(recording.call) == []
    assert server.requests == server.received("/call.mp3"), "nothing the file names was asked for"


@pytest.mark.slow
def test_three_hours_are_taken(server):
    seconds = 3 * 3600
    header = bytearray(audio.wav(0.01, codec="pcm_mulaw")[:44])
    header[4:8], header[40:44] = struct.pack("<I", 36 + seconds * 8000), struct.pack("<I", seconds * 8000)
    recording = fetched(server.serve("/long.wav", bytes(header) + b"\xff" * (seconds * 8000)))
    assert (recording.state, recording.duration_seconds) == (WorkState.DONE, seconds)


def test_more_than_the_longest_recording_is_refused(server, settings):
    with engine_with(settings, AUDIO_MAX_SECONDS=5):
        recording = fetched(server.serve("/long.wav", audio.wav(6, codec="pcm_mulaw")))
    assert recording.state == WorkState.FAILED
    assert "5" in recording.last_error

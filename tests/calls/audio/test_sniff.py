"""A file is what its bytes say, and a refusal says what that is."""

import io
import zipfile

import pytest

from calls.audio.errors import NotAudio
from calls.audio.sniff import HEAD_BYTES, Container, describe, identify
from tests.support import audio


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("call.wav", audio.wav(0.1))
    return buffer.getvalue()


ID3_OF_20_BYTES = b"ID3\x04\x00\x00\x00\x00\x00\x0a" + bytes(10)

SUPPORTED = {
    "wav": (audio.wav(0.1), Container.WAV),
    "rf64": (audio.rf64(0.1), Container.WAV),
    "mp3": (audio.mp3(0.1), Container.MP3),
    "mp3 with tags": (audio.mp3(0.1, tags={"title": "x" * 2 * HEAD_BYTES}), Container.MP3),
    "bare mp3 frames": (audio.mp3(0.5)[50:][audio.mp3(0.5)[50:].index(b"\xff\xf3") :], Container.MP3),
    "aac": (audio.aac(0.1), Container.AAC),
    "aac after an ID3 tag": (ID3_OF_20_BYTES + audio.aac(0.1), Container.AAC),
    "m4a": (audio.m4a(0.1), Container.MP4),
    "mp4": (audio.mp4(0.1), Container.MP4),
    "mp4 without ftyp": (audio.mp4(0.1)[int.from_bytes(audio.mp4(0.1)[:4], "big") :], Container.MP4),
}

OTHERS = {
    "empty": (b"", "an empty file"),
    "html": (b"\n<!DOCTYPE html>\n<html><body>Sign in</body></html>", "a web page (HTML)"),
    "html in latin-1": ("<html><p>Bitte später".encode("latin-1"), "a web page (HTML)"),
    "xhtml": (b"<?xml version='1.0'?>\n<html xmlns='x'></html>", "a web page (HTML)"),
    "xml": (b"<?xml version='1.0'?>\n<Error><Code>AccessDenied</Code></Error>", "an XML document"),
    "json": (b'{"error": "expired"}', "JSON"),
    "text": ("Nicht gefunden: Größe".encode(), "plain text"),
    "text cut inside a character": ("Größe ö".encode()[:-1], "plain text"),
    "utf-16 text": ("hello".encode("utf-16"), "plain text"),
    "hls": (b"#EXTM3U\n#EXT-X-VERSION:3\n", "an HLS playlist"),
    "hls with a byte order mark": (b"\xef\xbb\xbf#EXTM3U\n", "an HLS playlist"),
    "ffconcat": (b"ffconcat version 1.0\nfile /etc/passwd\n", "an ffconcat playlist"),
    "dash": (b'<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011">', "a DASH playlist"),
    "sdp": (b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n", "an SDP session description"),
    "pls": (b"[playlist]\nFile1=http://127.0.0.1/", "a PLS playlist"),
    "zip": (zipped(), "a ZIP archive"),
    "gzip": (b"\x1f\x8b\x08\x00", "a gzip archive"),
    "png": (audio.picture("png"), "a PNG picture"),
    "jpeg": (audio.picture("jpeg"), "a JPEG picture"),
    "gif": (audio.picture("gif"), "a GIF picture"),
    "heif": (b"\0\0\0\x18ftypheic\0\0\0\0", "a HEIF picture"),
    "pdf": (b"%PDF-1.7\n", "a PDF document"),
    "script": (b"#!/bin/sh\necho", "a script"),
    "avi": (b"RIFF\x00\x10\x00\x00AVI LIST", "a RIFF file without WAVE audio"),
    "unknown": (b"\x00\x01\x02\x03\x04", "data of an unknown kind (it begins with 00 01 02 03)"),
}

OTHER_AUDIO = {
    "FLAC": audio.flac(),
    "Ogg": audio.ogg(),
    "Matroska (or WebM)": audio.matroska(),
    "AMR": b"#!AMR\n\x3c",
    "WMA": bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"),
}


@pytest.mark.parametrize("name", SUPPORTED)
def test_it_recognises_a_supported_container_by_its_bytes(name: str) -> None:
    data, container = SUPPORTED[name]
    assert identify(data[:HEAD_BYTES]) is container


@pytest.mark.parametrize("name", OTHERS)
def test_it_says_what_a_file_is_that_is_not_audio(name: str) -> None:
    data, description = OTHERS[name]
    assert describe(data[:HEAD_BYTES]) == description


@pytest.mark.parametrize("name", OTHERS)
def test_it_refuses_what_is_not_audio(name: str) -> None:
    with pytest.raises(NotAudio):
        identify(OTHERS[name][0][:HEAD_BYTES])


@pytest.mark.parametrize("name", OTHER_AUDIO)
def test_it_names_the_supported_kinds_when_it_refuses_other_audio(name: str) -> None:
    with pytest.raises(NotAudio) as refusal:
        identify(OTHER_AUDIO[name][:HEAD_BYTES])
    assert refusal.value.reason == f"the file is {name} audio; supported are WAV, MP3, AAC, M4A and MP4"


def test_it_calls_an_empty_file_empty() -> None:
    with pytest.raises(NotAudio) as refusal:
        identify(b"")
    assert refusal.value.reason == "the file is empty"


def test_describe_names_supported_audio() -> None:
    assert describe(audio.mp3(0.1)) == "MP3 audio"

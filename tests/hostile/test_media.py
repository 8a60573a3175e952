"""No file makes the helper open another one or go online, and no damage makes it more than refuse."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from calls.audio.engine import AudioEngine
from calls.audio.errors import AudioError
from calls.audio.facts import AudioFacts, AudioLimits, AudioOptions
from tests.calls.audio.processes import helper_pids
from tests.hostile.media import damaged_files, hostile_files
from tests.hostile.opened import Noticing, opened_by_helpers, strace
from tests.support import audio

ROOT = Path(__file__).resolve().parents[2]
LIMITS = AudioLimits(memory_bytes=1 << 30, cpu_seconds=20, wall_seconds=20, max_audio_seconds=12 * 3600)
DAMAGED = 140
NAMES = sorted(hostile_files(Path("/canary.wav"), "http://127.0.0.1:1/canary.wav"))
# What has audio of its own is taken, and only that is heard: any bytes in a WAV are samples.
TAKEN = {name for name in NAMES if name.endswith("in a WAV") or name.startswith(("MP4 with", "MP3 with"))}
TAKEN -= {"MP4 with its data at an alias"}


@pytest.fixture(scope="module")
def engine() -> Iterator[AudioEngine]:
    engine = AudioEngine(LIMITS, helpers=1)
    yield engine
    engine.close()


class Canaries:
    """A file nobody should open, and a server (and receiver of datagrams) nobody should call."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "canary.wav"
        self.path.write_bytes(audio.wav(2.0))
        self.file = Noticing(self.path)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.datagrams.bind(self.server.getsockname())
        self.url = f"http://127.0.0.1:{self.server.getsockname()[1]}/canary.wav"
        self.server.setblocking(False)
        self.datagrams.setblocking(False)

    def heard(self) -> list[str]:
        asked = {"server": self.server.accept, "datagrams": lambda: self.datagrams.recv(1)}
        return ["file"] * self.file.was_opened + [name for name, ask in asked.items() if _answers(ask)]

    def close(self) -> None:
        for each in (self.file, self.server, self.datagrams):
            each.close()


def _answers(ask) -> bool:
    try:
        return ask() is not None
    except BlockingIOError:
        return False


@pytest.fixture
def canaries(tmp_path: Path) -> Iterator[Canaries]:
    canaries = Canaries(tmp_path)
    yield canaries
    canaries.close()


def normalise(engine: AudioEngine, folder: Path, data: bytes) -> AudioFacts:
    (folder / "call.mp3").write_bytes(data)
    return engine.normalise(folder / "call.mp3", folder / "normalised.wav", options=AudioOptions())


def test_the_canaries_sing(canaries):
    canaries.path.read_bytes()
    with socket.create_connection(canaries.server.getsockname()):
        canaries.datagrams.sendto(b"x", canaries.datagrams.getsockname())
        assert canaries.heard() == ["file", "server", "datagrams"]
    assert canaries.heard() == []


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_file_opens_nothing(name, engine, canaries, tmp_path):
    try:
        normalise(engine, tmp_path, hostile_files(canaries.path, canaries.url)[name])
    except AudioError as refusal:
        outcome = refusal.reason
    else:
        outcome = "taken"
    assert canaries.heard() == []
    assert (outcome == "taken") == (name in TAKEN), outcome


def test_no_damage_does_more_than_get_a_file_refused(engine, tmp_path):
    """Each is taken or refused, and the one helper lives through all of them."""
    normalise(engine, tmp_path, audio.wav(0.1))
    helpers, refused = helper_pids(), 0
    for _, data in damaged_files(DAMAGED):
        try:
            normalise(engine, tmp_path, data)
        except AudioError:
            refused += 1
    assert helper_pids() == helpers
    assert 0 < refused < DAMAGED


DRIVER = """
import sys
from pathlib import Path
from calls.audio.engine import AudioEngine
from calls.audio.errors import AudioError
from calls.audio.facts import AudioOptions
from tests.hostile.test_media import LIMITS
engine = AudioEngine(LIMITS, helpers=1)
for source in sorted(Path(sys.argv[1]).iterdir()):
    try:
        engine.normalise(source, source.with_suffix(".wav"), options=AudioOptions())
    except AudioError:
        pass
engine.close()
"""


@pytest.mark.needs_apt("strace")
def test_the_kernel_saw_the_helper_open_nothing_else(tmp_path):
    (folder := tmp_path / "calls").mkdir()
    files = hostile_files(tmp_path / "canary.wav", "http://127.0.0.1:9/canary.wav")
    for number, data in enumerate([audio.wav(0.1), *files.values()]):
        (folder / f"{number}.mp3").write_bytes(data)
    command = [*strace(tmp_path / "record"), sys.executable, "-c", DRIVER, str(folder)]
    subprocess.run(command, cwd=ROOT, check=True)
    opened, others = opened_by_helpers(tmp_path / "record", folder)
    assert others == []
    assert opened > 2, "the helper was not seen at work"

"""The helper has no secrets, may open nothing else, and dies alone: of its limits, or with its parent."""

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from calls.audio import process
from calls.audio.engine import AudioEngine
from calls.audio.errors import AudioError, HelperCrashed
from calls.audio.facts import AudioFacts, AudioLimits, AudioOptions
from calls.audio.process import HelperProcess
from tests.calls.audio.conftest import LIMITS
from tests.calls.audio.processes import cpu_seconds, gone, helper_pids, until
from tests.support import audio

Normalise = Callable[..., AudioFacts]
MakeEngine = Callable[..., AudioEngine]


@pytest.fixture
def helper(monkeypatch: pytest.MonkeyPatch) -> Iterator[HelperProcess]:
    monkeypatch.setenv("SECRET_KEY", "canary-secret")
    helper = HelperProcess(AudioLimits(**LIMITS))
    helper.wait_until_ready()
    yield helper
    helper.stop()


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """A recording that takes a helper many seconds."""
    path = tmp_path / "slow.wav"
    audio.slow_wav(path)
    return path


@pytest.fixture
def canary() -> Iterator[socket.socket]:
    """A server nobody should call."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        yield server


def proc(helper: HelperProcess, name: str) -> str:
    return Path(f"/proc/{helper.pid}/{name}").read_text()


# --- What it has ------------------------------------------------------------------------------------------
def test_its_environment_holds_no_secrets(helper: HelperProcess) -> None:
    names = {entry.split("=")[0] for entry in proc(helper, "environ").split("\0") if entry}
    assert names == {"OPENBLAS_NUM_THREADS"}


@pytest.mark.parametrize(
    ("limit", "value"),
    [
        ("Max address space", LIMITS["memory_bytes"]),
        ("Max core file size", 0),
        ("Max open files", 16),
        ("Max file size", 0xFFFFFFFF),
    ],
)
def test_it_cannot_raise_its_limits_again(helper: HelperProcess, limit: str, value: int) -> None:
    line = next(line for line in proc(helper, "limits").splitlines() if line.startswith(limit))
    assert line.removeprefix(limit).split()[:2] == [str(value), str(value)]


def test_it_can_gain_no_privileges(helper: HelperProcess) -> None:
    assert "NoNewPrivs:\t1" in proc(helper, "status")


def test_the_kernel_refuses_what_decoding_never_needs(helper: HelperProcess) -> None:
    assert "Seccomp:\t2" in proc(helper, "status")


@pytest.mark.slow  # it starts a process of its own
def test_behind_the_fence_there_is_no_connection_and_no_other_program() -> None:
    tried = """
import ctypes, json, os, socket, sys
sys.path.insert(0, sys.argv[1])
from helper import fence
fence.raise_fence(os.getppid(), 1 << 30)
pipe = os.pipe()
tries = {
    "socket": lambda: socket.socket(),
    "a pair of sockets": lambda: socket.socketpair(),
    "io_uring": lambda: ctypes.CDLL(None, use_errno=True).syscall(425, 1, None),
    "a program": lambda: os.execv("/bin/true", ["true"]),
    "a pipe, which is allowed": lambda: os.write(pipe[1], b"x"),
}
def said(attempt):
    try:
        return "refused" if attempt() == -1 else "done"
    except PermissionError:
        return "refused"
print(json.dumps({name: said(attempt) for name, attempt in tries.items()}))
"""
    command = [sys.executable, "-I", "-c", tried, str(Path(process.__file__).parent)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    answers = json.loads(ended.stdout)
    assert answers.pop("a pipe, which is allowed") == "done"
    assert set(answers.values()) == {"refused"}, answers


LOOKING = """
import os, sys
for name in ("mem", "environ"):
    try:
        os.close(os.open(f"/proc/{sys.argv[1]}/{name}", os.O_RDONLY))
        print("opened")
    except PermissionError:
        print("refused")
"""
LOOKED_AT = """
import json, os, subprocess, sys
sys.path.insert(0, sys.argv[1])
from calls.audio.facts import AudioLimits
from calls.audio.process import HelperProcess
def seen(pid):
    command = [sys.executable, "-I", "-c", sys.argv[3], str(pid)]
    return subprocess.run(command, capture_output=True, text=True).stdout.split()
before = seen(os.getpid())
helper = HelperProcess(AudioLimits(**json.loads(sys.argv[2])))
helper.wait_until_ready()
print(json.dumps([before, seen(os.getpid()), seen(helper.pid)]))
helper.stop()
"""


def as_anybody() -> None:
    """Nothing is hidden from root: from the next program on it is like others (PR_SET_SECUREBITS, NOROOT)."""
    ctypes.CDLL(None).prctl(28, 1, 0, 0, 0)


@pytest.mark.slow  # it starts processes of its own
def test_whoever_takes_it_over_can_look_into_no_process_of_ours() -> None:
    root = Path(__file__).resolve().parents[3]
    command = [sys.executable, "-c", LOOKED_AT, str(root), json.dumps(LIMITS), LOOKING]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, preexec_fn=as_anybody)
    assert not ended.stderr
    before, ours, helpers = json.loads(ended.stdout)
    assert before == ["opened"] * 2, "else there was nothing to hide"
    assert ours == helpers == ["refused"] * 2


def test_it_stands_in_a_directory_that_is_gone(helper: HelperProcess) -> None:
    assert os.readlink(f"/proc/{helper.pid}/cwd").endswith("(deleted)")


def test_it_holds_no_file_but_its_pipes_between_jobs(helper: HelperProcess) -> None:
    files = [os.readlink(entry) for entry in Path(f"/proc/{helper.pid}/fd").iterdir()]
    assert [file for file in files if not file.startswith("pipe:") and file != os.devnull] == []


# --- What it may not open ---------------------------------------------------------------------------------
def playlists(tmp_path: Path, port: int) -> dict[str, bytes]:
    (tmp_path / "canary.wav").write_bytes(audio.wav())
    url, path = f"http://127.0.0.1:{port}/canary.wav", str(tmp_path / "canary.wav")
    return {
        "hls": f"#EXTM3U\n#EXTINF:1,\n{url}\n#EXTINF:1,\n{path}\n#EXT-X-ENDLIST\n".encode(),
        "concat": f"ffconcat version 1.0\nfile '{path}'\nfile '{url}'\n".encode(),
        "sdp": f"v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio {port} RTP/AVP 0\r\n".encode(),
    }


@pytest.mark.parametrize("kind", ["hls", "concat", "sdp"])
@pytest.mark.parametrize(
    "prefix", [b"", b"ID3\x04\x00\x00\x00\x00\x00\x00"], ids=["bare", "behind an ID3 tag"]
)
def test_a_playlist_named_mp3_opens_nothing(
    kind: str, prefix: bytes, canary: socket.socket, tmp_path: Path, normalise: Normalise
) -> None:
    with pytest.raises(AudioError):
        normalise(prefix + playlists(tmp_path, canary.getsockname()[1])[kind])
    with pytest.raises(TimeoutError):
        canary.accept()


@pytest.mark.parametrize("demuxer", ["hls", "concat"])
def test_even_a_playlist_demuxer_could_open_nothing(
    demuxer: str, canary: socket.socket, tmp_path: Path, helper: HelperProcess
) -> None:
    source = tmp_path / "playlist"
    source.write_bytes(playlists(tmp_path, canary.getsockname()[1])[demuxer])
    job = {"source": str(source), "target": str(tmp_path / "out.wav"), "demuxer": demuxer, "label": "MP3"}
    answer = helper.ask({**job, "sample_rate": 8000, "cpu_seconds": 5, "max_audio_seconds": 60})
    assert "fault" in answer
    with pytest.raises(TimeoutError):
        canary.accept()


# --- How it ends ------------------------------------------------------------------------------------------
def test_a_file_that_takes_too_much_memory_ends_the_helper(
    make_engine: MakeEngine, normalise: Normalise
) -> None:
    with pytest.raises(HelperCrashed) as crash:
        normalise(audio.mp4_bomb(), by=make_engine(memory_bytes=400 * 1024**2))
    assert crash.value.reason == "decoding ran out of memory"


@pytest.mark.slow  # seconds of CPU
def test_a_file_that_takes_too_much_cpu_ends_the_helper(
    make_engine: MakeEngine, slow: Path, target: Path
) -> None:
    with pytest.raises(HelperCrashed) as crash:
        make_engine(cpu_seconds=1).normalise(slow, target, options=AudioOptions())
    assert crash.value.reason == "decoding took more than 1 s of CPU time"


@pytest.mark.slow  # seconds of CPU
def test_cpu_is_granted_per_job_and_not_for_the_helpers_life(
    make_engine: MakeEngine, normalise: Normalise
) -> None:
    engine, before, recording = make_engine(cpu_seconds=1), helper_pids(), audio.wav(60.0, 44100, 2)
    normalise(recording, by=engine)
    (helper,) = helper_pids() - before
    # Started with less than one second used, one grant would end it after two.
    while cpu_seconds(helper) < 2.2:
        normalise(recording, by=engine)
    assert helper in helper_pids()


def test_a_file_that_takes_too_long_ends_the_helper(
    make_engine: MakeEngine, slow: Path, target: Path
) -> None:
    engine, before = make_engine(wall_seconds=0.5), helper_pids()
    with pytest.raises(HelperCrashed) as crash:
        engine.normalise(slow, target, options=AudioOptions())
    assert crash.value.reason == "decoding took longer than 0.5 s"
    assert helper_pids() <= before
    assert not target.exists()


def test_a_helper_killed_over_a_file_is_told_and_replaced(
    make_engine: MakeEngine, slow: Path, target: Path, normalise: Normalise
) -> None:
    engine, before = make_engine(), helper_pids()
    threading.Thread(target=kill_new_helper, args=(before, target)).start()
    with pytest.raises(HelperCrashed) as crash:
        engine.normalise(slow, target, options=AudioOptions())
    assert crash.value.reason == "the audio helper was ended by SIGKILL"
    assert normalise(audio.wav(), by=engine).duration_seconds == 1.0


def kill_new_helper(before: set[int], target: Path) -> None:
    until(target.exists)
    for pid in helper_pids() - before:
        os.kill(pid, signal.SIGKILL)


PARENT = """
import os, signal, sys, threading, time
from pathlib import Path
from calls.audio.engine import AudioEngine
from calls.audio.facts import AudioLimits, AudioOptions
from tests.calls.audio.processes import helper_pids
source, target = map(Path, sys.argv[1:])
limits = AudioLimits(memory_bytes=1 << 30, cpu_seconds=60, wall_seconds=60, max_audio_seconds=43200)
job = {"options": AudioOptions()}
threading.Thread(target=AudioEngine(limits).normalise, args=(source, target), kwargs=job, daemon=True).start()
while not target.exists():
    time.sleep(0.01)
print(*helper_pids(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_it_dies_with_its_parent_in_the_middle_of_a_job(slow: Path, target: Path) -> None:
    root = Path(__file__).resolve().parents[3]
    parent = subprocess.run(
        [sys.executable, "-c", PARENT, str(slow), str(target)], capture_output=True, text=True, cwd=root
    )
    pids = [int(pid) for pid in parent.stdout.split()]
    assert len(pids) == 1
    assert until(lambda: gone(pids[0]), seconds=3)


def test_what_ffmpeg_says_about_a_file_goes_nowhere(
    normalise: Normalise, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(AudioError):
        normalise(audio.mp3(1.0)[:200] + bytes(range(256)) * 4000)
    assert capfd.readouterr() == ("", "")

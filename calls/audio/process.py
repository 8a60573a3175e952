"""One helper process, seen from the parent: started, asked, watched, ended."""

import ctypes
import json
import math
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from calls.audio.errors import HelperCrashed, HelperUnavailable
from calls.audio.facts import AudioLimits

# The helper is imported by itself, and then nothing of ours is on its path any more.
_PROGRAM = """
import sys
sys.path.insert(0, sys.argv.pop(1))
from helper.conversation import main
sys.path.pop(0)
main()
"""
_FOLDER = Path(__file__).resolve().parent
_PR_SET_DUMPABLE = 4
_START_SECONDS = 30
# 1000 stereo peaks in hex are some 4 KiB, and each silenced stretch takes some 20 bytes.
_MAX_ANSWER_BYTES = 1024 * 1024


class HelperProcess:
    """A running helper (the package `helper`). Not thread-safe: it belongs to whoever borrowed it.

    The kernel ends the helper when the *thread* that started it ends (PR_SET_PDEATHSIG, prctl(2)), so create
    it from a thread that lives as long as the helper should.
    """

    def __init__(self, limits: AudioLimits) -> None:
        self.jobs = 0
        self._limits = limits
        self._unread = b""
        _hide_ourselves()
        command = [sys.executable, "-I", "-c", _PROGRAM, str(_FOLDER)]
        command += [str(os.getpid()), str(limits.memory_bytes)]
        self._process = subprocess.Popen(  # noqa: S603 - our own program; nothing in the command is from outside
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # What FFmpeg says about a partner's file is neither ours to log nor may it fill a pipe.
            stderr=subprocess.DEVNULL,
            # No secrets. numpy's algebra, which is not used, would reserve memory per core.
            env={"OPENBLAS_NUM_THREADS": "1"},
            cwd="/",
            bufsize=0,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def wait_until_ready(self, seconds: float = _START_SECONDS) -> None:
        """Raise `HelperUnavailable` if the helper does not come up in time."""
        try:
            self._receive(min(seconds, _START_SECONDS))
        except HelperCrashed as crash:
            self.stop()
            raise HelperUnavailable(f"no audio helper could be started: {crash.reason}") from crash
        except BaseException:
            self.stop()
            raise

    def ask(self, job: Mapping[str, Any], seconds: float = math.inf) -> dict[str, Any]:
        """The helper's answer to one job, within `seconds` or the limit on wall time, whichever is less.

        Raises `HelperCrashed`; after any exception the helper is gone.
        """
        self.jobs += 1
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(job).encode() + b"\n")
            return self._receive(min(seconds, self._limits.wall_seconds))
        except BrokenPipeError as error:
            raise HelperCrashed(self._cause_of_death()) from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the helper now, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def _receive(self, seconds: float) -> dict[str, Any]:
        line = self._read_line(time.monotonic() + seconds, seconds)
        try:
            answer = json.loads(line)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            self.stop()
            raise HelperCrashed("the audio helper answered nonsense")
        if "crash" in answer:
            self.stop()
            raise HelperCrashed(_crash_in_words(str(answer["crash"])))
        return answer

    def _read_line(self, deadline: float, seconds: float) -> bytes:
        while b"\n" not in self._unread:
            if not self._readable(deadline):
                self.stop()
                raise HelperCrashed(f"decoding took longer than {seconds:.3g} s")
            self._read_some()
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def _readable(self, deadline: float) -> bool:
        assert self._process.stdout is not None
        poll = select.poll()
        poll.register(self._process.stdout, select.POLLIN)
        return bool(poll.poll(max(0.0, deadline - time.monotonic()) * 1000))

    def _read_some(self) -> None:
        assert self._process.stdout is not None
        data = os.read(self._process.stdout.fileno(), 8192)
        if not data:
            raise HelperCrashed(self._cause_of_death())
        self._unread += data
        if len(self._unread) > _MAX_ANSWER_BYTES:
            raise HelperCrashed("the audio helper answered nonsense")

    def _cause_of_death(self) -> str:
        # Whoever closes its end of the pipe without a word has died or is beyond use.
        try:
            code = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            code = 0
        self.stop()
        if code == -signal.SIGXCPU:
            return f"decoding took more than {self._limits.cpu_seconds} s of CPU time"
        return (
            f"the audio helper was ended by {signal.Signals(-code).name}"
            if code < 0
            else "the audio helper ended"
        )


def _hide_ourselves() -> None:
    """A helper that was taken over, being of our user, could read and write our memory (proc(5))."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _crash_in_words(name: str) -> str:
    if name == "MemoryError":
        return "decoding ran out of memory"
    return f"the audio helper failed with {name}"

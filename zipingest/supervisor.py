"""Runs a few programs as one: starts them, restarts what falls over, and ends them together."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Program:
    """What to run, in which folder (ours by default), and what it has in its environment besides ours."""

    name: str
    command: Sequence[str]
    folder: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


def die_with_parent(parent: int) -> None:
    """Called in a new child: the kernel kills it when process ``parent`` ends, however that ends (Linux)."""
    if sys.platform == "linux":
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it ended between our fork and the call above
            os._exit(1)


class _Child:
    """One program and its current process, in a session of its own so that no terminal signals it."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.process: subprocess.Popen[bytes] | None = None
        self.start_at = 0.0
        self.started_at = 0.0
        self.failures = 0

    def start(self) -> None:
        supervisor = os.getpid()
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603 - the caller's own programs, no shell
            self.program.command,
            cwd=self.program.folder,
            env={**os.environ, **self.program.environment},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=lambda: die_with_parent(supervisor),
        )

    def ended(self) -> int | None:
        """The exit code, once, of a process that has ended; what it left in its group is killed."""
        if self.process is None or (code := self.process.poll()) is None:
            return None
        self.kill()
        return code

    def terminate(self) -> None:
        if self.process is not None:
            self.process.terminate()

    def kill(self) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


class Supervisor:
    """Keeps ``programs`` running until SIGTERM, SIGHUP or Ctrl-C, and then ends them all.

    A program that ends unasked is started again after ``backoff`` seconds, doubled for each early death up
    to ``longest_backoff``. On the way out everybody gets SIGTERM and ``grace`` seconds; who is left after
    that, or at a second Ctrl-C, is killed. Times are in seconds; ``say`` takes one line at a time.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        *,
        say: Callable[[str], None],
        grace: float = 60.0,
        backoff: float = 1.0,
        longest_backoff: float = 30.0,
    ) -> None:
        self._children = [_Child(program) for program in programs]
        self._say = say
        self._grace = grace
        self._backoff = backoff
        self._longest_backoff = longest_backoff
        self._stopping = False
        self._hurry = False

    def run(self) -> int:
        """Blocks until told to stop. Returns 0 after an orderly stop, 1 where something had to be killed."""
        before = self._listen()
        try:
            while not self._stopping:
                self._start_due()
                self._note_deaths()
                time.sleep(0.1)
            return self._stop()
        finally:
            for child in self._children:
                child.kill()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _listen(self) -> dict[signal.Signals, "signal._HANDLER"]:
        heard = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # ignored means nohup: outlive the terminal
            heard.append(signal.SIGHUP)
        return {number: signal.signal(number, self._on_signal) for number in heard}

    def _on_signal(self, number: int, _frame: object) -> None:
        # Only Ctrl-C hurries: make passes on a SIGTERM that its children got from elsewhere already.
        self._hurry = self._hurry or (self._stopping and number == signal.SIGINT)
        self._stopping = True

    def _start_due(self) -> None:
        for child in self._children:
            if child.process is None and time.monotonic() >= child.start_at:
                child.start()
                self._say(f"{child.program.name}: started")

    def _note_deaths(self) -> None:
        for child in self._children:
            if (code := child.ended()) is not None:
                wait = self._wait_before_restart(child)
                self._say(
                    f"{child.program.name}: ended unasked ({_reason(code)}), starts again in {wait:g} s"
                )

    def _wait_before_restart(self, child: _Child) -> float:
        now = time.monotonic()
        child.failures = 0 if now - child.started_at > self._longest_backoff else child.failures
        wait = min(self._backoff * 2.0**child.failures, self._longest_backoff)
        child.failures += 1
        child.start_at = now + wait
        return wait

    def _stop(self) -> int:
        self._say(f"Stopping (up to {self._grace:g} s; Ctrl-C again kills at once)")
        for child in self._children:
            child.terminate()
        deadline = time.monotonic() + self._grace
        while (left := self._still_running()) and time.monotonic() < deadline and not self._hurry:
            time.sleep(0.05)
        for child in left:
            child.kill()
            self._say(f"{child.program.name}: killed")
        self._say("Stopped")
        return 1 if left else 0

    def _still_running(self) -> list[_Child]:
        for child in self._children:
            child.ended()
        return [child for child in self._children if child.process is not None]


def _reason(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"{signal.strsignal(-code)}, signal {-code}"

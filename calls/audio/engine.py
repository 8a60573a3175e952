"""The pool of helpers, and the verbs on it: normalise a recording, tell what one is by its beginning."""

import contextlib
import math
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from calls.audio import sniff, structure
from calls.audio.errors import AudioError, HelperCrashed, HelperUnavailable
from calls.audio.facts import AudioFacts, AudioLimits, AudioOptions, AudioProbe, Silencing
from calls.audio.process import HelperProcess
from calls.audio.sniff import Container

# What FFmpeg leaks over a job is small; over a fixed number of jobs it stays small.
JOBS_PER_HELPER = 200


class AudioEngine:
    """Thread-safe pool of at most `helpers` processes, started when first needed and kept between jobs.

    No lane (whose recordings they are) has all helpers at once, unless there is only one.
    """

    def __init__(self, limits: AudioLimits, helpers: int = 2) -> None:
        self._limits = limits
        self._helpers = helpers
        # By process: after a fork the parent's pipes are not ours to talk through, nor its locks to wait for.
        self._pools: dict[int, _Pool] = {}

    def normalise(
        self, source: Path, target: Path, *, options: AudioOptions, lane: str | None = None
    ) -> AudioFacts:
        """Decode `source` into `target`, a 16-bit PCM WAV, silenced and swapped as asked.

        Waits for a helper that `lane` may have (None: any). Raises `AudioError` (the file's fault, permanent;
        `NotAudio` where it is something else), `HelperCrashed` (the helper died over it), and where this
        machine is to blame `HelperUnavailable` or `OSError` (disk full, no such file). `target` is gone
        after any of them.
        """
        try:
            return self._normalise(source, target, options, lane)
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    def probe(self, beginning: Path, *, total_bytes: int | None, seconds: float = math.inf) -> AudioProbe:
        """What a recording of `total_bytes` (None: unknown) is, by its beginning; nothing is written.

        256 KiB suffice, a whole file is as good. Takes at most `seconds`, waiting for a free helper included;
        as that is short, a probe has no lane.
        Raises what `normalise` does, an `AudioError` only where the whole file would be refused too.
        """
        ends = time.monotonic() + seconds
        container = _identified(beginning)
        outline = structure.outline(beginning, container, total_bytes)
        if not outline.decodable:
            return AudioProbe(container=container)
        job = {**self._job(beginning, container), "operation": "probe", "total_bytes": outline.total_bytes}
        with self._borrow(None, ends) as helper:
            answer = helper.ask(job, seconds=_left(ends))
        return _probe_facts(container, answer)

    def close(self) -> None:
        """End the idle helpers; busy ones end with their job. A closed engine takes no more jobs."""
        self._pool.close()

    def _normalise(self, source: Path, target: Path, options: AudioOptions, lane: str | None) -> AudioFacts:
        container = _identified(source)
        structure.check(source, container)
        output = {
            "target": str(target.absolute()),
            "sample_rate": options.sample_rate,
            "swap_channels": options.swap_channels,
        }
        silencing = asdict(options.silencing or Silencing())
        with self._borrow(lane) as helper:
            answer = helper.ask({**self._job(source, container), **output, **silencing})
        return _facts(container, answer)

    def _job(self, source: Path, container: Container) -> dict[str, Any]:
        return {
            "source": str(source.absolute()),
            "demuxer": container.value,
            "label": container.label,
            "cpu_seconds": self._limits.cpu_seconds,
            "max_audio_seconds": self._limits.max_audio_seconds,
        }

    @property
    def _pool(self) -> "_Pool":
        pid = os.getpid()
        return self._pools.get(pid) or self._pools.setdefault(pid, _Pool(self._limits, self._helpers))

    @contextlib.contextmanager
    def _borrow(self, lane: str | None, ends: float = math.inf) -> Iterator[HelperProcess]:
        """A helper of our own, ready by `ends` (of `time.monotonic`) or `HelperUnavailable`."""
        with self._pool.slot(lane, ends) as pool:
            helper = pool.take(ends)
            try:
                yield helper
            finally:
                pool.give_back(helper)


@dataclass(frozen=True, eq=False, slots=True)
class _Waiter:
    lane: str | None


class _Pool:
    """The helpers of one process of ours."""

    def __init__(self, limits: AudioLimits, helpers: int) -> None:
        self._helpers = helpers
        # One helper is kept free of any single lane: who sends a short file waits for nobody's long ones.
        self._most_per_lane = max(helpers - 1, 1)
        self._changed = threading.Condition()
        self._waiting: list[_Waiter] = []
        self._running: Counter[str | None] = Counter()
        self._limits = limits
        self._closed = False
        self._idle: list[HelperProcess] = []
        # Helpers die with the thread that started them; the threads that borrow them come and go.
        self._starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="audio-helpers")

    @contextlib.contextmanager
    def slot(self, lane: str | None, ends: float) -> Iterator[Self]:
        self._enter(_Waiter(lane), ends)
        try:
            yield self
        finally:
            self._leave(lane)

    def _enter(self, waiter: _Waiter, ends: float) -> None:
        seconds = min(_left(ends), threading.TIMEOUT_MAX)
        with self._changed:
            self._waiting.append(waiter)
            try:
                if not self._changed.wait_for(lambda: self._next() is waiter, seconds):
                    raise HelperUnavailable("no audio helper was free in time")
                self._running[waiter.lane] += 1
            finally:
                # Who leaves the queue, served or not, may have stood before one who can be served now.
                self._waiting.remove(waiter)
                self._changed.notify_all()

    def _leave(self, lane: str | None) -> None:
        with self._changed:
            self._running -= Counter([lane])  # forgets lanes that have nothing running
            self._changed.notify_all()

    def _next(self) -> _Waiter | None:
        """Whose turn it is: of the lane with the fewest running, and there who came first."""
        if self._running.total() >= self._helpers:
            return None
        admitted = (waiter for waiter in self._waiting if self._has_room(waiter.lane))
        return min(admitted, key=lambda waiter: self._running[waiter.lane], default=None)

    def _has_room(self, lane: str | None) -> bool:
        return lane is None or self._running[lane] < self._most_per_lane

    def take(self, ends: float) -> HelperProcess:
        if self._closed:
            raise HelperUnavailable("the audio engine is closed")
        return self._take_idle() or self._start(ends)

    def _take_idle(self) -> HelperProcess | None:
        while self._idle:
            # Another thread may have taken the last one since.
            with contextlib.suppress(IndexError):
                helper = self._idle.pop()
                if helper.alive:
                    return helper
                helper.stop()
        return None

    def _start(self, ends: float) -> HelperProcess:
        try:
            helper = self._starter.submit(HelperProcess, self._limits).result()
        except OSError as error:
            # Or it would be taken for trouble with the files.
            raise HelperUnavailable(f"no audio helper could be started: {error.strerror}") from error
        helper.wait_until_ready(_left(ends))
        return helper

    def give_back(self, helper: HelperProcess) -> None:
        if helper.alive and helper.jobs < JOBS_PER_HELPER and not self._closed:
            self._idle.append(helper)
        else:
            helper.stop()

    def close(self) -> None:
        self._closed = True
        while self._idle:
            with contextlib.suppress(IndexError):
                self._idle.pop().stop()


def _left(ends: float) -> float:
    return max(ends - time.monotonic(), 0.0)


def _identified(source: Path) -> Container:
    with source.open("rb") as file:
        return sniff.identify(file.read(sniff.HEAD_BYTES))


def _facts(container: Container, answer: Mapping[str, Any]) -> AudioFacts:
    with _taken_seriously(answer):
        facts = dict(answer["facts"])
        peaks, silences = bytes.fromhex(facts.pop("peaks")), facts.pop("silences")
        spans = tuple((start, end) for start, end in silences)
        return AudioFacts(container=container, peaks=peaks, silences=spans, **facts)


def _probe_facts(container: Container, answer: Mapping[str, Any]) -> AudioProbe:
    with _taken_seriously(answer):
        return AudioProbe(container=container, **answer["facts"])


@contextlib.contextmanager
def _taken_seriously(answer: Mapping[str, Any]) -> Iterator[None]:
    """Raise what the answer tells of, or `HelperCrashed` where its facts are none."""
    if "fault" in answer:
        raise AudioError(str(answer["fault"]))
    if "os_error" in answer:
        raise OSError(*answer["os_error"])
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        raise HelperCrashed("the audio helper answered nonsense") from error

"""What a fetch of recordings would find, told by a look at the beginning of each; nothing is stored."""

import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile

from django.conf import settings

from calls.audio.engine import AudioEngine
from calls.audio.errors import AudioError, HelperCrashed, HelperUnavailable, NotAudio
from calls.audio.facts import AudioLimits, AudioProbe
from calls.audio.sniff import identify
from calls.presigned import expiry_of
from calls.services import verdicts
from partners import outbound
from partners.outbound import DeadlineExceeded, InvalidUrl, OutboundError, Peek, TooLarge

SECONDS = 10
"""What all the probes of one request take together at most."""

HEAD_BYTES = 256 * 1024
"""Enough for the index of an MP4 of an hour."""

_AT_ONCE = 10
# No host takes all the threads, nor is any asked for fifty files at once.
_AT_ONCE_PER_HOST = 5
_CPU_SECONDS = 5
# A helper given less would be ended over a file that is in order.
_LEAST_SECONDS = 0.25

# Each holds a thread of the web server for as long as the partners' servers like; the rest is for others.
_REQUESTS = threading.BoundedSemaphore(2)
_ENGINE_LOCK = threading.Lock()


class TooManyAtOnce(Exception):
    """This process is probing for other requests; there is room again after `SECONDS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What one URL would give. `problem` says in plain words why a fetch now would fail, or was not tried.

    `reachable`: the server answered with a body. `format` is told by its bytes (wav, mp3, aac, mp4); what the
    beginning does not tell is None.
    """

    reachable: bool = False
    format: str | None = None
    channels: int | None = None
    duration_seconds: float | None = None
    url_expires_at: datetime | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class _Deadline:
    seconds: float
    ends: float

    @property
    def left(self) -> float:
        return max(self.ends - time.monotonic(), 0.0)


def probe_recordings(urls: Sequence[str], *, seconds: float = SECONDS) -> list[Probe]:
    """A probe of each URL, in their order, after at most `seconds`; a URL given twice is asked once.

    Raises `TooManyAtOnce` where this process is at work for others already.
    """
    deadline = _Deadline(seconds, time.monotonic() + seconds)
    untried = Probe(problem=f"not tried: the other recordings took all of the {seconds:g} seconds")
    with _room():
        found = _probe_side_by_side(urls, deadline)
    return [found.get(url, untried) for url in urls]


@contextmanager
def _room() -> Iterator[None]:
    if not _REQUESTS.acquire(blocking=False):
        raise TooManyAtOnce
    try:
        yield
    finally:
        _REQUESTS.release()


def _probe_side_by_side(urls: Sequence[str], deadline: _Deadline) -> dict[str, Probe]:
    found: dict[str, Probe] = {}
    queues = _by_host(urls, found)
    threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="probe")
    try:
        lanes = [threads.submit(_work_off, queue, found, deadline) for queue in _lanes(queues)]
        finished, _ = wait(lanes, timeout=deadline.left)
    finally:
        # Whoever is still at it is at its own deadline too.
        threads.shutdown(wait=False, cancel_futures=True)
    for lane in finished:
        lane.result()
    return dict(found)


def _by_host(urls: Sequence[str], found: dict[str, Probe]) -> list[deque[str]]:
    """A queue for each host; URLs that will not be opened are ``found`` to be so at once."""
    queues: defaultdict[str, deque[str]] = defaultdict(deque)
    for url in dict.fromkeys(urls):
        try:
            target = outbound.check_url(url, schemes=outbound.RECORDING_SCHEMES)
        except InvalidUrl as error:
            found[url] = Probe(problem=error.reason)
        else:
            queues[target.server_name].append(url)
    return list(queues.values())


def _lanes(queues: list[deque[str]]) -> list[deque[str]]:
    """Each queue as often as it may be worked off side by side, the first lanes of all hosts first."""
    return [queue for lane in range(_AT_ONCE_PER_HOST) for queue in queues if lane < len(queue)]


def _work_off(queue: deque[str], found: dict[str, Probe], deadline: _Deadline) -> None:
    while queue and deadline.left:
        try:
            url = queue.popleft()
        except IndexError:
            return
        found[url] = _late(deadline)
        found[url] = _probe(url, deadline)


def _late(deadline: _Deadline) -> Probe:
    return Probe(problem=f"not answered within {deadline.seconds:g} seconds")


def _probe(url: str, deadline: _Deadline) -> Probe:
    expires_at = expiry_of(url)
    if expires_at is not None and expires_at <= datetime.now(UTC):
        problem = f"the URL is no longer valid since {expires_at:%Y-%m-%d %H:%M %Z}"
        return Probe(url_expires_at=expires_at, problem=problem)
    return replace(_look(url, deadline), url_expires_at=expires_at)


def _look(url: str, deadline: _Deadline) -> Probe:
    try:
        peek = outbound.peek(url, max_bytes=HEAD_BYTES, deadline_seconds=deadline.left)
    except DeadlineExceeded:
        return _late(deadline)
    except OutboundError as error:
        return Probe(problem=error.reason)
    return _examined(peek, deadline)


def _examined(peek: Peek, deadline: _Deadline) -> Probe:
    if (peek.total_bytes or 0) > settings.FETCH_MAX_BYTES:
        return Probe(reachable=True, problem=TooLarge(settings.FETCH_MAX_BYTES).reason)
    try:
        probe = Probe(reachable=True, format=identify(peek.head).label.lower())
    except NotAudio as error:
        return Probe(reachable=True, problem=verdicts.not_audio(peek.head, peek.content_type, error))
    try:
        facts = _facts(peek, deadline)
    except (AudioError, HelperCrashed, HelperUnavailable) as error:
        return replace(probe, problem=error.reason)
    seconds = None if facts.duration_seconds is None else round(facts.duration_seconds, 3)
    return replace(probe, channels=facts.channels, duration_seconds=seconds)


def _facts(peek: Peek, deadline: _Deadline) -> AudioProbe:
    if deadline.left < _LEAST_SECONDS:
        raise HelperUnavailable("answered too late to be looked at")
    with NamedTemporaryFile(prefix="probe-", buffering=0) as file:
        file.write(peek.head)
        beginning = Path(file.name)
        return _engine().probe(beginning, total_bytes=peek.total_bytes, seconds=deadline.left)


def _engine() -> AudioEngine:
    # The cache alone would let threads that come together make one each.
    with _ENGINE_LOCK:
        return _the_engine()


@cache
def _the_engine() -> AudioEngine:
    limits = AudioLimits(
        memory_bytes=settings.AUDIO_MEMORY_BYTES,
        cpu_seconds=_CPU_SECONDS,
        wall_seconds=SECONDS,
        max_audio_seconds=settings.AUDIO_MAX_SECONDS,
    )
    return AudioEngine(limits, helpers=settings.AUDIO_HELPERS)

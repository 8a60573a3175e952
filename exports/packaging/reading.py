"""Read objects ahead of the archive they go into: several at once, bounded, verified, and in order."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event
from typing import Generic, TypeVar

from exports.packaging.content import Content, EntryDamaged, EntryFailed, EntryMissing
from exports.packaging.verify import Wanted, verified
from zipingest.storage import Storage, StorageError

# Small objects go to a reader together, as many in a row as fit: to hand one over costs more than to read it.
BATCH_BYTES = 1024 * 1024
BATCH_OBJECTS = 64
# How often a wait looks up, so how soon a cancel is seen.
LOOK_UP_SECONDS = 0.25
# How long the end waits for the readers to put away what they hold.
STOP_SECONDS = 1.0
# The pauses before an object that could not be read is read again.
RETRY_SECONDS = (0.2, 1.0)

W = TypeVar("W", bound=Wanted)
Outcome = Content | EntryFailed


def read_ahead(
    wanted: Iterable[W],
    storage: Storage,
    *,
    at_once: int = 4,
    held_bytes: int = 256 * 1024 * 1024,
    folder: Path | None = None,
    check: Callable[[], object] | None = None,
) -> Generator[tuple[W, Outcome], None, None]:
    """Each of ``wanted`` in order, with its verified content or the reason why there is none.

    At most ``at_once`` objects are read at a time, and ``held_bytes`` are in hand (or one larger object
    alone), in memory or in ``folder`` as ``verified`` says. Use a content before you ask for the next.

    ``wanted`` is iterated and ``check`` is called in the caller's thread, ``check`` at least every megabyte
    and four times a second while waiting; what it raises ends the reading. Close the generator to end it
    early: within a second all is put away but what hangs in a request to the store.

    Raises StorageError where the store does not answer after three tries. An object that cannot be read from
    a store that still answers for it is an EntryDamaged.
    """
    ahead = _Ahead(wanted, _Reader(storage, folder), at_once=at_once, held_bytes=held_bytes)
    try:
        while ahead.fill():
            outcomes = _result(ahead.first, check)
            batch = ahead.take()
            try:
                yield from zip(batch, outcomes, strict=True)
            finally:
                _close(outcomes)
    finally:
        ahead.stop()


class _Ahead(Generic[W]):
    """The batches that are being read or wait for their turn, in order."""

    def __init__(self, wanted: Iterable[W], reader: "_Reader", *, at_once: int, held_bytes: int) -> None:
        self._pending: deque[tuple[list[W], Future[list[Outcome]]]] = deque()
        self._wanted = iter(wanted)
        self._next = next(self._wanted, None)
        self._reader = reader
        self._at_once = at_once
        self._held_bytes = held_bytes
        self._held = 0
        self._pool = ThreadPoolExecutor(max_workers=at_once, thread_name_prefix="export-reader")

    def fill(self) -> bool:
        """Begin all there is room for; whether anything is under way."""
        while self._next is not None and self._has_room(self._next):
            batch = self._batch()
            self._held += _size(batch)
            self._pending.append((batch, self._pool.submit(self._reader.outcomes, batch)))
        return bool(self._pending)

    @property
    def first(self) -> Future[list[Outcome]]:
        return self._pending[0][1]

    def take(self) -> list[W]:
        """The first batch, whose outcomes are the caller's to close before ``fill`` makes use of the room."""
        batch, _ = self._pending.popleft()
        self._held -= _size(batch)
        return batch

    def stop(self) -> None:
        self._reader.stopping.set()
        futures = [future for _, future in self._pending if not future.cancel()]
        for future in futures:
            future.add_done_callback(_close_result)
        wait(futures, STOP_SECONDS)
        self._pool.shutdown(wait=False)

    def _has_room(self, item: W) -> bool:
        if not self._pending:
            return True
        expected = max(item.size, BATCH_BYTES)
        return len(self._pending) < self._at_once and self._held + expected <= self._held_bytes

    def _batch(self) -> list[W]:
        batch: list[W] = []
        room = BATCH_BYTES
        while self._next is not None and len(batch) < BATCH_OBJECTS:
            room -= self._next.size
            if batch and room < 0:
                break
            batch.append(self._next)
            self._next = next(self._wanted, None)
        return batch


class _Stopped(Exception):
    """Nobody waits for the outcome any more."""


class _Reader:
    """Reads in the pool's threads until ``stopping`` is set."""

    def __init__(self, storage: Storage, folder: Path | None) -> None:
        self.stopping = Event()
        self._storage = storage
        self._folder = folder

    def outcomes(self, batch: Sequence[Wanted]) -> list[Outcome]:
        found: list[Outcome] = []
        try:
            for wanted in batch:
                found.append(self._outcome(wanted))
        except BaseException:
            _close(found)
            raise
        return found

    def _outcome(self, wanted: Wanted) -> Outcome:
        try:
            return self._content(wanted)
        except EntryFailed as failure:
            return failure

    def _content(self, wanted: Wanted) -> Content:
        for pause in RETRY_SECONDS:
            try:
                return self._verified(wanted)
            except StorageError:
                self.stopping.wait(pause)
        try:
            return self._verified(wanted)
        except StorageError as error:
            # Raises in its turn if it is not this object alone.
            if self._storage.stat(wanted.key) is None:
                raise EntryMissing(error.reason) from error
            raise EntryDamaged(f"it cannot be read: {error.reason}") from error

    def _verified(self, wanted: Wanted) -> Content:
        self._stop_if_asked()
        return verified(wanted, self._storage, folder=self._folder, on_block=self._stop_if_asked)

    def _stop_if_asked(self) -> None:
        if self.stopping.is_set():
            raise _Stopped


def _result(future: Future[list[Outcome]], check: Callable[[], object] | None) -> list[Outcome]:
    while True:
        if check is not None:
            check()
        if wait([future], LOOK_UP_SECONDS).done:
            return future.result()


def _size(batch: Iterable[Wanted]) -> int:
    return sum(wanted.size for wanted in batch)


def _close(outcomes: Iterable[Outcome]) -> None:
    for outcome in outcomes:
        if isinstance(outcome, Content):
            outcome.close()


def _close_result(future: Future[list[Outcome]]) -> None:
    if future.exception() is None:
        _close(future.result())

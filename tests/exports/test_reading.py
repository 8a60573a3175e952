"""Reading ahead: verified, in order, bounded, and over at once when nobody wants more."""

import gc
import io
import os
import socket
import threading
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from exports.packaging import Archive, Content, EntryDamaged, EntryFailed, EntryMissing, read_ahead, reading
from exports.packaging.verify import FILE_MEMORY_BYTES, MEMORY_BYTES
from tests.support.s3 import S3Server
from zipingest.storage import ByteStream, LocalStorage, S3Storage, Storage, StorageError

LARGE = MEMORY_BYTES + 5


@dataclass(frozen=True)
class Stored:
    key: str
    size: int
    crc32: int


def put(storage: Storage, key: str, data: bytes) -> Stored:
    storage.put(key, io.BytesIO(data), content_type="audio/wav")
    return Stored(key, len(data), zlib.crc32(data))


def outcomes(wanted: list[Stored], storage: Storage, **options: object) -> list[bytes | EntryFailed]:
    found: list[bytes | EntryFailed] = []
    for item, outcome in read_ahead(wanted, storage, **options):
        assert item is wanted[len(found)]
        found.append(b"".join(map(bytes, outcome.chunks)) if isinstance(outcome, Content) else outcome)
    return found


def soon(condition: Callable[[], object]) -> bool:
    """Whether it holds within two seconds."""
    deadline = time.monotonic() + 2
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    return bool(condition())


def open_descriptors() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "RETRY_SECONDS", (0.01, 0.01))


# --- What comes -------------------------------------------------------------------------------------------
def test_the_bytes_come_in_order_whatever_their_size(storage: Storage, tmp_path: Path) -> None:
    sizes = [LARGE, 0, 1, 300_000, 0, *[10] * 70, LARGE, 5]
    data = [os.urandom(size) for size in sizes]
    wanted = [put(storage, f"order/{number}.wav", each) for number, each in enumerate(data)]
    before = open_descriptors()
    assert outcomes(wanted, storage, folder=tmp_path) == data
    assert list(tmp_path.glob("tmp*")) == []
    assert open_descriptors() <= before + 8  # connections that the S3 client keeps


def test_nothing_wanted_is_nothing_read(local: LocalStorage) -> None:
    assert outcomes([], local) == []


@pytest.mark.parametrize("size", [1000, FILE_MEMORY_BYTES + 1, LARGE])
def test_damage_costs_its_own_entry_only(storage: Storage, size: int) -> None:
    sound = put(storage, "damage/sound", b"RIFF")
    data = os.urandom(size)
    spoilt = {
        "flipped": data[:500] + bytes([data[500] ^ 1]) + data[501:],
        "short": data[:-1],
        "long": data + b"!",
        "empty": b"",
    }
    wanted = [sound]
    for name, stored in spoilt.items():
        put(storage, f"damage/{name}", stored)
        wanted += [Stored(f"damage/{name}", size, zlib.crc32(data)), sound]
    wanted += [Stored("damage/never", size, 0), sound]
    found = outcomes(wanted, storage)
    assert found[::2] == [b"RIFF"] * 6
    assert [type(failure) for failure in found[1::2]] == [EntryDamaged] * 4 + [EntryMissing]
    flipped, short, *_ = found[1::2]
    assert "CRC-32" in flipped.reason
    assert short.reason == f"{size - 1} bytes are stored, {size} were"


def test_an_archive_goes_on_past_a_damaged_entry(local: LocalStorage) -> None:
    wanted = [put(local, "a", b"1"), put(local, "b", b"2"), put(local, "c", b"3")]
    local.local_path("b").write_bytes(b"!")
    target = io.BytesIO()
    with Archive(target) as archive:
        for item, outcome in read_ahead(wanted, local):
            if isinstance(outcome, Content):
                archive.add(item.key, outcome, modified=datetime.now(UTC))
    made = zipfile.ZipFile(target)
    assert (made.namelist(), made.testzip()) == (["a", "c"], None)


def test_a_file_deleted_while_it_waits_is_read_all_the_same(local: LocalStorage) -> None:
    data = os.urandom(2 * FILE_MEMORY_BYTES)
    wanted = [put(local, "a", data), put(local, "b", data)]
    found = []
    for _, outcome in read_ahead(wanted, local):
        local.delete("b")  # both are one batch, so verified
        found.append(b"".join(map(bytes, outcome.chunks)))
    assert found == [data, data]


# --- Bounds -----------------------------------------------------------------------------------------------
class Watched(LocalStorage):
    """Counts the objects that are open."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.opened: list[str] = []

    def open_range(self, key: str, start: int = 0, stop: int | None = None) -> ByteStream:
        if key not in self.opened:
            self.opened.append(key)
        return super().open_range(key, start, stop)


@pytest.mark.parametrize(
    ("at_once", "held_bytes", "expected"), [(3, 1000, 3), (8, 25, 2), (8, 5, 1), (1, 1000, 1)]
)
def test_only_so_many_objects_and_bytes_are_in_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int, held_bytes: int, expected: int
) -> None:
    monkeypatch.setattr(reading, "BATCH_BYTES", 10)
    storage = Watched(tmp_path / "blobs")
    wanted = [put(storage, f"{number}", bytes(10)) for number in range(9)]
    ahead = read_ahead(wanted, storage, at_once=at_once, held_bytes=held_bytes)
    for done, _ in enumerate(ahead):
        begun = min(9, done + expected)
        assert soon(lambda begun=begun: len(storage.opened) >= begun)
        time.sleep(0.01)  # for one too many to be begun
        assert sorted(storage.opened) == [f"{number}" for number in range(begun)]


def test_rows_are_taken_one_by_one_in_the_callers_thread(local: LocalStorage) -> None:
    stored = put(local, "a", b"1")
    taken = []

    def rows() -> Iterator[Stored]:
        while True:
            taken.append(threading.current_thread())
            yield stored

    with closing(read_ahead(rows(), local, at_once=2)) as ahead:
        next(ahead)
        assert len(taken) <= 2 * reading.BATCH_OBJECTS + 1
    assert set(taken) == {threading.current_thread()}


# --- The store does not answer ----------------------------------------------------------------------------
def test_a_store_that_is_away_ends_the_reading(s3: S3Server, s3_storage: S3Storage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        endpoint = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    away = s3.storage("exports", endpoint_url=endpoint)
    with pytest.raises(StorageError, match="cannot be reached"):
        outcomes([Stored("a", 1, 0)], away)


class Unsteady(LocalStorage):
    """Fails for a key as often as it is told to."""

    def __init__(self, root: Path, failures: int) -> None:
        super().__init__(root)
        self.failures = failures

    def open_range(self, key: str, start: int = 0, stop: int | None = None) -> ByteStream:
        if key == "unsteady" and self.failures:
            self.failures -= 1
            raise StorageError("the object store answered 500 InternalError")
        return super().open_range(key, start, stop)


def test_a_passing_failure_is_tried_again(tmp_path: Path) -> None:
    storage = Unsteady(tmp_path / "blobs", failures=2)
    assert outcomes([put(storage, "unsteady", b"1")], storage) == [b"1"]


def test_an_object_that_alone_cannot_be_read_costs_its_own_entry(tmp_path: Path) -> None:
    storage = Unsteady(tmp_path / "blobs", failures=99)
    failure, sound = outcomes([put(storage, "unsteady", b"1"), put(storage, "sound", b"2")], storage)
    assert isinstance(failure, EntryDamaged)
    assert failure.reason == "it cannot be read: the object store answered 500 InternalError"
    assert sound == b"2"


# --- The end ----------------------------------------------------------------------------------------------
class Cancelled(Exception):
    pass


def test_a_cancel_is_seen_while_the_store_hangs(s3: S3Server) -> None:
    started = time.monotonic()

    def check() -> None:
        if time.monotonic() > started + 0.2:
            raise Cancelled

    with socket.create_server(("127.0.0.1", 0)) as hanging:  # takes connections, answers nothing
        endpoint = f"http://127.0.0.1:{hanging.getsockname()[1]}"
        storage = s3.storage("exports", endpoint_url=endpoint)
        with pytest.raises(Cancelled):
            list(read_ahead([Stored("a", 1, 0)], storage, check=check))
        assert time.monotonic() - started < 2


def test_a_cancel_leaves_nothing_open(local: LocalStorage) -> None:
    wanted = [put(local, f"{number}", os.urandom(LARGE)) for number in range(3)]
    before = open_descriptors()

    def check() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        list(read_ahead(wanted, local, check=check))
    assert soon(lambda: len(os.listdir("/proc/self/fd")) <= before)


def test_a_consumer_that_stops_leaves_nothing_open(storage: Storage, tmp_path: Path) -> None:
    wanted = [put(storage, f"stop/{number}", os.urandom(LARGE)) for number in range(3)]
    (tmp_path / "spool").mkdir()
    for outcome in read_ahead(wanted[:1], storage):
        assert outcome  # the client's own connections are made
    before = open_descriptors()
    with closing(read_ahead(wanted, storage, at_once=3, folder=tmp_path / "spool")) as ahead:
        next(ahead)
        started = time.monotonic()
    assert time.monotonic() - started < 2
    assert open_descriptors() <= before + 3  # connections that the S3 client keeps
    assert soon(lambda: not any(thread.name.startswith("export-reader") for thread in threading.enumerate()))

"""What is written is whole, current at once or not at all, and leaves nothing behind."""

import io
import shutil
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from tests.support.s3 import s3_server
from tests.zipingest.storage_tools import (
    KEY,
    MIB,
    WAV,
    in_threads,
    keys,
    pattern,
    put,
    read,
)
from zipingest.storage import (
    LocalStorage,
    Storage,
    StorageError,
)
from zipingest.storage.s3 import PART_BYTES


class Failing(io.BytesIO):
    """A source that breaks off after its bytes."""

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        if not data:
            raise ConnectionResetError
        return data


# --- Writers ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("size", [10, PART_BYTES + 10])
def test_nothing_is_visible_before_close(storage: Storage, size: int) -> None:
    with storage.open_writer(KEY, content_type=WAV) as writer:
        writer.write(pattern(size))
        assert storage.stat(KEY) is None
        assert keys(storage) == []
    assert keys(storage) == [KEY]


@pytest.mark.parametrize("size", [0, 10, PART_BYTES + 10])
def test_abort_leaves_nothing(storage: Storage, size: int) -> None:
    writer = storage.open_writer(KEY, content_type=WAV)
    writer.write(pattern(size))
    writer.abort()
    assert storage.stat(KEY) is None
    assert storage.sweep_partial(-60) == 0


@pytest.mark.parametrize("size", [10, PART_BYTES + 10])
def test_an_exception_aborts_and_keeps_the_former_object(storage: Storage, size: int) -> None:
    put(storage, KEY, b"former")
    with pytest.raises(ConnectionResetError), storage.open_writer(KEY, content_type=WAV) as writer:
        shutil.copyfileobj(Failing(pattern(size)), writer)
    assert read(storage, KEY) == b"former"
    assert storage.sweep_partial(-60) == 0


def test_close_answers_the_same_again(storage: Storage) -> None:
    with storage.open_writer(KEY, content_type=WAV) as writer:
        writer.write(b"0123")
        stored = writer.close()
    assert writer.close() == stored
    assert (stored.key, stored.bytes) == (KEY, 4)


def test_abort_after_close_keeps_the_object(storage: Storage) -> None:
    writer = storage.open_writer(KEY, content_type=WAV)
    writer.close()
    writer.abort()
    assert read(storage, KEY) == b""


def test_a_finished_writer_takes_no_more(storage: Storage) -> None:
    writer = storage.open_writer(KEY, content_type=WAV)
    writer.abort()
    with pytest.raises(ValueError, match="finished"):
        writer.write(b"late")
    with pytest.raises(ValueError, match="aborted"):
        writer.close()


def test_a_block_may_abort_without_an_exception(storage: Storage) -> None:
    with storage.open_writer(KEY, content_type=WAV) as writer:
        writer.write(b"0123")
        writer.abort()
    assert storage.stat(KEY) is None


@pytest.mark.parametrize("size", [10, PART_BYTES + 10])
def test_the_last_of_two_writers_to_close_wins_whole(storage: Storage, size: int) -> None:
    first, second = (storage.open_writer(KEY, content_type=WAV) for _ in range(2))
    second.write(pattern(size, seed=2))
    first.write(pattern(size, seed=1))
    second.close()
    first.close()
    assert read(storage, KEY) == pattern(size, seed=1)


def test_parallel_writers_of_one_key_leave_one_whole_object(storage: Storage) -> None:
    versions = [pattern(100_000 + seed, seed) for seed in range(6)]
    in_threads(*(lambda data=data: put(storage, KEY, data) for data in versions))
    assert read(storage, KEY) in versions


def test_writing_in_pieces_of_any_size_keeps_memory_flat(storage: Storage) -> None:
    piece = pattern(MIB + 17)
    put(storage, "warm-up", b"the client's own memory does not count")
    tracemalloc.start()
    try:
        with storage.open_writer(KEY, content_type=WAV) as writer:
            for _ in range(40):
                writer.write(piece)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert read(storage, KEY, 39 * len(piece)) == piece
    assert peak < 3 * PART_BYTES


def test_one_write_larger_than_a_part_is_whole(storage: Storage) -> None:
    data = pattern(2 * PART_BYTES + 3)
    with storage.open_writer(KEY, content_type=WAV) as writer:
        writer.write(b"-")
        writer.write(data)
    assert read(storage, KEY) == b"-" + data


def test_writers_and_deletions_do_not_disturb_each_other(local: LocalStorage) -> None:
    """A deletion prunes the folders it empties, which another writer may be about to use."""

    def put_and_delete(name: str) -> None:
        for _ in range(40):
            put(local, f"a/b/{name}", b"data")
            assert read(local, f"a/b/{name}") == b"data"
            local.delete(f"a/b/{name}")

    in_threads(*(lambda name=name: put_and_delete(name) for name in "xyz"))
    assert [path.name for path in local.root.iterdir()] == [".partial"]


# --- What killed writers leave ----------------------------------------------------------------------------
KILLED_WRITER = """
import sys
import time
from django.conf import settings
settings.configure()
from zipingest.storage import storage_from_url
writer = storage_from_url(sys.argv[1]).open_writer("recordings/killed.wav", content_type="audio/wav")
writer.write(bytes(9 * 1024 * 1024))
print("written", flush=True)
time.sleep(60)
"""


def test_what_a_killed_writer_leaves_is_hidden_and_swept(storage: Storage, storage_url: str) -> None:
    command = [sys.executable, "-c", KILLED_WRITER, storage_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        process.kill()
    assert keys(storage) == []
    assert storage.sweep_partial(3600) == 0
    assert storage.sweep_partial(-60) == 1
    assert storage.sweep_partial(-60) == 0


def test_a_sweep_leaves_the_young_alone(storage: Storage) -> None:
    with storage.open_writer(KEY, content_type=WAV) as writer:
        writer.write(pattern(PART_BYTES + 10))
        assert storage.sweep_partial(3600) == 0
    assert read(storage, KEY) == pattern(PART_BYTES + 10)


def test_a_swept_writer_fails_and_makes_nothing_current(storage: Storage) -> None:
    writer = storage.open_writer(KEY, content_type=WAV)
    writer.write(pattern(PART_BYTES + 10))
    storage.sweep_partial(-60)
    with pytest.raises(StorageError):
        writer.close()
    assert storage.stat(KEY) is None


def test_an_unused_folder_has_nothing_to_sweep(local: LocalStorage) -> None:
    assert local.sweep_partial(0) == 0


def test_a_bucket_that_never_had_an_upload_has_nothing_to_sweep(tmp_path: Path) -> None:
    with s3_server(tmp_path) as fresh:
        assert fresh.storage("any").sweep_partial(0) == 0

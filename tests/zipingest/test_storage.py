"""One promise, two stores: tests of ``storage`` run on the file system and on a real S3 server."""

import io
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from tests.support.partner_server import PartnerServer
from tests.support.s3 import S3Server
from tests.zipingest.storage_tools import (
    KEY,
    MIB,
    WAV,
    answering,
    file_position,
    keys,
    pattern,
    put,
    read,
    relay,
)
from zipingest.storage import (
    LocalStorage,
    ObjectMissing,
    S3Storage,
    Storage,
    StorageError,
)
from zipingest.storage.s3 import PART_BYTES

BAD_KEYS = [
    "",
    "/",
    "/etc/passwd",
    "..",
    "../outside.wav",
    "a/../../b",
    "a/..",
    "./a",
    "a/./b",
    "a//b",
    "a/",
    "a\0b",
    "a\nb",
    "a\\b",
    "a\ud800b",
    ".partial/a",
    "é" * 513,
]


# --- Round trips ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("size", [0, 1, 1000, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 12 * MIB])
def test_what_is_put_comes_back(storage: Storage, size: int) -> None:
    data = pattern(size)
    stored = storage.put(KEY, io.BytesIO(data), content_type=WAV)
    assert (stored.key, stored.bytes) == (KEY, size)
    assert read(storage, KEY) == data


def test_it_puts_a_file_by_its_path(storage: Storage, tmp_path: Path) -> None:
    source = tmp_path / "source.wav"
    source.write_bytes(b"from a file")
    storage.put(KEY, source, content_type=WAV)
    assert read(storage, KEY) == b"from a file"


def test_it_puts_a_source_that_cannot_seek(storage: Storage) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"from a pipe")
    os.close(writer)
    with open(reader, "rb") as pipe:
        storage.put(KEY, pipe, content_type=WAV)
    assert read(storage, KEY) == b"from a pipe"


def test_a_put_leaves_the_source_open(storage: Storage) -> None:
    source = io.BytesIO(b"mine")
    storage.put(KEY, source, content_type=WAV)
    assert not source.closed


def test_overwriting_replaces_the_whole_object(storage: Storage) -> None:
    put(storage, KEY, b"a long first version")
    put(storage, KEY, b"short")
    assert read(storage, KEY) == b"short"


def test_stat_tells_size_etag_and_time(storage: Storage) -> None:
    put(storage, KEY, b"0123456789")
    found = storage.stat(KEY)
    assert found is not None
    assert (found.key, found.bytes) == (KEY, 10)
    assert found.etag
    assert '"' not in found.etag
    assert abs(datetime.now(UTC) - found.modified) < timedelta(minutes=1)


def test_the_etag_of_another_version_is_another(storage: Storage) -> None:
    put(storage, KEY, b"aaaa")
    first = storage.stat(KEY)
    put(storage, KEY, b"bbbb")
    second = storage.stat(KEY)
    assert first is not None
    assert second is not None
    assert first.etag != second.etag


@pytest.mark.parametrize("size", [10, PART_BYTES + 10])
def test_s3_keeps_the_content_type(s3_storage: S3Storage, size: int) -> None:
    # One that neither side could guess from the key.
    s3_storage.put(KEY, io.BytesIO(pattern(size)), content_type="audio/x-proof")
    head = s3_storage._client.head_object(Bucket=s3_storage.bucket, Key=s3_storage._name(KEY))
    assert head["ContentType"] == "audio/x-proof"
    s3_storage.delete(KEY)


# --- Ranges -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("start", "stop", "expected"),
    [
        (0, None, b"0123456789"),
        (0, 1, b"0"),
        (3, 7, b"3456"),
        (9, 10, b"9"),
        (7, None, b"789"),
        (0, 10, b"0123456789"),
        (5, 5000, b"56789"),
        (0, 0, b""),
        (4, 4, b""),
        (10, None, b""),
        (10, 20, b""),
        (5000, 6000, b""),
    ],
)
def test_it_reads_a_range(storage: Storage, start: int, stop: int | None, expected: bytes) -> None:
    put(storage, KEY, b"0123456789")
    assert read(storage, KEY, start, stop) == expected


@pytest.mark.parametrize(("start", "stop"), [(0, None), (0, 1), (0, 0), (1, None)])
def test_any_range_of_an_empty_object_is_empty(storage: Storage, start: int, stop: int | None) -> None:
    put(storage, KEY, b"")
    assert read(storage, KEY, start, stop) == b""


@pytest.mark.parametrize(("start", "stop"), [(-1, None), (0, -1), (5, 4)])
def test_it_refuses_what_is_not_a_range(storage: Storage, start: int, stop: int) -> None:
    with pytest.raises(ValueError, match="range"):
        storage.open_range(KEY, start, stop)


def test_a_range_over_the_seam_of_two_parts_is_whole(storage: Storage) -> None:
    data = pattern(12 * MIB)
    put(storage, KEY, data)
    assert read(storage, KEY, PART_BYTES - 7, PART_BYTES + 5) == data[PART_BYTES - 7 : PART_BYTES + 5]


def test_a_stream_gives_what_is_asked_for_then_the_rest_in_chunks(storage: Storage) -> None:
    data = pattern(300_000)
    put(storage, KEY, data)
    with storage.open_range(KEY, 1) as stream:
        assert stream.read(5) == data[1:6]
        chunks = list(stream)
    assert b"".join(chunks) == data[6:]
    assert max(map(len, chunks)) <= 64 * 1024


def test_a_range_of_a_big_local_file_reads_no_further(local: LocalStorage) -> None:
    put(local, KEY, pattern(12 * MIB))
    with local.open_range(KEY, 5 * MIB, 5 * MIB + 10) as stream:
        stream.read()
        assert file_position(local.local_path(KEY)) == 5 * MIB + 10


def test_a_range_of_a_big_s3_object_moves_little(s3: S3Server) -> None:
    prefix = uuid4().hex
    put(s3.storage(prefix), KEY, pattern(12 * MIB))
    with relay(s3.endpoint_url) as (endpoint_url, moved):
        assert len(read(s3.storage(prefix, endpoint_url=endpoint_url), KEY, 5 * MIB, 5 * MIB + 10)) == 10
    assert 10 < moved() < 4096


def test_a_stream_that_ends_early_is_an_error(local: LocalStorage) -> None:
    put(local, KEY, b"0123456789")
    with local.open_range(KEY) as stream:
        os.truncate(local.local_path(KEY), 4)
        with pytest.raises(StorageError, match="ended 6 bytes early"):
            stream.read()


def test_a_connection_that_breaks_off_is_an_error(s3: S3Server) -> None:
    prefix = uuid4().hex
    put(s3.storage(prefix), KEY, pattern(4 * MIB))
    with (
        relay(s3.endpoint_url, at_most=MIB) as (endpoint_url, _),
        s3.storage(prefix, endpoint_url=endpoint_url).open_range(KEY) as stream,
        pytest.raises(StorageError, match="broke off"),
    ):
        stream.read()


def test_an_object_store_that_ignores_ranges_is_an_error(s3: S3Server) -> None:
    with (
        answering(b"0123456789") as endpoint_url,
        pytest.raises(StorageError, match="does not answer ranges"),
    ):
        s3.storage("any", endpoint_url=endpoint_url).open_range(KEY, 2, 5)


def test_an_answer_that_ends_within_its_headers_is_an_error(s3: S3Server) -> None:
    with PartnerServer() as server:
        server.script(f"/{s3.bucket}/any/{KEY}", lambda: [b"HTTP/1.1 200 OK\r\nConten"])
        with pytest.raises(StorageError, match="incomplete"):
            s3.storage("any", endpoint_url=server.url("")).open_range(KEY)


def test_a_body_is_sent_without_being_asked_for(s3: S3Server) -> None:
    """Where a connection ends within the answer that asks for it (100 Continue), botocore reads for ever."""
    with PartnerServer() as server:
        server.serve(f"/{s3.bucket}/any/{KEY}")
        put(s3.storage("any", endpoint_url=server.url("")), KEY, b"0123456789")
        assert [request.headers["Expect"] for request in server.requests] == [None]


# --- Listing, missing, deleting ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("", ["a/1.wav", "a/10.wav", "a/2/x.wav", "ab/1.wav", "b.wav"]),
        ("a", ["a/1.wav", "a/10.wav", "a/2/x.wav", "ab/1.wav"]),
        ("a/", ["a/1.wav", "a/10.wav", "a/2/x.wav"]),
        ("a/1", ["a/1.wav", "a/10.wav"]),
        ("a/1.wav", ["a/1.wav"]),
        ("a/2/", ["a/2/x.wav"]),
        ("b.wav/", []),
        ("c/d", []),
    ],
)
def test_it_lists_by_prefix(storage: Storage, prefix: str, expected: list[str]) -> None:
    for key in ("a/1.wav", "a/10.wav", "a/2/x.wav", "ab/1.wav", "b.wav"):
        put(storage, key, b"data")
    assert keys(storage, prefix) == expected


def test_a_list_tells_what_stat_tells(storage: Storage) -> None:
    put(storage, KEY, b"0123456789")
    [found] = storage.list("recordings/")
    stat = storage.stat(KEY)
    assert stat is not None
    assert (found.key, found.bytes, found.etag) == (stat.key, stat.bytes, stat.etag)
    assert abs(found.modified - stat.modified) < timedelta(seconds=1)


LISTING = b"""<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated>
<Contents><Key>any/a/</Key><LastModified>2026-01-02T03:04:05Z</LastModified><ETag>"e"</ETag><Size>0</Size></Contents>
<Contents><Key>any/a/1</Key><LastModified>2026-01-02T03:04:05Z</LastModified><ETag>"e"</ETag><Size>4</Size></Contents>
</ListBucketResult>"""


def test_the_folder_markers_of_s3_consoles_are_no_objects(s3: S3Server) -> None:
    with answering(LISTING) as endpoint_url:
        assert keys(s3.storage("any", endpoint_url=endpoint_url)) == ["a/1"]


def test_an_unused_store_lists_nothing(storage: Storage) -> None:
    assert keys(storage) == []


def test_a_missing_object_has_no_stat(storage: Storage) -> None:
    assert storage.stat(KEY) is None


@pytest.mark.parametrize(("start", "stop"), [(0, None), (3, 5), (3, 3)])
def test_opening_a_missing_object_says_so_at_once(storage: Storage, start: int, stop: int | None) -> None:
    with pytest.raises(ObjectMissing, match="there is no object recordings/"):
        storage.open_range(KEY, start, stop)


def test_the_folder_of_an_object_is_no_object(storage: Storage) -> None:
    put(storage, KEY, b"data")
    assert storage.stat("recordings") is None
    with pytest.raises(ObjectMissing):
        storage.open_range("recordings")


def test_deleting_a_folder_deletes_nothing(local: LocalStorage) -> None:
    put(local, KEY, b"data")
    local.delete("recordings")
    assert read(local, KEY) == b"data"


def test_deleting_twice_is_deleting_once(storage: Storage) -> None:
    put(storage, KEY, b"data")
    storage.delete(KEY)
    storage.delete(KEY)
    assert storage.stat(KEY) is None


def test_deleting_one_leaves_its_neighbours(storage: Storage) -> None:
    put(storage, "a/1", b"one")
    put(storage, "a/2", b"two")
    storage.delete("a/1")
    assert keys(storage) == ["a/2"]


# --- Keys and paths ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("key", BAD_KEYS)
def test_it_refuses_a_key_that_is_no_plain_path(storage: Storage, key: str) -> None:
    with pytest.raises(ValueError, match="storage key"):
        put(storage, key, b"x")


@pytest.mark.parametrize(
    "use",
    [
        lambda storage, key: storage.open_writer(key, content_type=WAV),
        lambda storage, key: storage.open_range(key),
        lambda storage, key: storage.open_range(key, 3, 3),
        lambda storage, key: storage.stat(key),
        lambda storage, key: storage.delete(key),
        lambda storage, key: storage.local_path(key),
    ],
    ids=["open_writer", "open_range", "empty_range", "stat", "delete", "local_path"],
)
def test_every_verb_refuses_a_key_that_leaves_the_store(
    storage: Storage, use: Callable[[Storage, str], object]
) -> None:
    with pytest.raises(ValueError, match="storage key"):
        use(storage, "a/../../outside.wav")


@pytest.mark.parametrize("prefix", ["/", "../", "a//", ".partial/", "a\0"])
def test_it_refuses_a_prefix_no_key_can_have(storage: Storage, prefix: str) -> None:
    with pytest.raises(ValueError, match="storage key"):
        storage.list(prefix)


@pytest.mark.parametrize("key", ["a b/c+d&e=f%2F?#.wav", "ünï/コール.wav", "..a/b..", ".hidden", "a" * 200])
def test_unusual_keys_work(storage: Storage, key: str) -> None:
    put(storage, key, b"data")
    assert read(storage, key) == b"data"
    assert keys(storage) == [key]


def test_a_local_path_is_the_file_itself(local: LocalStorage) -> None:
    put(local, KEY, b"data")
    assert local.local_path(KEY).read_bytes() == b"data"


def test_s3_has_no_local_path(s3: S3Server) -> None:
    assert s3.storage("any").local_path(KEY) is None

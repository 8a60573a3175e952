"""Which store STORAGE_URL names, and how a store says what is wrong."""

import os
import socket
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.exceptions import ImproperlyConfigured

from tests.support.s3 import S3Server
from tests.zipingest.storage_tools import KEY, WAV, keys, put, read
from zipingest.storage import (
    LocalStorage,
    S3Storage,
    Storage,
    StorageError,
    default_storage,
    storage_from_url,
)
from zipingest.storage.s3 import PART_BYTES


# --- Errors in plain words --------------------------------------------------------------------------------
def test_a_folder_that_cannot_be_used_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StorageError, match="the storage folder cannot be used: "):
        LocalStorage(tmp_path / "file").open_writer(KEY, content_type=WAV)


def test_a_name_the_file_system_refuses_is_a_storage_error(local: LocalStorage) -> None:
    with pytest.raises(StorageError, match="File name too long"):
        put(local, "a" * 300, b"data")
    assert local.sweep_partial(-60) == 0


def s3_with(server: S3Server, **options: str) -> S3Storage:
    defaults = {
        "bucket": server.bucket,
        "endpoint_url": server.endpoint_url,
        "access_key": server.access_key,
        "secret_key": server.secret_key,
    }
    return S3Storage(**{**defaults, **options})


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"secret_key": "hush-hush"}, "the object store refuses our credentials (SignatureDoesNotMatch)"),
        ({"access_key": "somebody-else"}, "the object store refuses our credentials (InvalidAccessKeyId)"),
        ({"bucket": "nowhere"}, "the bucket does not exist"),
    ],
)
def test_s3_refusals_are_plain_words_without_secrets(
    s3: S3Server, options: dict[str, str], reason: str
) -> None:
    with pytest.raises(StorageError) as caught:
        put(s3_with(s3, **options), KEY, b"data")
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    "use",
    [
        lambda storage: put(storage, KEY, b"data"),
        lambda storage: put(storage, KEY, bytes(PART_BYTES)),
        lambda storage: storage.open_range(KEY),
        lambda storage: storage.stat(KEY),
        lambda storage: storage.delete(KEY),
        lambda storage: list(storage.list()),
        lambda storage: storage.sweep_partial(0),
    ],
    ids=["small", "multipart", "open_range", "stat", "delete", "list", "sweep"],
)
def test_wrong_credentials_are_a_storage_error_everywhere(
    s3: S3Server, use: Callable[[Storage], object]
) -> None:
    with pytest.raises(StorageError, match="refuses our credentials"):
        use(s3_with(s3, secret_key="hush-hush"))


def test_an_unreachable_object_store_is_a_storage_error(s3: S3Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(StorageError, match="the object store cannot be reached"):
        s3_with(s3, endpoint_url=f"http://127.0.0.1:{port}").stat(KEY)


def test_missing_credentials_are_a_storage_error(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    storage = S3Storage(s3.bucket, endpoint_url=s3.endpoint_url)
    with pytest.raises(StorageError, match="no complete credentials"):
        storage.stat(KEY)


def test_a_failed_close_leaves_nothing(local: LocalStorage) -> None:
    put(local, "a", b"an object where the other needs a folder")
    writer = local.open_writer("a/b", content_type=WAV)
    with pytest.raises(StorageError):
        writer.close()
    assert local.sweep_partial(-60) == 0


# --- The URL of a store -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("url", "root"),
    [
        ("file:///var/blobs", "/var/blobs"),
        ("file://localhost/var/blobs", "/var/blobs"),
        ("file:///var/call%20blobs%3F", "/var/call blobs?"),
    ],
)
def test_a_file_url_names_a_folder(url: str, root: str) -> None:
    storage = storage_from_url(url)
    assert isinstance(storage, LocalStorage)
    assert storage.root == Path(root)


def test_an_s3_url_names_bucket_prefix_and_endpoint(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text(f"{s3.secret_key}\n")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY_FILE", str(tmp_path / "secret"))
    prefix = uuid4().hex
    storage = storage_from_url(s3.url(prefix))
    put(storage, KEY, b"data")
    assert (storage.bucket, storage.prefix) == (s3.bucket, f"{prefix}/")
    assert (storage.endpoint_url, storage.region) == (s3.endpoint_url, "us-east-1")
    assert (storage.access_key, storage.secret_key) == (s3.access_key, s3.secret_key)
    assert "loopback" not in repr(storage)
    assert read(s3.storage(prefix), KEY) == b"data"
    assert keys(s3.storage(prefix)) == [KEY]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/var/blobs",
        "file://var/blobs",
        "file:var/blobs",
        "file:///var/blobs?x=1",
        "file:///var/blobs#x",
        "ftp://host/path",
        "s3://",
        "s3:///prefix",
        "s3://key:hush@bucket",
        "s3://bucket/../prefix",
        "s3://bucket?colour=red",
        "s3://bucket?endpoint_url=",
        "s3://bucket?endpoint_url=ftp://host",
        "s3://bucket?endpoint_url=http://key:hush@host",
        "s3://bucket?region=a&region=b",
        "s3://bucket?hush",
        "s3://[hush",
    ],
)
def test_it_refuses_a_url_it_does_not_understand_without_repeating_it(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="STORAGE_URL") as caught:
        storage_from_url(url)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_it_refuses_half_a_pair_of_credentials(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "hush")
    with pytest.raises(ImproperlyConfigured, match="set both") as caught:
        storage_from_url("s3://bucket")
    assert "hush" not in str(caught.value)


def test_the_default_store_is_the_one_of_the_settings(settings: object, tmp_path: Path) -> None:
    settings.STORAGE_URL = (tmp_path / "one").as_uri()
    storage = default_storage()
    assert storage.root == tmp_path / "one"
    assert default_storage() is storage
    settings.STORAGE_URL = (tmp_path / "two").as_uri()
    assert default_storage().root == tmp_path / "two"


def test_a_forked_process_opens_its_own_default_store(settings: object, tmp_path: Path) -> None:
    settings.STORAGE_URL = tmp_path.as_uri()
    parents = default_storage()
    pid = os.fork()
    if pid == 0:
        os._exit(0 if default_storage() is not parents else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0

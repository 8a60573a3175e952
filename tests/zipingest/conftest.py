"""The stores that the tests of storage and of ranges run on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.s3 import S3Server, s3_server
from zipingest.storage import LocalStorage, S3Storage, Storage

S3_PREFIX = "shared"


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="session")
def s3_storage(s3: S3Server) -> S3Storage:
    """One for all tests, since a boto3 client takes a tenth of a second to make."""
    return s3.storage(S3_PREFIX)


@pytest.fixture
def local(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "blobs")


@pytest.fixture(params=["local", "s3"])
def storage(request: pytest.FixtureRequest) -> Iterator[Storage]:
    """An empty store."""
    storage: Storage = request.getfixturevalue("local" if request.param == "local" else "s3_storage")
    yield storage
    for found in storage.list():
        storage.delete(found.key)
    storage.sweep_partial(-60)


@pytest.fixture
def storage_url(request: pytest.FixtureRequest, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of ``storage``, for another process."""
    if isinstance(storage, LocalStorage):
        return storage.root.as_uri()
    server: S3Server = request.getfixturevalue("s3")
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return server.url(S3_PREFIX)

"""The stores that packaging reads from."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.s3 import S3Server, s3_server
from zipingest.storage import LocalStorage, S3Storage, Storage, default_storage


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="session")
def s3_storage(s3: S3Server) -> S3Storage:
    return s3.storage("exports")


@pytest.fixture
def local(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "blobs")


@pytest.fixture(params=["local", "s3"])
def storage(request: pytest.FixtureRequest) -> Storage:
    store: Storage = request.getfixturevalue("local" if request.param == "local" else "s3_storage")
    return store


@pytest.fixture(autouse=True)
def _no_exports_yet() -> None:
    store = default_storage()
    for stored in list(store.list("exports/")):
        store.delete(stored.key)

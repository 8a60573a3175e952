"""Stored objects that no recording names are found, each within eleven days, and nothing else is touched."""

import io
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from calls import tasks
from calls.models import Recording
from calls.services import retention
from partners.models import Rejection
from tests.support.factories import call, ingest, provisioned
from tests.support.s3 import S3Server, s3_server
from zipingest.storage import StorageError, default_storage
from zipingest.work import WorkState

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_folder(settings: Settings, tmp_path: Path) -> None:
    settings.STORAGE_URL = tmp_path.as_uri()


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def _own_bucket(s3: S3Server, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    settings.STORAGE_URL = s3.url(str(uuid4()))


@pytest.fixture(params=["local", "s3"])
def _either_store(request: pytest.FixtureRequest) -> None:
    if request.param == "s3":
        request.getfixturevalue("_own_bucket")


def stored(key: str) -> str:
    default_storage().put(key, io.BytesIO(b"audio"), content_type="audio/wav")
    return key


def recorded(**columns: Any) -> Recording:
    """An ingested call's recording with these columns."""
    partner = provisioned()
    ingest(partner)
    recording = call(partner).recording
    Recording.objects.filter(pk=recording.pk).update(**columns)
    return recording


def keys() -> set[str]:
    return {found.key for found in default_storage().list()}


def hour_of(uuid: UUID, *, hours_later: int = 7) -> datetime:
    """At least so much later than now, a moment of the hour in which the call's part has its turn."""
    hour = int(time.time()) // 3600 + 1 + hours_later
    hour += (uuid.bytes[0] - hour) % 256
    return datetime.fromtimestamp(hour * 3600, UTC)


@pytest.mark.usefixtures("_either_store")
@pytest.mark.parametrize("state", [WorkState.DONE, WorkState.FAILED, WorkState.POISON, WorkState.DUE])
def test_it_removes_what_no_recording_names_and_keeps_what_one_does(state: WorkState) -> None:
    recording = recorded(state=state)
    folder = f"recordings/{recording.call.uuid}"
    named = {stored(f"{folder}/1-2.wav"), stored(f"{folder}/1-2.original")}
    Recording.objects.update(key=f"{folder}/1-2.wav", original_key=f"{folder}/1-2.original")
    stored(f"{folder}/1-1.original")
    stored(f"{folder}/1-3.wav")

    assert retention.remove_orphans(hour_of(recording.call.uuid)) == 2

    assert keys() == named


@pytest.mark.usefixtures("_either_store")
def test_it_removes_what_was_stored_for_a_call_that_is_gone() -> None:
    gone = uuid4()
    stored(f"recordings/{gone}/1-1.wav")
    assert retention.remove_orphans(hour_of(gone)) == 1
    assert keys() == set()


def test_it_leaves_what_a_worker_may_still_name() -> None:
    recording = recorded(state=WorkState.LEASED, lease_epoch=2)
    key = stored(f"recordings/{recording.call.uuid}/1-2.wav")
    assert retention.remove_orphans(hour_of(recording.call.uuid)) == 0
    assert default_storage().stat(key) is not None


def test_it_leaves_what_is_younger_than_six_hours() -> None:
    recording = recorded(state=WorkState.DONE)
    key = stored(f"recordings/{recording.call.uuid}/1-1.wav")
    modified = hour_of(recording.call.uuid).timestamp() - 6 * 3600
    path = default_storage().local_path(key)
    assert path is not None
    os.utime(path, (modified, modified))
    assert retention.remove_orphans(hour_of(recording.call.uuid)) == 0
    os.utime(path, (modified - 1, modified - 1))
    assert retention.remove_orphans(hour_of(recording.call.uuid)) == 1


def test_every_object_has_its_hour_within_eleven_days() -> None:
    for first in range(0, 256, 17):
        stored(f"recordings/{UUID(int=first << 120)}/1-1.wav")
    now = datetime.now(UTC) + timedelta(hours=7)
    removed = [retention.remove_orphans(now + timedelta(hours=hour)) for hour in range(256)]
    assert sorted(removed) == [0] * 240 + [1] * 16
    assert keys() == set()


def test_it_leaves_what_it_does_not_understand() -> None:
    others = {stored("recordings/ab"), stored("recordings/abc/other.txt"), stored("exports/ab.zip")}
    assert retention.remove_orphans(hour_of(UUID(int=0xAB << 120))) == 0
    assert keys() == others


def test_it_asks_the_database_once_for_a_thousand_objects(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    folder = f"recordings/{UUID(int=0xCD << 120)}"
    for number in range(30):
        stored(f"{folder}/1-{number}.wav")
    with django_assert_num_queries(1):
        assert retention.remove_orphans(hour_of(UUID(int=0xCD << 120))) == 30


def test_a_storage_that_is_away_is_no_reason_to_keep_rejections(settings: Settings) -> None:
    Rejection.objects.create(at=timezone.now() - timedelta(days=8), status=401)
    settings.STORAGE_URL = "file:///dev/null/away"
    with pytest.raises(StorageError):
        tasks.tidy()
    assert not Rejection.objects.exists()

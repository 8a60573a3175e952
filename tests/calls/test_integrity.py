"""`manage.py verify_recordings`: what is missing or differs is named, and the exit code says so."""

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from calls import integrity
from calls.models import Call, Recording
from tests.support import recordings
from tests.support.factories import call, ingest, item, provisioned
from zipingest.storage import default_storage

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_folder(settings: Settings, tmp_path: Path) -> None:
    settings.STORAGE_URL = tmp_path.as_uri()


@pytest.fixture
def calls() -> list[Call]:
    """Four calls with a recording of two bytes each, and one that still waits for its own."""
    partner, names = provisioned(), [f"call-{number}" for number in range(5)]
    ingest(partner, *map(item, names))
    made = [call(partner, name) for name in names]
    for each in made[:4]:
        recordings.store(each, b"ok")
    return [call(partner, name) for name in names]


def overwrite(stored: Call, data: bytes) -> None:
    default_storage().put(stored.recording.key, io.BytesIO(data), content_type="audio/wav")


def test_it_reads_every_object_that_a_row_names(
    calls: list[Call], capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("verify_recordings")
    assert capsys.readouterr().out == "All 4 objects are as their rows say\n"


def test_it_names_what_is_missing_or_differs(calls: list[Call], capsys: pytest.CaptureFixture[str]) -> None:
    missing, longer, other, _, _ = (each.recording.key for each in calls)
    default_storage().delete(missing)
    overwrite(calls[1], b"longer")
    overwrite(calls[2], b"ko")
    with pytest.raises(CommandError, match="3 of 4 objects are missing or differ"):
        call_command("verify_recordings")
    assert capsys.readouterr().err.splitlines() == [
        f"{missing}: missing",
        f"{longer}: has 6 bytes instead of 2",
        f"{other}: differs from its SHA-256",
    ]
    # Of equal size: only reading it tells.
    with pytest.raises(CommandError, match="2 of 4"):
        call_command("verify_recordings", "--sizes-only")


def test_an_original_is_verified_too_and_what_is_purged_is_not(calls: list[Call]) -> None:
    Recording.objects.filter(call=calls[0]).update(
        original_key=calls[1].recording.key, original_bytes=2, original_sha256="0" * 64
    )
    default_storage().delete(calls[3].recording.key)
    recordings.purge(calls[3])
    troubles = [(verified.object.key, verified.trouble) for verified in integrity.verify(sizes_only=False)]
    assert troubles == [
        (calls[0].recording.key, ""),
        (calls[1].recording.key, "differs from its SHA-256"),
        (calls[1].recording.key, ""),
        (calls[2].recording.key, ""),
    ]


def test_a_recording_that_is_purged_while_it_is_looked_at_is_not_missing(calls: list[Call]) -> None:
    """The looks run ahead of what is told of them: one that found nothing is told of after the purge."""
    default_storage().delete(calls[1].recording.key)
    verified = integrity.verify(sizes_only=False)
    assert next(verified).trouble == ""
    recordings.purge(calls[1])
    assert [each.trouble for each in verified] == ["", "", ""]

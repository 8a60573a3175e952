"""Packing: a balanced manifest, verified entries, and outcomes that survive trouble."""

import hashlib
import threading
import time
from datetime import timedelta

import pytest
from django.db import connection

from calls.models import Call, Recording
from exports.models import ExportEntry, ExportJob, ExportStatus
from exports.services import endings, packing
from tests.exports.support import (
    STARTED,
    exported_objects,
    june,
    manifest,
    matched,
    opened,
    ordered,
    packed,
    stored,
)
from tests.support.factories import account
from zipingest import work
from zipingest.storage import StorageError, default_storage
from zipingest.work import WorkState

pytestmark = pytest.mark.django_db


def test_every_recording_is_in_it_under_a_readable_name_with_its_bytes():
    call = stored(number=0, data=b"RIFF of the call")
    job = packed(ordered())
    archive = opened(job)
    name = f"2026-06-01_0930_101_+12025550000_{call.uuid.hex[:8]}.wav"
    assert archive.namelist() == [name, "manifest.csv"]
    assert archive.read(name) == b"RIFF of the call"
    assert (job.status, job.progress_pct, job.included, job.zip_bytes) == (
        ExportStatus.READY,
        100,
        1,
        default_storage().stat(job.zip_key).bytes,
    )


def test_the_manifest_says_of_every_call_where_it_is_and_its_checksum():
    call = stored(number=0, data=b"RIFF of the call")
    archive = opened(packed(ordered()))
    assert manifest(archive) == [
        {
            "call_uuid": str(call.uuid),
            "agent_extension": "101",
            "agent_name": "Ada",
            "disposition_code": "SALE-OK",
            "start_time": "2026-06-01T09:30:00Z",
            "duration": "1.5",
            "lead_phone_number": "+12025550000",
            "file": archive.namelist()[0],
            "status": "included",
            "sha256": hashlib.sha256(b"RIFF of the call").hexdigest(),
            "paused": "",
        }
    ]


def test_the_manifest_says_where_a_recording_was_paused():
    call = stored(number=0)
    Recording.objects.filter(call=call).update(silences=[[0.25, 0.5], [1.0, 1.500125]])
    [row] = manifest(opened(packed(ordered())))
    assert row["paused"] == "0.25-0.5;1-1.5"


def test_calls_without_a_recording_are_missing_and_say_why():
    stored(number=0)
    lost = matched(account(), number=1, ended_at=STARTED + timedelta(hours=1))
    live = matched(account(), number=2)
    Recording.objects.filter(call__in=[lost, live]).delete()
    job = ordered()
    ExportEntry.objects.filter(job=job).exclude(call=lost.pk).exclude(call=live.pk).get()
    packed(job)
    assert (job.status, job.included, job.missing) == (ExportStatus.READY, 1, 2)
    reasons = dict(job.entries.exclude(left_out="").values_list("call", "left_out"))
    assert reasons == {lost.pk: "has no recording", live.pk: "still in progress"}
    rows = {row["call_uuid"]: row for row in manifest(opened(job))}
    for left_out in (lost, live):
        row = rows[str(left_out.uuid)]
        assert (row["status"], row["file"], row["sha256"], row["paused"]) == ("missing", "", "", "")


def test_totals_balance_whatever_became_of_the_recordings():
    good, gone, damaged, late = (stored(number=number) for number in range(4))
    matched(account(), number=4)
    job = ordered()
    default_storage().delete(Recording.objects.get(call=gone).key)
    Recording.objects.filter(call=damaged).update(crc32=1)
    Recording.objects.filter(call=late).update(purged_at=work.database_now())
    packed(job)
    assert (job.entries_total, job.included, job.expired, job.missing) == (5, 1, 1, 3)
    statuses = {row["call_uuid"]: row["status"] for row in manifest(opened(job))}
    assert len(statuses) == 5
    assert (statuses[str(good.uuid)], statuses[str(late.uuid)]) == ("included", "expired")
    reasons = dict(job.entries.exclude(left_out="").values_list("call", "left_out"))
    assert set(reasons) == {gone.pk, damaged.pk, late.pk, Call.objects.get(customer_phone="+12025550004").pk}
    assert "CRC-32" in reasons[damaged.pk]


def test_calls_in_the_zip_are_noted_as_exported_and_others_are_not():
    inside, outside = stored(number=0), matched(account(), number=1)
    packed(ordered())
    assert Call.objects.get(pk=inside.pk).last_exported_at is not None
    assert Call.objects.get(pk=outside.pk).last_exported_at is None


# --- Trouble ----------------------------------------------------------------------------------------------
@pytest.fixture
def store_away(monkeypatch):
    """The store answers nothing while it is set."""
    away = threading.Event()
    open_range = type(default_storage()).open_range

    def opened_or_not(self, *args, **kwargs):
        if away.is_set():
            raise StorageError("the store does not answer")
        return open_range(self, *args, **kwargs)

    def nothing(self, key):
        raise StorageError("the store does not answer")

    monkeypatch.setattr(type(default_storage()), "open_range", opened_or_not)
    monkeypatch.setattr("exports.packaging.reading.RETRY_SECONDS", (0.0, 0.0))
    away.set()
    monkeypatch.setattr(type(default_storage()), "stat", nothing)
    return away


def test_while_the_store_is_away_it_waits_and_then_is_packed(settings, store_away, monkeypatch):
    settings.EXPORT_RETRY_STEPS = [0]
    stored(number=0)
    job = packed(ordered())
    assert (job.status, job.attempts) == (ExportStatus.QUEUED, 1)
    assert job.last_error == "the store does not answer"
    assert list(exported_objects()) == []
    store_away.clear()
    assert packed(job).status == ExportStatus.READY


def test_when_the_store_stays_away_it_fails_in_the_documented_words(settings, store_away):
    settings.EXPORT_RETRY_STEPS = []
    stored(number=0)
    job = packed(ordered())
    assert (job.status, job.error_code) == (ExportStatus.FAILED, "STORAGE_ERROR")
    assert job.error_message == "Storage unavailable during ZIP packaging."
    assert job.failed_at is not None
    assert list(exported_objects()) == []


def test_what_a_killed_worker_had_stored_is_replaced(settings):
    stored(number=0)
    job = ordered()
    default_storage().put(
        f"exports/{job.public_id}/0.zip", _some_file(settings), content_type="application/zip"
    )
    packed(job)
    assert list(exported_objects()) == [job.zip_key]


def _some_file(settings):
    path = settings.DATA_DIR / "some.zip"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"PK")
    return path


def test_a_worker_that_was_overtaken_leaves_no_zip(monkeypatch):
    stored(number=0)
    job = ordered()

    def overtaken(*args):
        made = pack(*args)
        ExportJob.objects.filter(pk=job.pk).update(lease_epoch=9)
        return made

    pack = packing._pack
    monkeypatch.setattr(packing, "_pack", overtaken)
    assert work.run_one(ExportJob)
    assert list(exported_objects()) == []
    job.refresh_from_db()
    assert (job.state, job.lease_epoch, job.zip_key) == (WorkState.LEASED, 9, "")


# --- Cancel -----------------------------------------------------------------------------------------------
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_cancel_is_seen_within_two_seconds_and_leaves_nothing(monkeypatch):
    for number in range(60):
        stored(number=number)
    job = ordered()
    add = packing._add

    def slowly(*args):
        time.sleep(0.1)
        add(*args)

    monkeypatch.setattr(packing, "_add", slowly)
    ended = []

    def worker():
        work.run_one(ExportJob)
        ended.append(time.monotonic())
        connection.close()

    thread = threading.Thread(target=worker)
    thread.start()
    _wait_until(lambda: ExportJob.objects.get(pk=job.pk).entries_done > 0)
    cancelled = time.monotonic()
    endings.discard(job=job)
    thread.join(20)
    assert ended[0] - cancelled < 2
    job.refresh_from_db()
    assert job.status == ExportStatus.CANCELLED
    assert list(exported_objects()) == []


def _wait_until(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


# --- How many at once -------------------------------------------------------------------------------------
def test_an_account_packs_no_more_at_once_than_its_share_and_others_go_on(settings):
    for sub_tenant in (account(), account("subtenant2")):
        stored(sub_tenant, number=1)
        for _ in range(3):
            ordered(june(sub_tenant))
    (kind,) = [kind for kind in work.kinds() if kind.model is ExportJob]
    lanes = [lease.lane for _ in range(6) for lease in work.claim(kind)]
    assert sorted(lanes) == sorted(
        [f"sub_tenant:{account().pk}"] * 2 + [f"sub_tenant:{account('subtenant2').pk}"] * 2
    )
    assert settings.EXPORTS_RUNNING_PER_SUB_TENANT == 2


def test_a_retention_that_has_passed_since_it_was_ordered_counts():
    call = stored(number=0)
    other = stored(number=1)
    job = ordered()
    sub_tenant = call.sub_tenant
    sub_tenant.retention_days = 1
    sub_tenant.save()
    Recording.objects.filter(call=call).update(kept_from=work.database_now() - timedelta(days=2))
    packed(job)
    assert (job.included, job.expired) == (1, 1)
    assert [row["call_uuid"] for row in manifest(opened(job)) if row["status"] == "included"] == [
        str(other.uuid)
    ]

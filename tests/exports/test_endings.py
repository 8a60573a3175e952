"""How exports end: cancelled, deleted early, expired; and nothing stays behind in the store."""

import io
from datetime import timedelta

import pytest

from calls.models import Call, IdentifierKind
from calls.services.erasure import Identity, erase
from exports.models import ExportJob, ExportStatus
from exports.services import endings, orders
from tests.exports.support import ACTOR, exported_objects, ordered, packed, stored
from tests.support.factories import account
from zipingest import work
from zipingest.storage import StorageError, default_storage
from zipingest.work import WorkState

pytestmark = pytest.mark.django_db


@pytest.fixture
def job():
    stored(number=0)
    return ordered()


def status(job):
    job.refresh_from_db()
    return job.status


def test_a_waiting_export_is_cancelled_and_never_packed(job):
    endings.discard(job=job)
    assert status(job) == ExportStatus.CANCELLED
    assert not work.run_one(ExportJob)


def test_the_zip_of_a_ready_one_is_deleted_and_it_has_expired(job):
    packed(job)
    endings.discard(job=job)
    assert status(job) == ExportStatus.EXPIRED
    assert list(exported_objects()) == []


def test_discarding_twice_changes_nothing_more(job):
    endings.discard(job=job)
    cancelled_at = ExportJob.objects.get().cancelled_at
    endings.discard(job=job)
    assert (status(job), job.cancelled_at) == (ExportStatus.CANCELLED, cancelled_at)


def test_a_failed_one_stays_failed(job):
    ExportJob.objects.update(state=WorkState.FAILED)
    endings.discard(job=job)
    assert status(job) == ExportStatus.FAILED


def test_a_zip_expires_at_its_time(job):
    packed(job)
    assert endings.remove_expired() == 0
    ExportJob.objects.update(expires_at=work.database_now() - timedelta(seconds=1))
    assert endings.remove_expired() == 1
    assert status(job) == ExportStatus.EXPIRED
    assert list(exported_objects()) == []


def test_a_zip_that_could_not_be_deleted_is_deleted_by_the_next_sweep(job, monkeypatch):
    packed(job)

    def refuse(self, key):
        raise StorageError("the store does not answer")

    with monkeypatch.context() as patched:
        patched.setattr(type(default_storage()), "delete", refuse)
        endings.discard(job=job)
        assert endings.remove_expired() == 0
    assert status(job) == ExportStatus.EXPIRED
    assert endings.remove_expired() == 1
    assert list(exported_objects()) == []


def test_an_erased_customers_zips_are_given_up_and_running_ones_cancelled():
    call = stored(number=0)
    ready, waiting = packed(ordered()), ordered()
    stored(number=1)
    other = orders.order_calls(actor=ACTOR, sub_tenant=account(), uuids=[Call.objects.latest("pk").uuid])
    who = Identity.of(account(), IdentifierKind.PHONE, call.customer_phone)
    erase(who=who, asked_by="eve")
    assert (status(ready), status(waiting)) == (ExportStatus.EXPIRED, ExportStatus.CANCELLED)
    assert status(other) == ExportStatus.QUEUED
    assert endings.remove_expired() == 1
    assert list(exported_objects()) == []


def put(key):
    default_storage().put(key, io.BytesIO(b"PK"), content_type="application/zip")


def test_what_no_export_names_is_deleted_and_the_rest_is_kept(job, monkeypatch):
    packed(job)
    put(f"exports/{job.public_id}/99.zip")
    put("exports/exp_unknown/1.zip")
    assert endings.remove_leftovers() == 0, "they could be of a worker that is alive"
    monkeypatch.setattr(endings, "_LEFT_FOR", -timedelta(minutes=1))
    assert endings.remove_leftovers() == 2
    assert list(exported_objects()) == [job.zip_key]


def test_what_a_running_export_has_stored_is_kept(job, monkeypatch):
    ExportJob.objects.update(state=WorkState.LEASED)
    put(f"exports/{job.public_id}/1.zip")
    monkeypatch.setattr(endings, "_LEFT_FOR", -timedelta(minutes=1))
    assert endings.remove_leftovers() == 0

"""Exports in the console: how far they are, why one failed, and what support can do about it."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from exports.models import ExportJob, ExportStatus
from exports.services import orders
from tests.console.conftest import staff
from tests.exports.support import ACTOR, exported_objects, june, matched, ordered, packed, stored
from tests.support.factories import account
from zipingest.work import WorkState

pytestmark = pytest.mark.django_db

EXPORTS = reverse("admin:exports_exportjob_changelist")


@pytest.fixture
def job() -> ExportJob:
    stored(number=1)
    matched(account(), number=2)
    return ordered()


@pytest.fixture
def console() -> Client:
    return staff("support", "support")


def page(console: Client, job: ExportJob) -> str:
    return str(console.get(reverse("admin:exports_exportjob_change", args=[job.pk])).content.decode())


def do(console: Client, action: str, job: ExportJob) -> str:
    url = reverse(f"admin:exports_exportjob_{action}", args=[job.pk])
    return str(console.post(url, follow=True).content.decode())


def status(job: ExportJob) -> ExportStatus:
    return ExportJob.objects.get(pk=job.pk).status


def test_the_list_shows_who_how_far_and_how_large(console: Client, job: ExportJob) -> None:
    ExportJob.objects.update(state=WorkState.LEASED, entries_done=41, entries_total=100)
    text = str(console.get(EXPORTS).content.decode())
    for shown in (job.public_id, "maria", "running", "41 %", "about 1"):
        assert shown in text


def test_an_export_is_found_by_its_id(console: Client, job: ExportJob) -> None:
    ordered()
    assert list(console.get(EXPORTS, {"q": job.public_id}).context["cl"].result_list) == [job]


def test_the_page_says_why_it_failed_and_when_it_is_tried_again(console: Client, job: ExportJob) -> None:
    ExportJob.objects.update(attempts=1, last_error="the store does not answer", due_at=timezone.now())
    text = page(console, job)
    assert "the store does not answer" in text
    assert "retrying" in text


def test_the_page_names_the_calls_left_out_and_why(console: Client, job: ExportJob) -> None:
    packed(job)
    assert "its recording is still being fetched" in page(console, job)


def test_a_failed_export_is_packed_again(console: Client, job: ExportJob) -> None:
    ExportJob.objects.update(state=WorkState.FAILED, attempts=4, error_code="STORAGE_ERROR")
    do(console, "retry", job)
    assert status(job) == ExportStatus.QUEUED
    assert packed(job).status == ExportStatus.READY


def test_what_has_not_failed_is_not_packed_again(console: Client, job: ExportJob) -> None:
    packed(job)
    assert "has not failed" in do(console, "retry", job)
    assert status(job) == ExportStatus.READY


def test_a_waiting_export_is_cancelled(console: Client, job: ExportJob) -> None:
    do(console, "discard", job)
    assert status(job) == ExportStatus.CANCELLED


def test_the_zip_of_a_ready_export_is_deleted(console: Client, job: ExportJob) -> None:
    key = packed(job).zip_key
    do(console, "discard", job)
    assert status(job) == ExportStatus.EXPIRED
    assert key not in exported_objects()


def test_an_export_that_has_ended_offers_no_cancel(console: Client, job: ExportJob) -> None:
    do(console, "discard", job)
    assert reverse("admin:exports_exportjob_discard", args=[job.pk]) not in page(console, job)
    assert "has ended already" in do(console, "discard", job)


def test_a_supplement_links_to_the_export_it_completes(console: Client) -> None:
    stored(number=1)
    late = matched(account(), number=2)
    first = packed(ordered(june()))
    other = stored(number=3)
    late.recording.delete()
    type(late.recording).objects.filter(call=other).update(call=late)
    supplement = orders.order_supplement(actor=ACTOR, job=first)
    assert first.public_id in page(console, supplement)

"""The page of one export: how it stands, and what can be done about it."""

import io
import re
import zipfile
from datetime import datetime
from html import unescape

import pytest
from django.test import Client

from calls.models import AccessRecord, Agent, Call, Campaign, Recording
from exports.models import ExportJob, ExportStatus
from exports.views import job as job_page
from tests.exports.support import STARTED, matched, ordered, packed, stored
from tests.pages.exports import HTMX, address, expire, order, signed_in, words
from tests.support.factories import account
from zipingest.storage import default_storage
from zipingest.work import WorkState

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return signed_in(email="maria@account.example")


@pytest.fixture
def job() -> ExportJob:
    stored(number=1)
    return ordered()


def test_while_it_goes_on_the_page_asks_again_and_then_loads_anew(client: Client, job: ExportJob) -> None:
    assert 'hx-trigger="every' in client.get(address(job)).content.decode()
    ExportJob.objects.update(state=WorkState.LEASED, entries_done=41, entries_total=100)
    part = client.get(address(job, "/standing"), headers=HTMX)
    assert "41 of 100 calls packed." in words(part)
    assert re.search(r'<progress [^>]*value="41"', part.content.decode())
    ExportJob.objects.update(state=WorkState.DUE)
    packed(job)
    ended = client.get(address(job, "/standing"), headers=HTMX)
    assert ended["HX-Refresh"] == "true"
    page = client.get(address(job)).content.decode()
    assert "hx-trigger" not in page
    assert "Download the ZIP" in page


def test_one_that_waits_says_how_many_are_before_it(client: Client, job: ExportJob) -> None:
    assert "It is next" in words(client.get(address(job)))
    assert "It waits for 1 other export" in words(client.get(address(ordered())))


def test_one_that_waits_for_the_store_says_when_it_is_tried_again(client: Client, job: ExportJob) -> None:
    ExportJob.objects.update(attempts=1, due_at=datetime(2026, 6, 1, 14, 5, tzinfo=STARTED.tzinfo))
    client.cookies["time_zone"] = "Europe/Berlin"
    assert "It is tried again on 1 Jun 2026, 16:05." in words(client.get(address(job)))


def test_it_is_cancelled(client: Client, job: ExportJob) -> None:
    page = client.get(address(job)).content.decode()
    assert "Cancel this export?" in page
    answer = client.post(address(job, "/discard"))
    assert answer["Location"] == address(job)
    job.refresh_from_db()
    assert job.status == ExportStatus.CANCELLED
    assert "It was cancelled on" in words(client.get(address(job)))


def test_what_is_over_can_be_filled_in_again(client: Client) -> None:
    stored(number=1)
    spring = Campaign.objects.create(sub_tenant=account(), name="Spring")
    Call.objects.update(campaign=spring)
    order(client, campaign=spring.pk, agent=Agent.objects.get().pk)
    made = ExportJob.objects.get()
    client.post(address(made, "/discard"))
    link = re.search(r'href="/exports\?([^"]+)"', client.get(address(made)).content.decode())
    assert link is not None
    asked = f"date_from=2026-06-01&date_to=2026-06-30&campaign={spring.pk}&agent={Agent.objects.get().pk}"
    assert unescape(link[1]) == asked


def test_the_zip_is_downloaded_and_noted_once(client: Client, job: ExportJob) -> None:
    packed(job)
    AccessRecord.objects.all().delete()
    answer = client.get(address(job, "/download"))
    archive = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))
    assert archive.testzip() is None
    assert len(archive.namelist()) == 2
    assert client.head(address(job, "/download")).status_code == 200
    part = client.get(address(job, "/download"), headers={"Range": "bytes=0-3"})
    assert (part.status_code, b"".join(part.streaming_content)) == (206, b"PK\3\4")
    assert [record.subject for record in AccessRecord.objects.all()] == [job.public_id] * 2


def test_the_zip_is_deleted(client: Client, job: ExportJob) -> None:
    packed(job)
    assert "Delete this ZIP?" in words(client.get(address(job)))
    client.post(address(job, "/discard"))
    page = words(client.get(address(job)))
    assert "The ZIP was removed on" in page
    assert "Download the ZIP" not in page


def test_a_download_that_cannot_be_says_why(client: Client, job: ExportJob) -> None:
    answer = client.get(address(job, "/download"), follow=True)
    assert "There is no ZIP to download." in words(answer)
    default_storage().delete(packed(job).zip_key)
    answer = client.get(address(job, "/download"), follow=True)
    assert "The ZIP is not there any more." in words(answer)


def test_what_was_left_out_is_grouped_and_listed_in_pages(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_page, "CALLS_PER_PAGE", 2)
    stored(number=0)
    for number in range(1, 4):
        matched(account(), number)
    expire(stored(number=4))
    page = client.get(address(packed(ordered())))
    assert "1 past the retention period, 3 without a stored recording" in words(page)
    assert "3 its recording is still being fetched 1 past its retention window" in words(page)
    phones = re.findall(r"\+1202555\d+", page.content.decode())
    more = re.search(r'href="(\?after=\d+)#', page.content.decode())
    assert more is not None
    rest = client.get(f"/exports/{ExportJob.objects.get().public_id}{more[1]}")
    phones += re.findall(r"\+1202555\d+", rest.content.decode())
    assert phones == [f"+1202555{number:04}" for number in range(1, 5)]


def test_only_what_was_left_out_is_exported(client: Client) -> None:
    stored(number=1)
    late = matched(account(), number=2)
    first = packed(ordered())
    refused = client.post(address(first, "/supplement"), follow=True)
    assert "None of the calls left out has a recording" in words(refused)
    Recording.objects.filter(call=late).delete()
    Recording.objects.filter(call=stored(number=3)).update(call=late)
    answer = client.post(address(first, "/supplement"))
    supplement = ExportJob.objects.latest("pk")
    assert answer["Location"] == address(supplement)
    assert [entry.call for entry in supplement.entries.all()] == [late]
    assert first.public_id in words(client.get(address(supplement)))


def test_a_failed_one_says_why_and_is_tried_again(client: Client, job: ExportJob) -> None:
    failed = {"error_message": "Storage unavailable during ZIP packaging.", "failed_at": STARTED}
    ExportJob.objects.update(state=WorkState.FAILED, last_error="bucket eu-1 at 10.0.0.7", **failed)
    page = words(client.get(address(job)))
    assert "Storage unavailable during ZIP packaging." in page
    assert "10.0.0.7" not in page
    client.post(address(job, "/retry"))
    assert packed(job).status == ExportStatus.READY
    answer = client.post(address(job, "/retry"), follow=True)
    assert "This export has not failed." in words(answer)


@pytest.mark.parametrize("job_id", ["exp_unknown", "%00", "exp_%F0%9F%98%80"])
def test_an_unknown_export_is_not_found(client: Client, job_id: str) -> None:
    assert client.get(f"/exports/{job_id}").status_code == 404

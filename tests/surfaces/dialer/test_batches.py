"""Batches of the dialer surface: made, listed, looked into, started, stopped, deleted; and whose they are."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from calls.dialer.models import Batch, CallingNumber, Contact, PhoneLog, Switch
from partners import keys
from partners.models import ApiKey, Grant
from tests.support import dialer_api, dialling
from tests.support.dialer_api import DialerClient, data, record, refused
from zipingest import work


@pytest.fixture
def number(dialer: DialerClient) -> CallingNumber:
    return dialer.number()


# --- createBatch ------------------------------------------------------------------------------------------
def test_a_batch_keeps_what_it_was_made_with(dialer: DialerClient, number: CallingNumber) -> None:
    other = dialer.number("+12025550101")
    id_ = data(
        dialer.post(
            "createBatch",
            {
                "batchName": "Renewals",
                "callingNumbers": [number.public_id, other.public_id],
                "retry": 3,
                "delay": 600,
                "timezone": "America/New_York",
                "callingHour": {"start": "09:00", "end": "17:30"},
                "allowedDays": [5, 1, 1],
                "callbackUrl": "https://example.com/done",
                "unknown": True,
            },
        ),
        201,
    )
    batch = Batch.objects.get(public_id=id_)
    assert (batch.name, batch.retry, batch.delay) == ("Renewals", 3, 600)
    assert (batch.time_zone, batch.allowed_days) == ("America/New_York", [1, 5])
    assert (str(batch.hours_start), str(batch.hours_end)) == ("09:00:00", "17:30:00")
    assert (batch.callback_url, batch.switch) == ("https://example.com/done", Switch.IDLE)
    assert set(batch.numbers.all()) == {number, other}
    assert (batch.partner, batch.sub_tenant) == (dialer.provisioned.partner, dialer.provisioned.sub_tenant)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"batchName": ...}, "batchName"),
        ({"batchName": " "}, "batchName"),
        ({"batchName": "x" * 256}, "batchName"),
        ({"batchName": "a\0b"}, "batchName"),
        ({"callingNumbers": ...}, "callingNumbers"),
        ({"callingNumbers": []}, "callingNumbers"),
        ({"callingNumbers": ["64e5f12345abcdef98765432"]}, "callingNumbers.0"),
        ({"retry": -1}, "retry"),
        ({"retry": 21}, "retry"),
        ({"retry": True}, "retry"),
        ({"delay": "60"}, "delay"),
        ({"timezone": "Mars"}, "timezone"),
        ({"callingHour": {"start": "09:00"}}, "callingHour.end"),
        ({"callingHour": {"start": "9:00", "end": "24:00"}}, "callingHour.start"),
        ({"allowedDays": [7]}, "allowedDays.0"),
        ({"callbackUrl": "http://example.com/"}, "callbackUrl"),
    ],
)
def test_a_wrong_batch_is_refused_field_by_field(
    dialer: DialerClient, number: CallingNumber, change: dict[str, Any], field: str
) -> None:
    body = {"batchName": "Renewals", "callingNumbers": [number.public_id], **change}
    given = {name: value for name, value in body.items() if value is not ...}
    text, told = refused(dialer.post("createBatch", given), 400)
    assert told["errors"][0]["field"] == field
    assert told["errors"][0]["error"] == text
    assert field in text
    assert not Batch.objects.exists()


def test_the_numbers_are_the_accounts_own(dialer: DialerClient, number: CallingNumber) -> None:
    stranger = dialer_api.client(sub_tenant="elsewhere")
    refused(stranger.post("createBatch", {"batchName": "B", "callingNumbers": [number.public_id]}), 400)


# --- start-calling, stop-calling --------------------------------------------------------------------------
def test_a_batch_is_stopped_and_resumed(dialer: DialerClient, number: CallingNumber) -> None:
    batch = dialer.batch()
    for path, status in (
        ("start", "started"),
        ("stop", "stopped"),
        ("stop", "stopped"),
        ("start", "started"),
    ):
        told = data(dialer.post(f"{path}-calling", {"batchId": batch.public_id}))
        assert told == {"batchId": batch.public_id, "status": status}
        assert Batch.objects.get().switch == status
    refused(dialer.post("start-calling", {}), 400)
    refused(dialer.post("start-calling", {"batchId": "nobody"}), 404)


# --- batches ----------------------------------------------------------------------------------------------
def test_batches_are_listed_newest_first_with_their_progress(
    dialer: DialerClient, number: CallingNumber
) -> None:
    old, new = dialer.batch(batchName="Old one"), dialer.batch(batchName="New one")
    dialer_api.client(sub_tenant="elsewhere").batch()
    data(dialer.add(old.public_id, *(record(each) for each in range(6))))
    contacts = list(Contact.objects.order_by("pk"))
    for contact, changes in zip(
        contacts,
        [
            {"status": "completed"},
            {"status": "cancelled"},
            {"status": "ringing", "tries": 1},
            {"status": "pending", "tries": 1},
            {"status": "pending", "round": 2},
            {"status": "pending"},
        ],
        strict=True,
    ):
        Contact.objects.filter(pk=contact.pk).update(**changes)

    found = data(dialer.get("batches"))
    assert [each["batchName"] for each in found["batches"]] == ["New one", "Old one"]
    assert found["pagination"] == {"total": 2, "page": 1, "limit": 50, "totalPages": 1}
    shown = dict(found["batches"][1])
    assert shown.pop("createdAt") <= shown.pop("updatedAt")
    assert shown == {
        "_id": old.public_id,
        "batchName": "Old one",
        "totalCalls": 6,
        "callsPicked": 4,
        "callsCompleted": 2,
        "queue_status": "started",
    }
    assert found["batches"][0]["queue_status"] == "idle"
    assert data(dialer.get("batches/64e5f12345abcdef00000001")) == found
    assert [each["_id"] for each in data(dialer.get("batches", {"search": "NEW"}))["batches"]] == [
        new.public_id
    ]
    second = data(dialer.get("batches", {"page": 2, "limit": 1}))
    assert [each["_id"] for each in second["batches"]] == [old.public_id]
    assert second["pagination"] == {"total": 2, "page": 2, "limit": 1, "totalPages": 2}
    Contact.objects.update(status="no-answer")
    assert data(dialer.get("batches"))["batches"][1]["queue_status"] == "completed"


@pytest.mark.parametrize("query", [{"page": "0"}, {"page": "x"}, {"limit": "201"}, {"search": "x" * 256}])
def test_a_page_that_cannot_be_is_refused(dialer: DialerClient, query: dict[str, str]) -> None:
    refused(dialer.get("batches", query), 400)


@pytest.mark.parametrize("id_", ["%00", "nobody", "%F0%9F%98%80", "64E5F12345ABCDEF98765432", "x" * 3000])
def test_an_id_that_cannot_be_is_not_found(dialer: DialerClient, id_: str) -> None:
    refused(dialer.get(f"batch-details/{id_}"), 404)
    refused(dialer.delete(f"delete-batch/{id_}"), 404)
    refused(dialer.post("start-calling", {"batchId": "nobody"}), 404)


# --- batch-details ----------------------------------------------------------------------------------------
def test_details_show_contacts_with_their_calls(dialer: DialerClient, number: CallingNumber) -> None:
    batch = dialer.batch(callingHour={"start": "00:00", "end": "00:00"})
    data(dialer.add(batch.public_id, record(4, name="Sarah", _id="theirs"), record(1, phoneLogs="theirs")))
    first = Contact.objects.order_by("pk")[0]
    now = work.database_now()
    log = PhoneLog.objects.create(
        contact=first,
        sub_tenant=batch.sub_tenant,
        number=number,
        round=1,
        provider="simulator",
        status="completed",
        begun_at=now,
        answered_at=now,
        ended_at=now + timedelta(seconds=2.5),
        due_at=now,
        lane="x",
        state="done",
    )
    Contact.objects.filter(pk=first.pk).update(status="completed", state="done", tries=1)

    found = data(dialer.get(f"batch-details/{batch.public_id}"))
    contact, waiting = found.pop("data")
    assert found == {
        "batchId": batch.public_id,
        "batchName": "Renewals",
        "batchStatus": "started",
        "total": 2,
        "page": 1,
        "limit": 50,
        "totalPages": 1,
    }
    created = contact.pop("createdAt")
    assert created.endswith("Z")
    (told,) = contact.pop("phoneLogs")
    assert told.pop("createdAt").endswith("Z")
    assert told == {
        "callStatus": "completed",
        "callDuration": 2.5,
        "recordingUrl": None,
        "transcript": None,
    }
    assert contact == {
        "name": "Sarah",
        "_id": first.public_id,
        "phoneNumber": "+12125551004",
        "status": "completed",
        "blockedBy": None,
        "nextAttemptAt": None,
    }
    assert (waiting["status"], waiting["phoneLogs"], waiting["blockedBy"]) == ("pending", [], "waiting-turn")
    assert log.pk


def test_details_are_filtered_sorted_and_paged(dialer: DialerClient, number: CallingNumber) -> None:
    batch = dialer.batch()
    data(dialer.add(batch.public_id, record(2), record(0), record(1)))
    Contact.objects.filter(phone="+12125551000").update(status="busy", state="done")

    def phones(**query: str) -> list[str]:
        found = data(dialer.get(f"batch-details/{batch.public_id}", query))
        return [contact["phoneNumber"][-1] for contact in found["data"]]

    assert phones() == ["2", "0", "1"]
    assert phones(sortBy="phoneNumber") == ["0", "1", "2"]
    assert phones(sortBy="phoneNumber", sortOrder="desc", limit="2") == ["2", "1"]
    assert phones(sortBy="status", filter="all") == ["0", "2", "1"]
    assert phones(filter="pending", page="2", limit="1") == ["1"]
    for query in ({"filter": "x"}, {"sortBy": "variables"}, {"sortOrder": "up"}):
        refused(dialer.get(f"batch-details/{batch.public_id}", query), 400)


def test_lists_take_as_many_queries_whatever_they_show(dialer: DialerClient, number: CallingNumber) -> None:
    def queries(path: str) -> int:
        with CaptureQueriesContext(connection) as asked:
            data(dialer.get(path))
        return len(asked)

    batch = dialer.batch()
    data(dialer.add(batch.public_id, record(0)))
    few = queries("batches"), queries(f"batch-details/{batch.public_id}")
    dialer.batch()
    data(dialer.add(batch.public_id, *(record(each) for each in range(50))))
    assert (queries("batches"), queries(f"batch-details/{batch.public_id}")) == few
    assert few <= (10, 16)


# --- Why somebody is not called ---------------------------------------------------------------------------
def test_why_a_contact_is_not_dialled_always_has_an_answer(dialer: DialerClient, settings: Any) -> None:
    of = dialling.batch(dialer.provisioned, delay=60)
    contact, now = dialling.contact(of), work.database_now()

    def shown() -> tuple[str, bool]:
        (found,) = data(dialer.get(f"batch-details/{of.public_id}"))["data"]
        return found["blockedBy"], found["nextAttemptAt"] is not None

    assert shown() == ("waiting-turn", True)
    Contact.objects.update(due_at=now + timedelta(hours=1))
    assert shown() == ("retry-delay", True)
    Contact.objects.update(blocked_by="number-busy")
    assert shown() == ("number-busy", True)
    Contact.objects.update(due_at=now, blocked_by="")
    settings.DIALER_RUNNING_PER_NUMBER = 0
    assert shown() == ("number-busy", True)
    Batch.objects.update(
        hours_start=(now + timedelta(hours=2)).time(), hours_end=(now + timedelta(hours=3)).time()
    )
    Contact.objects.update(time_zone="UTC")
    assert shown() == ("outside-hours", True)
    CallingNumber.objects.update(agent=None)
    assert shown() == ("no-number", False)
    settings.TELEPHONY_PROVIDER = ""
    assert shown() == ("no-provider", False)
    Batch.objects.update(switch=Switch.STOPPED)
    assert shown() == ("batch-stopped", False)
    Contact.objects.filter(pk=contact.pk).update(state="done", status="failed", blocked_by="outcome-unknown")
    assert shown() == ("outcome-unknown", False)


# --- delete-batch -----------------------------------------------------------------------------------------
def test_a_deleted_batch_is_gone_and_its_contacts_are_kept(
    dialer: DialerClient, number: CallingNumber
) -> None:
    batch = dialer.batch()
    data(dialer.add(batch.public_id, record()))
    told = data(dialer.delete(f"delete-batch/{batch.public_id}"))
    assert told == {"batchId": batch.public_id, "status": "deleted"}
    assert not Batch.objects.get().is_dialled
    assert Contact.objects.count() == 1
    assert data(dialer.get("batches"))["pagination"]["total"] == 0
    refused(dialer.delete(f"delete-batch/{batch.public_id}"), 404)
    refused(dialer.get(f"batch-details/{batch.public_id}"), 404)
    refused(dialer.post("start-calling", {"batchId": batch.public_id}), 404)


# --- Who asks ---------------------------------------------------------------------------------------------
def test_a_key_comes_in_either_header(dialer: DialerClient) -> None:
    key = dialer.headers["x-api-key"]
    for headers in (
        {"x-api-key": key},
        {"Authorization": f"Bearer {key}"},
        {"Authorization": f"bearer  {key}"},
    ):
        assert dialer.post("createBatch", {}, headers=headers).status_code == 400
    id_ = key.partition(".")[0]
    wrong = [
        {},
        {"x-api-key": id_},
        {"x-api-key": f"{id_}.x"},
        {"Authorization": key},
        {"Authorization": "Basic x"},
    ]
    for headers in wrong:
        text, told = refused(dialer.post("createBatch", {}, headers=headers), 403)
        assert (text, told) == ("Invalid or missing API key, or API key does not own the batch", None)


def test_a_key_that_lost_its_account_is_refused(dialer: DialerClient) -> None:
    unbound = keys.issue(partner=dialer.provisioned.partner)
    refused(dialer.post("createBatch", {}, headers={"x-api-key": unbound.single}), 403)
    Grant.objects.all().delete()
    refused(dialer.get("batches"), 403)
    assert ApiKey.objects.exists()

"""POST /api/call/addCallsToBatch: contacts of a batch, in chunks that are stored whole or not at all."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from calls.dialer.models import (
    Batch,
    CallingNumber,
    Contact,
    ContactStatus,
    Enqueue,
    EnqueuedChunk,
    Switch,
    VoiceAgent,
)
from calls.dialer.services import enqueueing
from tests.support import dialer_api
from tests.support.dialer_api import SEED_RECORDS, VARIABLES, DialerClient, data, record, refused
from zipingest.work import WorkState

PUBLIC_ID = re.compile(r"[0-9a-f]{24}")


@pytest.fixture
def batch(dialer: DialerClient) -> Batch:
    dialer.number(variables=VARIABLES)
    return dialer.batch()


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two records a chunk: what holds of a thousand holds of two."""
    monkeypatch.setattr(enqueueing, "CHUNK", 2)


def some(count: int, **fields: Any) -> list[dict[str, Any]]:
    return [record(number, account_id=f"A{number}", **fields) for number in range(count)]


def phones() -> list[str]:
    return list(Contact.objects.order_by("phone").values_list("phone", flat=True))


# --- The document -----------------------------------------------------------------------------------------
def test_the_seeds_request_is_answered_as_the_seed_shows(dialer: DialerClient, batch: Batch) -> None:
    answer = dialer.add(batch.public_id, *SEED_RECORDS)

    first, second = Contact.objects.order_by("id")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    assert (
        answer.content
        == json.dumps(
            {
                "message": "Calls enqueued successfully",
                "status": True,
                "code": 200,
                "errorMessage": "",
                "data": {"added": 2, "callIds": [first.public_id, second.public_id]},
            },
            separators=(",", ":"),
        ).encode()
    )
    assert PUBLIC_ID.fullmatch(first.public_id)
    assert (first.phone, first.status, first.state) == ("+12125551001", ContactStatus.PENDING, WorkState.DUE)
    assert first.variables == {name: text for name, text in SEED_RECORDS[0].items() if name != "phoneNumber"}


def test_calling_starts_by_itself_unless_the_batch_was_stopped(dialer: DialerClient, batch: Batch) -> None:
    dialer.add(batch.public_id, *some(1))
    assert Batch.objects.get().switch == Switch.STARTED
    data(dialer.post("stop-calling", {"batchId": batch.public_id}))
    dialer.add(batch.public_id, *some(2))
    assert Batch.objects.get().switch == Switch.STOPPED


# --- What fails -------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("small_chunks")
def test_a_chunk_that_the_database_refuses_leaves_the_others_in_and_is_done_by_the_same_request(
    dialer: DialerClient, batch: Batch
) -> None:
    body = {"batchId": batch.public_id, "call_data": some(5)}
    dialer_api.refuse_in_database("+12125551003")
    answer = dialer.post("addCallsToBatch", body)

    assert answer.status_code == 207
    told = answer.json()
    assert told.pop("data") == {
        "added": 3,
        "callIds": list(Contact.objects.order_by("phone").values_list("public_id", flat=True)),
        "failedChunks": [{"chunkNum": 2, "error": "Database error"}],
    }
    assert told == {
        "message": "Some calls failed to enqueue",
        "status": False,
        "code": 207,
        "errorMessage": "Partial content, check failedChunks for details",
    }
    assert phones() == ["+12125551000", "+12125551001", "+12125551004"]

    # Those who are in were called meanwhile: the repeat must not have them called again.
    ended = {"status": ContactStatus.COMPLETED, "state": WorkState.DONE}
    Contact.objects.update(**ended)
    dialer_api.refuse_no_more()
    again = data(dialer.post("addCallsToBatch", body))
    contacts = Contact.objects.order_by("phone")
    assert again == {"added": 5, "callIds": [contact.public_id for contact in contacts]}
    assert [contact.status for contact in contacts].count(ContactStatus.COMPLETED) == 3
    assert {contact.round for contact in contacts} == {1}
    assert data(dialer.post("addCallsToBatch", body)) == again


@pytest.mark.usefixtures("small_chunks")
def test_where_every_chunk_failed_it_is_a_fault_of_ours_and_may_be_sent_again(
    dialer: DialerClient, batch: Batch
) -> None:
    dialer_api.refuse_in_database("+12125551000", "+12125551002")
    text, told = refused(dialer.add(batch.public_id, *some(4)), 500)
    assert "again" in text
    assert [chunk["chunkNum"] for chunk in told["failedChunks"]] == [1, 2]
    assert (told["added"], Contact.objects.count(), EnqueuedChunk.objects.count()) == (0, 0, 0)
    assert Batch.objects.get().switch == Switch.IDLE
    dialer_api.refuse_no_more()
    assert data(dialer.add(batch.public_id, *some(4)))["added"] == 4


def test_after_a_day_the_same_body_is_another_request(dialer: DialerClient, batch: Batch) -> None:
    first = data(dialer.add(batch.public_id, *some(1)))
    Contact.objects.update(status=ContactStatus.NO_ANSWER, state=WorkState.DONE)
    assert data(dialer.add(batch.public_id, *some(1))) == first
    assert Contact.objects.get().round == 1
    Enqueue.objects.update(first_at=Enqueue.objects.get().first_at - timedelta(hours=24))
    assert data(dialer.add(batch.public_id, *some(1))) == first
    assert Contact.objects.get().round == 2
    assert enqueueing.forget_old() == 0
    Enqueue.objects.update(first_at=Enqueue.objects.get().first_at - timedelta(hours=25))
    assert enqueueing.forget_old() == 1
    assert not EnqueuedChunk.objects.exists()


# --- The same phone again ---------------------------------------------------------------------------------
def test_who_is_pending_is_updated(dialer: DialerClient, batch: Batch) -> None:
    first = data(dialer.add(batch.public_id, record(account_id="1", name="Sara")))
    changed = record(account_id="2", timezone="America/Chicago")
    assert data(dialer.add(batch.public_id, changed)) == first
    contact = Contact.objects.get()
    assert (contact.variables["account_id"], contact.time_zone, contact.round) == ("2", "America/Chicago", 1)
    assert "name" not in contact.variables


@pytest.mark.parametrize("status", ["completed", "no-answer", "busy", "failed", "cancelled"])
def test_who_has_ended_gets_another_round_now(dialer: DialerClient, batch: Batch, status: str) -> None:
    first = data(dialer.add(batch.public_id, record(account_id="1")))
    Contact.objects.update(status=status, state=WorkState.DONE, tries=3, blocked_by="dnc")
    assert data(dialer.add(batch.public_id, record(account_id="2"))) == first
    contact = Contact.objects.get()
    assert (contact.status, contact.state, contact.round, contact.tries) == ("pending", "due", 2, 0)
    assert (contact.variables["account_id"], contact.blocked_by) == ("2", "")


@pytest.mark.parametrize("status", ["queued", "ringing", "in-progress"])
def test_who_is_being_called_is_updated_for_the_next_round(
    dialer: DialerClient, batch: Batch, status: str
) -> None:
    first = data(dialer.add(batch.public_id, record(account_id="1")))
    Contact.objects.update(status=status, state=WorkState.DONE)
    assert data(dialer.add(batch.public_id, record(account_id="2"))) == first
    contact = Contact.objects.get()
    assert (contact.status, contact.state, contact.round) == (status, "done", 1)
    assert (contact.variables["account_id"], contact.next_variables["account_id"]) == ("1", "2")


@pytest.mark.usefixtures("small_chunks")
def test_twice_in_one_request_the_last_record_counts_for_both(dialer: DialerClient, batch: Batch) -> None:
    records = [*some(3), record(0, account_id="last"), record(1, account_id="last")]
    ids = data(dialer.add(batch.public_id, *records))["callIds"]
    assert (ids[0], ids[1]) == (ids[3], ids[4])
    assert (len(ids), len(set(ids)), Contact.objects.count()) == (5, 3, 3)
    stored = dict(Contact.objects.values_list("public_id", "variables__account_id"))
    assert [stored[id_] for id_ in ids] == ["last", "last", "A2", "last", "last"]
    assert {contact.round for contact in Contact.objects.all()} == {1}


def test_the_same_phone_in_another_batch_is_another_contact(dialer: DialerClient, batch: Batch) -> None:
    other = dialer.batch(batchName="Other")
    ids = {data(dialer.add(each.public_id, *some(1)))["callIds"][0] for each in (batch, other)}
    assert len(ids) == 2


# --- What is refused --------------------------------------------------------------------------------------
def test_a_missing_required_variable_is_told_in_the_seeds_words(dialer: DialerClient, batch: Batch) -> None:
    text, told = refused(dialer.add(batch.public_id, *some(1), record(1), record(2, account_id="")), 400)
    error = "missing required variable 'account_id'"
    assert text == f"call_data[1]: {error}"
    assert told == {"errors": [{"index": index, "field": "account_id", "error": error} for index in (1, 2)]}
    assert not Contact.objects.exists()
    assert not Enqueue.objects.exists()


PHONE = "phoneNumber must be the digits of an E.164 number, with or without +"


@pytest.mark.parametrize(
    ("given", "field", "error"),
    [
        ("x", "", "must be an object"),
        ({"account_id": "A"}, "phoneNumber", "missing required field 'phoneNumber'"),
        ({"account_id": "A", "phoneNumber": "call me"}, "phoneNumber", PHONE),
        ({"account_id": "A", "phoneNumber": 12125551001}, "phoneNumber", PHONE),
        ({"account_id": "A", "phoneNumber": "+0125551001"}, "phoneNumber", PHONE),
        ({"account_id": "A", "phoneNumber": "1234567890123456"}, "phoneNumber", PHONE),
        (
            record(account_id="A", timezone="Mars"),
            "timezone",
            "timezone must be the name of a time zone, like America/Los_Angeles",
        ),
        (record(account_id=4711), "account_id", "variable 'account_id' must be a string"),
        (record(account_id=True), "account_id", "variable 'account_id' must be a string"),
        (record(account_id="A", age="40"), "age", "variable 'age' must be a number"),
        (record(account_id="A", age=True), "age", "variable 'age' must be a number"),
        (record(account_id="A", vip=1), "vip", "variable 'vip' must be a boolean"),
        (record(account_id="A\0"), "account_id", "account_id must not contain the character U+0000"),
        (record(account_id="A", note={"x": ["\ud800"]}), "note", "note must not contain unpaired surrogates"),
    ],
)
def test_a_wrong_record_is_refused_before_anything_is_written(
    dialer: DialerClient, batch: Batch, given: Any, field: str, error: str
) -> None:
    more = [{"key": "age", "required": False, "type": "number"}, {"key": "vip", "type": "boolean"}]
    VoiceAgent.objects.update(variables=VARIABLES + more)
    text, told = refused(dialer.add(batch.public_id, *some(1), given), 400)
    assert told == {"errors": [{"index": 1, "field": field, "error": error}]}
    assert text == f"call_data[1]: {error}"
    assert not Contact.objects.exists()


def test_what_every_agent_of_the_batch_needs_is_required(dialer: DialerClient, batch: Batch) -> None:
    more = dialer.number("+12025550101", [{"key": "age", "required": True, "type": "number"}], name="Bob")
    both = [more.public_id, dialer.number().public_id]
    found = dialer.batch(callingNumbers=both)
    text, _ = refused(dialer.add(found.public_id, *some(1)), 400)
    assert text == "call_data[0]: missing required variable 'age'"
    assert data(dialer.add(found.public_id, *some(1, age=40)))["added"] == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"batchId": "BATCH"},
        {"batchId": "BATCH", "call_data": []},
        {"batchId": "BATCH", "call_data": {}},
        {"call_data": [{}]},
        {"batchId": 7, "call_data": [{}]},
        {"batchId": "a\0b", "call_data": [{}]},
        [],
        b"{",
        b'{"batchId": NaN}',
    ],
)
def test_a_body_of_another_form_is_refused(dialer: DialerClient, batch: Batch, body: Any) -> None:
    if isinstance(body, dict) and body.get("batchId") == "BATCH":
        body["batchId"] = batch.public_id
    refused(dialer.post("addCallsToBatch", body), 400)


def test_a_batch_is_found_by_its_owner_alone(dialer: DialerClient, batch: Batch) -> None:
    stranger = dialer_api.client(sub_tenant="elsewhere")
    refused(stranger.add(batch.public_id, *some(1)), 403)
    refused(dialer.add("64e5f12345abcdef98765432", *some(1)), 404)
    dialer.delete(f"delete-batch/{batch.public_id}")
    refused(dialer.add(batch.public_id, *some(1)), 404)


def test_without_an_agent_for_its_numbers_it_is_not_found(dialer: DialerClient, batch: Batch) -> None:
    CallingNumber.objects.update(agent=None)
    text, _ = refused(dialer.add(batch.public_id, *some(1)), 404)
    assert text == "No agent found for the calling numbers of the batch"


def test_a_body_is_bounded_before_it_is_read(dialer: DialerClient) -> None:
    def post(body: bytes, content_type: str = "application/json", **meta: str) -> HttpResponse:
        path = "/api/call/addCallsToBatch"
        return Client().generic("POST", path, body, content_type, headers=dialer.headers, **meta)

    refused(post(b"{}", "text/plain"), 415)
    refused(post(b"", CONTENT_LENGTH=""), 411)
    refused(post(b" " * (20 * 1024 * 1024 + 1)), 413)


# --- What it costs ----------------------------------------------------------------------------------------
def test_a_chunk_takes_as_many_statements_whatever_its_size(dialer: DialerClient, batch: Batch) -> None:
    """New ones, pending ones, ended ones and those being called, in one request."""

    def statements(count: int, offset: int) -> int:
        records = [record(offset + number, account_id="A") for number in range(count)]
        dialer.add(batch.public_id, *records[: count * 3 // 4])
        kept = list(Contact.objects.order_by("-pk")[: count * 3 // 4].values_list("pk", flat=True))
        third = len(kept) // 3
        Contact.objects.filter(pk__in=kept[:third]).update(status="completed", state="done")
        Contact.objects.filter(pk__in=kept[third : 2 * third]).update(status="ringing", state="done")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            data(dialer.add(batch.public_id, *records))
        return len([each for each in queries if "SAVEPOINT" not in each["sql"]])

    few = statements(4, 0)
    assert statements(400, 1000) == few
    assert few <= 20

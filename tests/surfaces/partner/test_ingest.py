"""A batch goes in: the seed's answer, one transaction, one message, and each call once."""

import re
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from calls.models import Agent, Call, Customer, DispositionChange, IngestBatch, IngestItem, Recording
from partners import keys
from tests.support import factories
from tests.support.api import CALLS, PartnerClient
from tests.support.factories import item
from zipingest.work import WorkState


def conflicts(api: PartnerClient, id: str = "call123") -> list[str]:
    return api.get(f"{CALLS}/{id}").json()["data"]["conflicts"]


def fail(id: str = "call123") -> None:
    Recording.objects.filter(call__external_id=id).update(
        state=WorkState.FAILED, attempts=1, last_error="the server answered 404"
    )


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the tasks that the broker was given."""
    tasks: list[str] = []
    monkeypatch.setattr("zipingest.work.running._send", tasks.append)
    return tasks


# --- The answer -------------------------------------------------------------------------------------------
def test_the_seeds_example_is_answered_as_the_seed_says(api: PartnerClient) -> None:
    response = api.post_batch(item())
    assert response.status_code == 200
    assert response.content == b'{"success":true}'
    assert response["Content-Type"] == "application/json"


def test_everything_more_travels_in_headers(api: PartnerClient) -> None:
    response = api.post_batch(item())
    batch = IngestBatch.objects.get()
    assert response["Location"] == f"/api/v1/partner/ingest/batches/{batch.uuid}"
    assert response["X-Duplicates"] == "0"
    assert re.fullmatch("[0-9a-f]{32}", response["X-Request-Id"])
    assert (response["X-RateLimit-Limit"], response["X-RateLimit-Remaining"]) == ("120", "119")
    assert batch.request_id == response["X-Request-Id"]


def test_a_request_id_of_the_partners_is_kept(api: PartnerClient) -> None:
    response = api.post_batch(item(), x_request_id="partner-77")
    assert response["X-Request-Id"] == "partner-77"
    assert Call.objects.get().request_id == "partner-77"


def test_a_call_is_stored_with_everything_that_was_sent(api: PartnerClient) -> None:
    api.post_batch(item(custom_fields=[{"internal_name": "region", "value": "North", "unit": "x"}]))
    call = factories.call(api.provisioned)
    assert call.recording.source_url == "https://example.com/recordings/call123.mp3"
    assert call.recording.state == WorkState.DUE
    assert call.started_at.isoformat() == "2023-01-01T10:00:00+00:00"
    assert call.ended_at.isoformat() == "2023-01-01T10:30:00+00:00"
    assert call.customer_phone == "+1234567890"
    assert (call.agent.external_id, call.agent.email, call.agent.name) == (
        "agent123",
        "agent@example.com",
        "John Doe",
    )
    assert (call.customer.external_id, call.customer.disposition) == ("customer123", "interested")
    assert call.callback_url == "https://partner.example.com/callback"
    assert call.metadata == {"campaign": "Q1 Outreach", "source": "Website"}
    assert call.custom_fields == [{"internal_name": "region", "value": "North", "unit": "x"}]
    assert call.disposition == "interested"


def test_what_a_later_call_omits_of_a_person_stays(api: PartnerClient) -> None:
    api.post_batch(item("one"))
    api.post_batch(item("two", agent={"name": ..., "email": "new@example.com"}))
    agent = Agent.objects.get()
    assert (agent.name, agent.email) == ("John Doe", "new@example.com")


def test_a_sandbox_keys_calls_are_marked(api: PartnerClient) -> None:
    sandbox = keys.issue(partner=api.provisioned.partner, sandbox=True)
    api.post_batch(item(), x_api_key=sandbox.key.key_id, x_api_secret=sandbox.secret)
    assert Call.objects.get().sandbox


# --- Once -------------------------------------------------------------------------------------------------
def test_the_same_request_again_changes_nothing(api: PartnerClient) -> None:
    first, again = api.post_batch(item()), api.post_batch(item())
    assert first.content == again.content == b'{"success":true}'
    assert first.status_code == again.status_code == 200
    assert again["X-Duplicates"] == "1"
    assert (Call.objects.count(), Recording.objects.count(), DispositionChange.objects.count()) == (1, 1, 1)
    assert conflicts(api) == []


def test_key_order_and_equal_times_are_no_conflict(api: PartnerClient) -> None:
    api.post_batch(item())
    api.post_batch(
        item(
            metadata={"source": "Website", "campaign": "Q1 Outreach"},
            call={"start_time": "2023-01-01T10:00:00.000+00:00"},
        )
    )
    assert conflicts(api) == []


def test_of_an_id_that_stands_twice_in_a_batch_the_first_wins(api: PartnerClient) -> None:
    response = api.post_batch(item("twice"), item("other"), item("twice", customer={"name": "Somebody"}))
    assert (response.status_code, response["X-Duplicates"]) == (200, "1")
    assert factories.call(api.provisioned, "twice").customer.name == "Jane Smith"
    assert conflicts(api, "twice") == ["customer.name"]
    outcomes = IngestItem.objects.order_by("position").values_list("outcome", flat=True)
    assert list(outcomes) == ["accepted", "accepted", "conflict"]


def test_other_content_under_a_known_id_changes_nothing_and_is_noted(api: PartnerClient) -> None:
    api.post_batch(item())
    changed = item(
        call={"recording_url": "https://example.com/other.mp3", "contact_number": "+49301234567"},
        customer={"name": "Other", "disposition_status": "lost"},
        industry="Farming",
        metadata=...,
    )
    response = api.post_batch(changed)
    assert (response.status_code, response["X-Duplicates"]) == (200, "1")
    assert conflicts(api) == [
        "call.contact_number",
        "call.recording_url",
        "customer.disposition_status",
        "customer.name",
        "extras.industry",
        "metadata",
    ]
    call = factories.call(api.provisioned)
    assert call.recording.source_url == "https://example.com/recordings/call123.mp3"
    assert (call.customer.name, call.customer.disposition) == ("Jane Smith", "interested")


def test_a_failed_call_with_another_url_is_taken_up_again(api: PartnerClient) -> None:
    api.post_batch(item())
    fail()
    response = api.post_batch(item(call={"recording_url": "https://example.com/right.mp3"}))
    assert (response.status_code, response["X-Duplicates"]) == (200, "1")
    recording = factories.call(api.provisioned).recording
    assert (recording.state, recording.run, recording.attempts) == (WorkState.DUE, 2, 0)
    assert recording.source_url == "https://example.com/right.mp3"
    assert conflicts(api) == []


def test_the_url_a_call_was_taken_up_with_is_no_conflict_later(api: PartnerClient) -> None:
    right = item(call={"recording_url": "https://example.com/right.mp3"})
    api.post_batch(item())
    fail()
    api.post_batch(right)
    api.post_batch(right)
    assert factories.call(api.provisioned).recording.run == 2
    assert conflicts(api) == []


def test_of_two_new_urls_in_one_batch_the_first_is_taken(api: PartnerClient) -> None:
    api.post_batch(item())
    fail()
    urls = ("https://example.com/second.mp3", "https://example.com/third.mp3")
    api.post_batch(*(item(call={"recording_url": url}) for url in urls))
    recording = factories.call(api.provisioned).recording
    assert (recording.run, recording.source_url) == (2, urls[0])
    assert conflicts(api) == ["call.recording_url"]


def test_a_failed_call_with_the_same_url_stays_failed(api: PartnerClient) -> None:
    api.post_batch(item())
    fail()
    api.post_batch(item(customer={"name": "Other"}))
    assert factories.call(api.provisioned).recording.state == WorkState.FAILED


# --- Whose id -------------------------------------------------------------------------------------------
def test_an_id_of_another_sub_tenant_is_refused_and_nothing_stored(api: PartnerClient) -> None:
    elsewhere = PartnerClient(factories.provisioned(name="Partner One", sub_tenant="subtenant2"))
    api.post_batch(item("taken"), item("taken too"))
    response = elsewhere.post_batch(item("free"), item("taken"), item("taken too"), item("taken"))
    message = "id is already used in another sub-tenant"
    assert (response.status_code, response.json()) == (
        422,
        {
            "success": False,
            "message": "Validation failed",
            "errors": [{"field": f"data[{n}].call.id", "message": message} for n in (1, 2, 3)],
        },
    )
    assert Call.objects.count() == 2


def test_another_partner_may_use_the_same_ids_for_its_own(api: PartnerClient) -> None:
    other = PartnerClient(factories.provisioned(name="Partner Two"))
    api.post_batch(item())
    response = other.post_batch(item(customer={"name": "Not Jane"}, agent={"name": "Not John"}))
    assert (response.status_code, response["X-Duplicates"]) == (200, "0")
    assert Call.objects.count() == 2
    assert {customer.name for customer in Customer.objects.all()} == {"Jane Smith", "Not Jane"}
    assert {agent.name for agent in Agent.objects.all()} == {"John Doe", "Not John"}


# --- One transaction, one message -------------------------------------------------------------------------
def _fresh(n: int, run: str) -> list[factories.Item]:
    return [
        item(
            f"{run}-{i}",
            agent={"id": f"{run}-a{i}"},
            customer={"id": f"{run}-c{i}", "disposition_status": f"d{i}"},
        )
        for i in range(n)
    ]


def _queries(api: PartnerClient, items: list[factories.Item]) -> int:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert api.post_batch(*items).status_code == 200
    return len(queries)


def _other_urls(items: list[factories.Item]) -> list[factories.Item]:
    for given in items:
        given["call"]["recording_url"] += "?again"
    return items


def test_50_new_calls_cost_as_many_queries_as_one(api: PartnerClient) -> None:
    api.post_batch(item())  # the key's last use is written
    assert _queries(api, _fresh(1, "one")) == _queries(api, _fresh(50, "fifty"))


def test_50_known_calls_cost_as_many_queries_as_one(api: PartnerClient) -> None:
    api.post_batch(*_fresh(50, "known"))
    assert _queries(api, _fresh(1, "known")) == _queries(api, _fresh(50, "known"))


def test_50_conflicts_cost_as_many_queries_as_one(api: PartnerClient) -> None:
    api.post_batch(*_fresh(50, "known"))
    assert _queries(api, _other_urls(_fresh(1, "known"))) == _queries(api, _other_urls(_fresh(50, "known")))


def test_50_calls_taken_up_again_cost_as_many_queries_as_one(api: PartnerClient) -> None:
    api.post_batch(*_fresh(51, "known")[1:])
    api.post_batch(*_fresh(1, "known"))
    Recording.objects.update(state=WorkState.FAILED)
    assert _queries(api, _other_urls(_fresh(1, "known"))) == _queries(
        api, _other_urls(_fresh(51, "known")[1:])
    )
    assert Recording.objects.filter(run=2, state=WorkState.DUE).count() == 51


@pytest.mark.parametrize("n", [1, 50])
def test_a_request_sends_one_message(
    api: PartnerClient, sent: list[str], django_capture_on_commit_callbacks: Any, n: int
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        api.post_batch(*_fresh(n, "new"))
    assert sent == ["calls.tasks.fetch_recording"]


def test_50_calls_taken_up_again_send_one_message(
    api: PartnerClient, sent: list[str], django_capture_on_commit_callbacks: Any
) -> None:
    api.post_batch(*_fresh(50, "known"))
    Recording.objects.update(state=WorkState.FAILED)
    # The test is one transaction, which the request before has already asked for a message.
    connection.run_on_commit.clear()
    with django_capture_on_commit_callbacks(execute=True):
        api.post_batch(*_other_urls(_fresh(50, "known")))
    assert sent == ["calls.tasks.fetch_recording"]


def test_a_refused_request_sends_no_message(
    api: PartnerClient, sent: list[str], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        api.post_batch(item(""))
    assert (sent, callbacks) == ([], [])


def test_a_batch_is_named_by_its_location(api: PartnerClient) -> None:
    location = api.post_batch(item())["Location"]
    assert UUID(location.rpartition("/")[2]) == IngestBatch.objects.get().uuid
    assert api.get(location).status_code == 200

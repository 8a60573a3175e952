"""The events of a partner in a sub-tenant: whoever missed a callback reads what it would have told."""

from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext

from calls.services import retention, scrubbing
from partners import deliveries, events
from partners.models import Delivery, EventFeed
from partners.provisioning import Provisioned
from tests.support import factories
from tests.support.api import PartnerClient, data
from zipingest.work import WorkState

EVENTS = "/api/v1/partner/events"


def owe(partner: Provisioned, call: str, subject: UUID | None = None) -> Delivery:
    return deliveries.owe(
        partner=partner.partner,
        sub_tenant=partner.sub_tenant,
        event=deliveries.CALL_PROCESSED,
        url="https://partner.example.com/callback",
        payload={"call_id": call, "status": "completed"},
        subject=subject or uuid4(),
    )


def told(response: HttpResponse) -> list[tuple[int, str]]:
    """Number and call of each event of a page."""
    return [(event["sequence"], event["data"].get("call_id", "")) for event in data(response)["events"]]


def read_all(api: PartnerClient, path: str) -> list[tuple[int, str]]:
    """From page to page, until there is no more."""
    events = []
    while True:
        response = api.get(path)
        events += told(response)
        if not data(response)["has_more"]:
            return events
        path = address(response)


def address(response: HttpResponse) -> str:
    parts = urlsplit(data(response)["next"])
    return f"{parts.path}?{parts.query}"


def test_an_event_says_what_the_callback_says(partner: Provisioned, api: PartnerClient) -> None:
    delivery = owe(partner, "call123")
    Delivery.objects.update(state=WorkState.FAILED, attempts=4, last_status=500)
    response = api.get(EVENTS)
    (event,) = data(response)["events"]
    assert event.pop("created_at").endswith("Z")
    assert event == {
        "sequence": 1,
        "id": delivery.webhook_id,
        "type": "call.processed",
        "data": {"call_id": "call123", "status": "completed"},
        "callback": {"state": "failed", "attempts": 4, "last_status": 500, "next_attempt_at": None},
    }
    assert (data(response)["next"], data(response)["has_more"]) == (
        f"http://testserver{EVENTS}?after=1",
        False,
    )


def test_events_are_read_to_the_end_and_on_from_there(partner: Provisioned, api: PartnerClient) -> None:
    for n in range(1, 6):
        owe(partner, f"call{n}")
    assert told(api.get(EVENTS, {"per_page": 2})) == [(1, "call1"), (2, "call2")]
    assert read_all(api, f"{EVENTS}?per_page=2") == [(n, f"call{n}") for n in range(1, 6)]
    end = address(api.get(EVENTS, {"after": 5, "per_page": 2}))
    assert told(api.get(end)) == []
    owe(partner, "call6")
    assert told(api.get(end)) == [(6, "call6")]


def test_a_backlog_is_numbered_in_steps_without_a_gap(
    partner: Provisioned, api: PartnerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "NUMBERED_AT_ONCE", 3)
    for n in range(1, 9):
        owe(partner, f"call{n}")
    assert read_all(api, f"{EVENTS}?per_page=2") == [(n, f"call{n}") for n in range(1, 9)]


def test_a_redelivery_is_no_new_event(partner: Provisioned, api: PartnerClient) -> None:
    delivery = owe(partner, "call123")
    owe(partner, "next")
    before = data(api.get(EVENTS))["events"]
    Delivery.objects.filter(pk=delivery.pk).update(state=WorkState.DONE, attempts=1)
    assert deliveries.redeliver(delivery=delivery)
    after = data(api.get(EVENTS))["events"]
    assert [event.pop("callback")["attempts"] for event in after] == [1, 0]
    assert after == [{name: value for name, value in event.items() if name != "callback"} for event in before]


def test_each_partner_reads_its_own_events_of_the_sub_tenant_alone(
    partner: Provisioned, api: PartnerClient
) -> None:
    other = factories.provisioned()
    elsewhere = factories.provisioned(name="Partner One", sub_tenant="elsewhere")
    for n, whose in enumerate((other, partner, elsewhere, partner, other, partner)):
        owe(whose, f"call{n}")
    deliveries.send_test(partner=partner.partner, url="https://partner.example.com/callback")
    assert told(api.get(EVENTS)) == [(1, "call1"), (2, "call3"), (3, "call5")]
    assert told(api.get(EVENTS, x_sub_tenant_id="elsewhere")) == [(1, "call2")]
    assert told(PartnerClient(other).get(EVENTS)) == [(1, "call0"), (2, "call4")]


def test_an_erased_event_keeps_its_place_and_tells_nothing(partner: Provisioned, api: PartnerClient) -> None:
    for n in range(3):
        owe(partner, f"call{n}")
    api.get(EVENTS)
    scrubbing.scrub_deliveries(Delivery.objects.filter(body__contains="call1"))
    assert told(api.get(EVENTS)) == [(1, "call0"), (2, ""), (3, "call2")]


def test_the_number_of_an_event_that_is_gone_is_not_given_again(
    partner: Provisioned, api: PartnerClient
) -> None:
    factories.ingest(factories.provisioned(name="Partner One", sandbox=True))
    call = factories.call(partner)
    owe(partner, "sandbox", subject=call.uuid)
    assert told(api.get(EVENTS)) == [(1, "sandbox")]
    type(call).objects.update(received_at=call.received_at - retention.SANDBOX_KEPT)
    assert retention.purge_sandbox() == 1
    owe(partner, "next")
    assert told(api.get(EVENTS)) == [(2, "next")]


@pytest.mark.parametrize("after", ["2", "-1", "x", "", "9" * 18, "9" * 30, "%00"])
def test_a_cursor_that_no_answer_gave_is_refused(
    partner: Provisioned, api: PartnerClient, after: str
) -> None:
    owe(partner, "call123")
    response = api.get(f"{EVENTS}?after={after}")
    assert (response.status_code, response.json()["errors"]) == (
        422,
        [{"field": "after", "message": "after must be a cursor that an earlier answer gave"}],
    )


def test_reading_writes_only_when_there_is_something_new(partner: Provisioned, api: PartnerClient) -> None:
    with CaptureQueriesContext(connection) as idle:
        assert told(api.get(EVENTS)) == []
    for n in range(20):
        owe(partner, f"call{n}")
    with CaptureQueriesContext(connection) as first:
        assert len(told(api.get(EVENTS, {"per_page": 19}))) == 19
    with CaptureQueriesContext(connection) as again:
        assert len(told(api.get(EVENTS, {"per_page": 19}))) == 19
    assert [len(of_the_feed(asked)) for asked in (idle, first, again)] == [3, 8, 2]
    assert not any("UPDATE" in sql for asked in (idle, again) for sql in of_the_feed(asked))
    assert EventFeed.objects.get().last == 20


def of_the_feed(asked: CaptureQueriesContext) -> list[Any]:
    return [query["sql"] for query in asked if "partners_delivery" in query["sql"] or "feed" in query["sql"]]

"""POST and PUT transactions.json: signals and custom data of a call, found by its id or by its time."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext

from calls.models import Call, CustomValue, Network, PendingTransaction, Signal
from partners import keys
from partners.models.keys import Scope
from tests.support.network import (
    TRANSACTIONS,
    NetworkClient,
    Networked,
    call_body,
    call_of,
    error,
    networked,
    with_names,
)

STARTED_AT = datetime(2016, 4, 11, 20, tzinfo=UTC)
NO_CALL = (404, "RecordNotFound", "No call found. Please refer to the documentation.")


@pytest.fixture
def network(db: None) -> Networked:
    return with_names(networked(time_zone="America/Los_Angeles"), "Sale", "Quote", fields=("channel",))


@pytest.fixture
def call(api: NetworkClient) -> Call:
    return call_of(api.post(call_body(start_time="2016-04-11T13:00:00-07:00")))


def report(
    api: NetworkClient, search: Any, *signals: Any, method: str = "POST", **further: Any
) -> HttpResponse:
    return api.request(method, TRANSACTIONS, {"search": search, "signals": signals, **further})


def test_the_answer_is_the_documents(api: NetworkClient, call: Call) -> None:
    given = {"name": "sale", "partner_unique_id": 1, "occurred_at_time": "1440607313", "revenue": "12.5"}
    custom_data = [{"name": "channel", "value": "Paid Search"}]
    answer = report(api, {"transaction_id": call.uuid.hex}, given, {"name": "Quote"}, custom_data=custom_data)
    sale, quote = Signal.objects.order_by("pk")
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "signals": [
                {
                    "transaction_id": sale.transaction_id.hex,
                    "corrects_transaction_id": None,
                    "name": "Sale",
                    "partner_unique_id": "1",
                    "occurred_at_time_t": "1440607313",
                    "occurred_at_time": "2015-08-26T16:41:53Z",
                    "revenue": "12.50",
                    "value": "true",
                },
                {
                    "transaction_id": quote.transaction_id.hex,
                    "corrects_transaction_id": None,
                    "name": "Quote",
                    "partner_unique_id": "",
                    "occurred_at_time_t": str(int(quote.occurred_at.timestamp())),
                    "occurred_at_time": quote.occurred_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                    "revenue": None,
                    "value": "true",
                },
            ],
            "call": {
                "transaction_id": call.uuid.hex,
                "corrects_transaction_id": None,
                "start_time_t": "1460404800",
                "call_start_time": "2016-04-11T20:00:00Z",
            },
        },
    )
    assert CustomValue.objects.get(call=call).value == "Paid Search"
    assert quote.occurred_at == quote.created_at

    (again,) = report(api, {"call_record_id": str(call.uuid)}, given, method="PUT").json()["signals"]
    assert again == answer.json()["signals"][0]
    (changed,) = report(api, {"transaction_id": call.uuid.hex}, {**given, "value": "No"}).json()["signals"]
    assert changed["corrects_transaction_id"] == sale.transaction_id.hex
    assert changed["transaction_id"] not in (sale.transaction_id.hex, quote.transaction_id.hex)
    assert (changed["value"], changed["revenue"], changed["occurred_at_time_t"]) == (
        "false",
        "12.50",
        "1440607313",
    )


def test_a_call_is_found_by_its_time_in_every_format(api: NetworkClient, call: Call) -> None:
    for moment in (
        1460404800,
        "1460404800000",
        "20160411200000000",
        "2016/04/11T23:00:00.000+03:00",
        "2016-04-11 13:00:00",
        "2016/04/11 13:00:00.000 PM",
        "2016-04-11T20:09:59Z",
    ):
        answer = report(api, {"call_start_time": moment}, {"name": "Sale"})
        assert answer.status_code == 200, (moment, answer.content)
        assert answer.json()["call"]["transaction_id"] == call.uuid.hex
    narrowed = {"call_start_time": 1460404800, "duration_in_seconds": "61.5"}
    for phone in (8779257384, "8779257384", "+18779257384", "+1 877 9257384"):
        fits = {**narrowed, "calling_phone_number": phone, "advertiser_campaign_id_from_network": 86}
        assert report(api, fits, {"name": "Sale"}).status_code == 200, phone
    for wrong in (
        {"call_start_time": "2016-04-11T20:10:01Z"},
        {**narrowed, "calling_phone_number": "+4930123456"},
        {**narrowed, "advertiser_campaign_id_from_network": "87"},
        {"transaction_id": "00000000-00000001"},
        {"transaction_id": "f" * 32, "call_record_id": call.uuid.hex, "call_start_time": 1460404800},
    ):
        for in_progress in (False, "transaction_id" in wrong):
            assert error(report(api, wrong, {"name": "Sale"}, call_in_progress=in_progress)) == NO_CALL
    ignored = {"transaction_id": call.uuid.hex, "calling_phone_number": "none", "duration_in_seconds": []}
    assert report(api, ignored, {"name": "Sale"}).status_code == 200
    assert Signal.objects.count() == 1


def test_only_calls_of_its_own_account_are_found_and_an_account_need_not_be_a_network(
    api: NetworkClient, call: Call
) -> None:
    other = networked("network2")
    stranger = NetworkClient(other.token)
    for search in ({"transaction_id": call.uuid.hex}, {"call_start_time": 1460404800}):
        assert error(report(stranger, search)) == NO_CALL
    call.refresh_from_db()
    Network.objects.all().delete()
    assert error(report(api, {"call_start_time": "2016-04-11 13:00:00"})) == NO_CALL
    answer = report(api, {"call_start_time": "2016-04-11 20:00:00"})
    assert (answer.status_code, answer.json()["signals"]) == (200, [])


def test_values_are_taken_as_people_write_them(api: NetworkClient, call: Call) -> None:
    def stands(**given: Any) -> tuple[str, str | None]:
        (signal,) = report(api, {"transaction_id": call.uuid.hex}, {"name": "Sale", **given}).json()[
            "signals"
        ]
        return signal["value"], signal["revenue"]

    for value in (True, 1, "true", "TRUE", "1", "Yes", "yes", None, ""):
        assert stands(value=value) == ("true", None), value
    for value in (False, 0, "false", "False", "0", "No", "nO"):
        assert stands(value=value) == ("false", None), value
    for given, revenue in (
        (0, "0.00"),
        (100, "100.00"),
        (12.5, "12.50"),
        ("12.05", "12.05"),
        (0.1, "0.10"),
        ("-3", "-3.00"),
        ("9999999999999.99", "9999999999999.99"),
        (None, None),
        ("", None),
    ):
        assert stands(revenue=given) == ("true", revenue), given


def test_a_report_of_a_call_in_progress_is_answered_with_nothing_and_applied_when_it_comes(
    api: NetworkClient,
) -> None:
    search = {
        "call_start_time": "2022-03-25 09:35:00",
        "calling_phone_number": 8779257384,
        "duration_in_seconds": 90,
        "advertiser_campaign_id_from_network": 86,
    }
    said = {"name": "sale", "revenue": 12.5, "partner_unique_id": "1"}
    custom_data = [{"name": "channel", "value": 7}]
    answers = [
        report(api, search, said, custom_data=custom_data, call_in_progress=value) for value in (True, "Yes")
    ]
    assert [(answer.status_code, answer.content) for answer in answers] == [(201, b"")] * 2
    kept = PendingTransaction.objects.earliest("pk")
    assert (kept.phone, kept.campaign_id_from_network, kept.duration_seconds) == ("+18779257384", "86", 90)
    assert kept.request_id == answers[0].headers["X-Request-Id"]
    arrived = call_of(api.post_call())
    assert list(arrived.signals.values_list("name__name", "partner_unique_id", "is_current")) == [
        ("Sale", "1", True)
    ]
    assert CustomValue.objects.get(call=arrived).value == "7"
    answer = report(api, {"call_record_id": arrived.uuid.hex}, {"name": "Quote"}, call_in_progress=1)
    assert (answer.status_code, answer.content) == (201, b"")
    assert arrived.signals.count() == 2


def test_who_may_report(network: Networked, call: Call) -> None:
    body = {"search": {"transaction_id": call.uuid.hex}}
    Network.objects.update(ingestion_enabled=False)
    in_body = NetworkClient(None).post({**body, "oauth_token": network.token}, TRANSACTIONS)
    assert in_body.status_code == 200, "of calls that are here, whatever the switch says of new ones"
    assert NetworkClient(network.token).put(body, TRANSACTIONS).status_code == 200
    reader = keys.issue(partner=network.partner, sub_tenant=network.sub_tenant, scopes=[Scope.READ])
    refused = NetworkClient(reader.single).post(body, TRANSACTIONS)
    assert error(refused) == (
        403,
        "UnauthorizedOperation",
        "You do not have permissions to perform the requested operation.",
    )
    nobody = NetworkClient(None).post(body, TRANSACTIONS)
    assert error(nobody) == (401, "Unauthorized", "Invalid or missing oauth token")
    elsewhere = NetworkClient(network.token).post(body, TRANSACTIONS.replace("2018", "2017"))
    assert error(elsewhere)[:2] == (400, "InvalidVersion")
    assert NetworkClient(network.token).get(TRANSACTIONS).status_code == 405


def test_a_hundred_signals_take_as_many_statements_as_one(api: NetworkClient, call: Call) -> None:
    def statements(search: dict[str, Any], count: int) -> int:
        said = [{"name": "Sale", "partner_unique_id": n, "revenue": n + count} for n in range(count)]
        with CaptureQueriesContext(connection) as captured:
            assert report(api, search, *said).status_code == 200
        return len(captured)

    by_id, by_time = {"transaction_id": call.uuid.hex}, {"call_start_time": 1460404800}
    statements(by_id, 99)  # the first request of a key notes its use
    counts = [statements(by_id, 1), statements(by_id, 100), statements(by_time, 2)]
    clock = connection.vendor == "postgresql"
    assert counts == [13 + clock, 13 + clock, 15 + clock]

"""What is wrong with a body of transactions.json, in the words of the document; nothing of it is kept."""

from typing import Any

import pytest

from calls.models import Call, CustomValue, PendingTransaction, Signal
from tests.support.network import (
    TRANSACTIONS,
    NetworkClient,
    Networked,
    call_of,
    error,
    networked,
    with_names,
)
from tests.support.stored import everything_stored

NO_SEARCH = "transaction_id, call_record_id, or call_start_time must not be empty"
# The document's own example: what is missing is told before what is not as it should be (the revenue).
BAD = {
    "search": {"transaction_id": "0000000-0000000A"},
    "signals": [
        {"name": "sale", "custom_parameter_1": "12345"},
        {"revenue": "1,000", "value": "true"},
        {"name": "sale", "description": "duplicate"},
    ],
    "custom_data": [{"value": "no_name"}, {"name": "no_value"}],
}


@pytest.fixture
def network(db: None) -> Networked:
    return with_names(networked(), "Sale", "Quote", fields=("channel",))


@pytest.fixture
def call(api: NetworkClient) -> Call:
    return call_of(api.post_call())


def refused(api: NetworkClient, body: dict[str, Any]) -> tuple[int, str, str]:
    """The refusal, which has changed nothing, whether or not the call is still to come."""
    before = everything_stored(Signal, CustomValue, PendingTransaction)
    answers = [error(api.post({**body, **more}, TRANSACTIONS)) for more in ({}, {"call_in_progress": True})]
    assert everything_stored(Signal, CustomValue, PendingTransaction) == before
    assert answers[0] == answers[1]
    return answers[0]


def test_all_that_is_missing_is_told_at_once_in_the_documents_order(api: NetworkClient) -> None:
    everything = (
        "The following params in 'signals' are not supported in this version: "
        "custom_parameter_1, description; "
        "signals[1] 'name' is required; "
        "'name' for signals[0] and signals[2] must be unique; "
        "'name' for custom_data[0] is required; "
        "'value' for custom_data[1] is required"
    )
    assert refused(api, BAD) == (403, "InvalidInput", everything)
    assert refused(api, {**BAD, "search": {}}) == (403, "InvalidInput", f"{NO_SEARCH}; {everything}")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, NO_SEARCH),
        ({"search": None}, NO_SEARCH),
        ({"search": []}, NO_SEARCH),
        ({"search": {"calling_phone_number": "+18885551212"}}, NO_SEARCH),
        ({"search": {"transaction_id": "", "call_record_id": None, "call_start_time": ""}}, NO_SEARCH),
        ({"signals": [{"name": "Sale"}, {"name": ""}]}, "signals[1] 'name' is required"),
        (
            {"signals": [{"name": "a", "partner_unique_id": 1}, {"name": "A", "partner_unique_id": "1"}]},
            "'name' for signals[0] and signals[1] must be unique",
        ),
        (
            {"signals": [{"name": "a"}, {"name": "b"}, {"name": "a"}, {"name": "A", "value": 0}]},
            "'name' for signals[0] and signals[2] must be unique; "
            "'name' for signals[0] and signals[3] must be unique",
        ),
        ({"custom_data": [{"name": "channel", "value": ""}]}, "'value' for custom_data[0] is required"),
        (
            {"custom_data": [{}, {}]},
            "'name' for custom_data[0] is required; 'name' for custom_data[1] is required; "
            "'value' for custom_data[0] is required; 'value' for custom_data[1] is required",
        ),
    ],
)
def test_what_is_missing(api: NetworkClient, call: Call, body: dict[str, Any], says: str) -> None:
    body = {"search": {"transaction_id": call.uuid.hex}, **body} if body and "search" not in body else body
    assert refused(api, body) == (403, "InvalidInput", says)


MONEY = "must be a number of at most 2 decimals, without separators, like 1234.50"
TIME = "is in none of the supported timestamp formats"


@pytest.mark.parametrize(
    ("signal", "says"),
    [
        *[({"revenue": revenue}, f"'signals[0].revenue' {MONEY}") for revenue in (
            "1,000", "1.234", 1.234, "$5", "1e3", 1e300, "12.", ".5", "+1", " 1", True, [], "٣", "1" * 14,
        )],
        *[({"value": value}, "'signals[0].value' must be true or false, 1 or 0, Yes or No") for value in (
            "maybe", 2, [], 0.5,
        )],
        ({"occurred_at_time": "yesterday"}, f"'signals[0].occurred_at_time' {TIME}"),
        ({"partner_unique_id": 1.5}, "'signals[0].partner_unique_id' must be a whole number or a string"),
        (
            {"partner_unique_id": "x" * 256},
            "'signals[0].partner_unique_id' must be at most 255 characters long",
        ),
        ({"name": 7}, "'signals[0].name' must be a string"),
        ({"name": "a\0"}, "'signals[0].name' must not contain the character U+0000"),
    ],
)  # fmt: skip # a table: its rows stay on a line each
def test_what_is_not_as_it_should_be(
    api: NetworkClient, call: Call, signal: dict[str, Any], says: str
) -> None:
    body = {"search": {"transaction_id": call.uuid.hex}, "signals": [{"name": "Sale", **signal}]}
    assert refused(api, body) == (403, "RecordInvalid", f"Validation failed: {says}")


def test_of_what_is_not_as_it_should_be_all_is_told(api: NetworkClient, call: Call) -> None:
    search = {
        "call_start_time": "2016-13-01 00:00:00",
        "calling_phone_number": "911",
        "duration_in_seconds": "long",
        "advertiser_campaign_id_from_network": 1.5,
    }
    body = {"search": search, "signals": {}, "custom_data": [7]}
    status, class_, says = refused(api, body)
    assert (status, class_) == (403, "RecordInvalid")
    assert set(says.removeprefix("Validation failed: ").split("; ")) == {
        "'search.call_start_time' is not a time that exists: month must be in 1..12",
        "'search.calling_phone_number' must be a phone number in E.164 format, like +18885551212",
        "'search.duration_in_seconds' must be a number of seconds",
        "'search.advertiser_campaign_id_from_network' must be a whole number or a string",
        "'signals' must be an array",
        "'custom_data[0]' must be an object",
    }
    told = error(
        api.post({"search": {"call_start_time": 1460404800}, "call_in_progress": "soon"}, TRANSACTIONS)
    )
    assert told[2] == "Validation failed: 'call_in_progress' must be true or false, 1 or 0, Yes or No"
    for name in ("\ud800", "\0"):
        body = {"search": {"transaction_id": "1"}, "signals": [{name: 1}]}
        assert error(api.post(body, TRANSACTIONS))[:2] == (403, "RecordInvalid")


def test_a_hundred_signals_are_the_most(api: NetworkClient, call: Call) -> None:
    limited = (403, "RecordInvalid", "Validation failed: Signals are limited to 100")
    search = {"transaction_id": call.uuid.hex}
    said = [{"name": "Sale", "partner_unique_id": number} for number in range(101)]
    assert refused(api, {"search": search, "signals": said}) == limited
    assert refused(api, {"search": {"transaction_id": "unknown"}, "signals": said}) == limited
    assert api.post({"search": search, "signals": said[:100]}, TRANSACTIONS).status_code == 200
    assert refused(api, {"search": search, "signals": said[100:]}) == limited
    assert api.post({"search": search, "signals": said[:1]}, TRANSACTIONS).status_code == 200


def test_names_that_the_account_does_not_have(api: NetworkClient, call: Call) -> None:
    with_names(networked("network2"), "Elsewhere", fields=("elsewhere",))
    search = {"transaction_id": call.uuid.hex}
    known, unknown = {"name": "sale"}, {"name": "Elsewhere"}
    assert refused(api, {"search": search, "signals": [known, unknown]}) == (
        403,
        "signals[1].name",
        "signal must already exist in your Signal AI configuration",
    )
    custom_data = [{"name": "Channel", "value": "mail"}]
    assert refused(api, {"search": search, "signals": [known], "custom_data": custom_data}) == (
        403,
        "custom_data[0].name",
        "field must already exist in your Custom Data configuration",
    )

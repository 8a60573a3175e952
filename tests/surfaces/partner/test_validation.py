"""Every message of the documents, with the field it names; a batch is taken whole or not at all."""

import json
from typing import Any

import pytest

from calls.models import Agent, Call, Customer, IngestBatch
from tests.support import factories
from tests.support.api import PartnerClient
from tests.support.factories import item

NOT_EMPTY = "should not be empty"
NO_STRING = "must be a string"
NO_OBJECT = "must be an object"
NO_TIME = "must be a valid ISO 8601 date string in UTC"
NO_PHONE = "must be a valid E.164 phone number"
NO_URL = "must be a URL address"
NO_HTTPS = "must be a valid https URL"
NO_EMAIL = "must be an email"
TOO_LONG = "must be shorter than or equal to 255 characters"
NO_NUMBER = "must be a string or a number"
NUL = "must not contain the character U+0000"
SURROGATE = "must not contain unpaired surrogates"

# What is changed in the seed's item, the field that is named for it, and what is said.
WRONG: list[tuple[dict[str, Any], str, str]] = [
    # call.id
    ({"call": {"id": ""}}, "call.id", f"id {NOT_EMPTY}"),
    ({"call": {"id": ...}}, "call.id", f"id {NOT_EMPTY}"),
    ({"call": {"id": None}}, "call.id", f"id {NOT_EMPTY}"),
    ({"call": {"id": 123}}, "call.id", f"id {NO_STRING}"),
    ({"call": {"id": False}}, "call.id", f"id {NO_STRING}"),
    ({"call": {"id": ["a"]}}, "call.id", f"id {NO_STRING}"),
    ({"call": {"id": float("inf")}}, "call.id", f"id {NO_STRING}"),
    ({"call": {"id": "x" * 256}}, "call.id", f"id {TOO_LONG}"),
    ({"call": {"id": "a\0b"}}, "call.id", f"id {NUL}"),
    ({"call": {"id": "a\ud800b"}}, "call.id", f"id {SURROGATE}"),
    # times
    ({"call": {"start_time": ...}}, "call.start_time", f"start_time {NOT_EMPTY}"),
    ({"call": {"start_time": ""}}, "call.start_time", f"start_time {NOT_EMPTY}"),
    ({"call": {"start_time": "yesterday"}}, "call.start_time", f"start_time {NO_TIME}"),
    ({"call": {"start_time": 1672567200}}, "call.start_time", f"start_time {NO_TIME}"),
    ({"call": {"start_time": True}}, "call.start_time", f"start_time {NO_TIME}"),
    ({"call": {"start_time": "2023-01-01"}}, "call.start_time", f"start_time {NO_TIME}"),
    ({"call": {"start_time": "2023-01-01T10:00:00"}}, "call.start_time", f"start_time {NO_TIME}"),
    ({"call": {"start_time": "2023-01-01T10:00:00+01:00"}}, "call.start_time", f"start_time {NO_TIME}"),
    ({"call": {"start_time": "2023-01-01T10:00:00-00:00"}}, "call.start_time", f"start_time {NO_TIME}"),
    ({"call": {"start_time": "2023-02-30T10:00:00Z"}}, "call.start_time", f"start_time {NO_TIME}"),
    ({"call": {"start_time": "2023-01-01T10:00:00Z\n"}}, "call.start_time", f"start_time {NO_TIME}"),
    ({"call": {"start_time": "٢٠٢٣-01-01T10:00:00Z"}}, "call.start_time", f"start_time {NO_TIME}"),
    ({"call": {"end_time": "9999-99-99T99:99:99Z"}}, "call.end_time", f"end_time {NO_TIME}"),
    ({"call": {"end_time": "2023-01-01T09:59:59Z"}}, "call.end_time", "end_time must be after start_time"),
    ({"call": {"end_time": "2023-01-01T10:00:00Z"}}, "call.end_time", "end_time must be after start_time"),
    # contact_number
    ({"call": {"contact_number": ...}}, "call.contact_number", f"contact_number {NOT_EMPTY}"),
    ({"call": {"contact_number": ""}}, "call.contact_number", f"contact_number {NOT_EMPTY}"),
    ({"call": {"contact_number": 1234567890}}, "call.contact_number", f"contact_number {NO_STRING}"),
    *(
        ({"call": {"contact_number": number}}, "call.contact_number", f"contact_number {NO_PHONE}")
        for number in ("1234567890", "+0123456", "+1", "+1234567890123456", "+1 234 567", "+١٢٣٤٥٦", "+123\n")
    ),
    # recording_url
    ({"call": {"recording_url": ...}}, "call.recording_url", f"recording_url {NOT_EMPTY}"),
    ({"call": {"recording_url": ""}}, "call.recording_url", f"recording_url {NOT_EMPTY}"),
    ({"call": {"recording_url": {}}}, "call.recording_url", f"recording_url {NO_STRING}"),
    *(
        ({"call": {"recording_url": url}}, "call.recording_url", f"recording_url {NO_URL}")
        for url in (
            "call.mp3",
            "//example.com/a",
            "ftp://example.com/a",
            "file:///etc/passwd",
            "https://",
            "https://example.com/a b",
            "https://example.com:99999/",
            "https://[::1/",
            "https://example.com/\n",
        )
    ),
    (
        {"call": {"recording_url": "https://example.com/" + "x" * 2048}},
        "call.recording_url",
        "recording_url must be shorter than or equal to 2048 characters",
    ),
    # parts
    ({"call": ...}, "call", f"call {NOT_EMPTY}"),
    ({"call": None}, "call", f"call {NOT_EMPTY}"),
    ({"call": []}, "call", f"call {NO_OBJECT}"),
    ({"agent": "agent123"}, "agent", f"agent {NO_OBJECT}"),
    ({"customer": 7}, "customer", f"customer {NO_OBJECT}"),
    # people
    ({"agent": {"id": ""}}, "agent.id", f"id {NOT_EMPTY}"),
    ({"agent": {"email": "agent"}}, "agent.email", f"email {NO_EMAIL}"),
    ({"agent": {"email": ""}}, "agent.email", f"email {NO_EMAIL}"),
    ({"agent": {"email": "a@b@example.com"}}, "agent.email", f"email {NO_EMAIL}"),
    ({"agent": {"email": "a@localhost"}}, "agent.email", f"email {NO_EMAIL}"),
    ({"agent": {"email": 1}}, "agent.email", f"email {NO_STRING}"),
    ({"agent": {"name": "x" * 256}}, "agent.name", f"name {TOO_LONG}"),
    ({"agent": {"name": False}}, "agent.name", f"name {NO_STRING}"),
    ({"customer": {"id": ...}}, "customer.id", f"id {NOT_EMPTY}"),
    ({"customer": {"email": "@example.com"}}, "customer.email", f"email {NO_EMAIL}"),
    ({"customer": {"name": "x" * 256}}, "customer.name", f"name {TOO_LONG}"),
    (
        {"customer": {"disposition_status": "x" * 256}},
        "customer.disposition_status",
        f"disposition_status {TOO_LONG}",
    ),
    (
        {"customer": {"disposition_status": 1}},
        "customer.disposition_status",
        f"disposition_status {NO_STRING}",
    ),
    # callback_url
    *(
        ({"callback_url": url}, "callback_url", f"callback_url {NO_HTTPS}")
        for url in ("http://partner.example.com/", "", "callback", "https://", "HTTPS:/example.com")
    ),
    ({"callback_url": 5}, "callback_url", f"callback_url {NO_STRING}"),
    # metadata
    (
        {"metadata": {str(n): "x" for n in range(6)}},
        "metadata",
        "metadata must contain no more than 5 key-value pairs",
    ),
    ({"metadata": []}, "metadata", f"metadata {NO_OBJECT}"),
    ({"metadata": {"paid": True}}, "metadata.paid", f"metadata.paid {NO_NUMBER}"),
    ({"metadata": {"paid": False}}, "metadata.paid", f"metadata.paid {NO_NUMBER}"),
    ({"metadata": {"paid": None}}, "metadata.paid", f"metadata.paid {NO_NUMBER}"),
    ({"metadata": {"paid": {}}}, "metadata.paid", f"metadata.paid {NO_NUMBER}"),
    ({"metadata": {"paid": float("inf")}}, "metadata.paid", f"metadata.paid {NO_NUMBER}"),
    ({"metadata": {"key": "a\0"}}, "metadata.key", f"metadata.key {NUL}"),
    ({"metadata": {"a\0": "x"}}, "metadata.a\0", f"metadata.a\0 {NUL}"),
    ({"metadata": {"\udfff": "x"}}, "metadata.\udfff", f"metadata.\udfff {SURROGATE}"),
    # custom_fields
    (
        {"custom_fields": [{"internal_name": "n", "value": "v"}] * 11},
        "custom_fields",
        "custom_fields must contain no more than 10 elements",
    ),
    ({"custom_fields": {}}, "custom_fields", "custom_fields must be an array"),
    ({"custom_fields": ["x"]}, "custom_fields[0]", f"custom_fields[0] {NO_OBJECT}"),
    ({"custom_fields": [{"value": "v"}]}, "custom_fields[0].internal_name", f"internal_name {NOT_EMPTY}"),
    ({"custom_fields": [{"internal_name": "n"}]}, "custom_fields[0].value", f"value {NO_STRING}"),
    ({"custom_fields": [{"internal_name": "n", "value": 1}]}, "custom_fields[0].value", f"value {NO_STRING}"),
    # keys we do not know
    ({"industry": "a\0"}, "industry", f"industry {NUL}"),
    ({"industry": [{"deep": "\ud83d"}]}, "industry[0].deep", f"deep {SURROGATE}"),
    ({"industry": float("inf")}, "industry", "industry must be a finite number"),
    ({"agent": {"mood\0": 1}}, "agent.mood\0", f"mood\0 {NUL}"),
]

WRONG_BODIES: list[tuple[Any, str, str]] = [
    ({}, "data", f"data {NOT_EMPTY}"),
    ({"data": None}, "data", f"data {NOT_EMPTY}"),
    ({"data": []}, "data", f"data {NOT_EMPTY}"),
    ({"data": {}}, "data", "data must be an array"),
    ({"data": "text"}, "data", "data must be an array"),
    ({"data": False}, "data", "data must be an array"),
    ({"data": ["text"]}, "data[0]", f"data[0] {NO_OBJECT}"),
    ({"data": [None]}, "data[0]", f"data[0] {NOT_EMPTY}"),
]

FINE: list[dict[str, Any]] = [
    {"call": {"id": "x" * 255}},
    {"call": {"id": "a/b?c=d&e#f %41 ü 電話 \U0001f4de\n"}},
    {"call": {"start_time": "2023-01-01T10:00:00+00:00"}},
    {"call": {"start_time": "2023-01-01T10:00:00.123456789Z"}},
    {"call": {"start_time": "0001-01-01T00:00:00Z", "end_time": "9999-12-31T23:59:59.999999Z"}},
    {"call": {"contact_number": "+12"}},
    {"call": {"recording_url": "http://example.com:8080/a?b=c#d"}},
    {"call": {"recording_url": "https://bücher.example/ä.mp3"}},
    {"agent": {"name": None, "email": None}},
    {"agent": {"name": "", "email": ...}},
    {"customer": {"name": ..., "email": ..., "disposition_status": ...}},
    {"callback_url": ..., "metadata": ..., "industry": ..., "function": ...},
    {"callback_url": None, "metadata": None, "custom_fields": None},
    {"callback_url": "http://127.0.0.1:9/callback"},  # loopback is permitted in tests
    {"metadata": {str(n): n for n in range(5)}},
    {"metadata": {"": "", "big": 10**400, "small": -1.5e-300}},
    {"custom_fields": [{"internal_name": str(n), "value": "", "label": [1]} for n in range(10)]},
    {"industry": {"list": [1, None, True, {"deep": 1e308}]}, "call": {"queue": 10**400}},
]


def refusal(*errors: tuple[str, str]) -> tuple[int, dict[str, Any]]:
    listed = [{"field": field, "message": message} for field, message in errors]
    return 422, {"success": False, "message": "Validation failed", "errors": listed}


def body_of(*items: factories.Item) -> bytes:
    """JSON text in which infinity stands as a number too large to hold."""
    return json.dumps({"data": items}).replace("Infinity", "1e999").encode()


@pytest.mark.parametrize(("changes", "field", "message"), WRONG, ids=lambda value: ascii(value)[:60])
def test_it_names_what_is_wrong(
    api: PartnerClient, changes: dict[str, Any], field: str, message: str
) -> None:
    response = api.post(body_of(item(**changes)))
    assert (response.status_code, response.json()) == refusal((f"data[0].{field}", message))


@pytest.mark.parametrize(("body", "field", "message"), WRONG_BODIES, ids=lambda value: ascii(value)[:60])
def test_it_names_what_is_wrong_with_the_batch(
    api: PartnerClient, body: Any, field: str, message: str
) -> None:
    response = api.post(body)
    assert (response.status_code, response.json()) == refusal((field, message))


def test_51_calls_are_too_many_and_50_are_not(api: PartnerClient) -> None:
    items = [item(f"call{n}") for n in range(51)]
    response = api.post_batch(*items)
    too_many = refusal(("data", "data must contain no more than 50 elements"))
    assert (response.status_code, response.json()) == too_many
    assert api.post_batch(*items[:50]).status_code == 200
    assert Call.objects.count() == 50


@pytest.mark.parametrize("changes", FINE, ids=lambda value: ascii(value)[:60])
def test_it_takes_what_the_documents_allow(api: PartnerClient, changes: dict[str, Any]) -> None:
    given = item(**changes)
    response = api.post(body_of(given))
    assert (response.status_code, response.json()) == (200, {"success": True})
    assert Call.objects.get().external_id == given["call"]["id"]


def test_every_error_of_a_batch_is_listed_and_nothing_is_stored(api: PartnerClient) -> None:
    response = api.post_batch(
        item("fine"),
        item("", call={"contact_number": "123"}, agent={"email": "x"}),
        item("also fine"),
        item("late", call={"end_time": "2022-01-01T00:00:00Z"}, metadata={"a": None, "b": "c\0"}),
    )
    assert (response.status_code, response.json()) == refusal(
        ("data[1].call.id", f"id {NOT_EMPTY}"),
        ("data[1].call.contact_number", f"contact_number {NO_PHONE}"),
        ("data[1].agent.email", f"email {NO_EMAIL}"),
        ("data[3].call.end_time", "end_time must be after start_time"),
        ("data[3].metadata.a", f"metadata.a {NO_NUMBER}"),
        ("data[3].metadata.b", f"metadata.b {NUL}"),
    )
    assert [model.objects.count() for model in (Call, Agent, Customer, IngestBatch)] == [0, 0, 0, 0]


def test_the_last_of_two_equal_keys_counts(api: PartnerClient) -> None:
    body = body_of(item("second")).replace(b'"id": "second"', b'"id": 1, "id": "second"')
    assert api.post(body).status_code == 200
    assert Call.objects.get().external_id == "second"


def test_keys_we_do_not_know_are_kept_with_the_call(api: PartnerClient) -> None:
    api.post_batch(item(call={"queue": 7}))
    assert Call.objects.get().extras == {"industry": "Technology", "function": "Sales", "call.queue": 7}


def test_a_plain_http_callback_is_refused_where_loopback_is(api: PartnerClient, settings: Any) -> None:
    settings.ALLOW_LOOPBACK = False
    response = api.post_batch(item(callback_url="http://127.0.0.1:9/callback"))
    expected = refusal(("data[0].callback_url", f"callback_url {NO_HTTPS}"))
    assert (response.status_code, response.json()) == expected


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({}, "customer_id", f"customer_id {NOT_EMPTY}"),
        ({"customer_id": ""}, "customer_id", f"customer_id {NOT_EMPTY}"),
        ({"customer_id": None}, "customer_id", f"customer_id {NOT_EMPTY}"),
        ({"customer_id": 7}, "customer_id", f"customer_id {NO_STRING}"),
        ({"customer_id": "x" * 256}, "customer_id", f"customer_id {TOO_LONG}"),
        ({"customer_id": "a\0"}, "customer_id", f"customer_id {NUL}"),
        (
            {"customer_id": "c", "disposition_status": 1},
            "disposition_status",
            f"disposition_status {NO_STRING}",
        ),
        (
            {"customer_id": "c", "disposition_status": "x" * 256},
            "disposition_status",
            f"disposition_status {TOO_LONG}",
        ),
        ({"customer_id": "c", "note": "\ud800"}, "note", f"note {SURROGATE}"),
    ],
    ids=lambda value: ascii(value)[:60],
)
def test_it_names_what_is_wrong_with_a_disposition(
    api: PartnerClient, body: Any, field: str, message: str
) -> None:
    response = api.put_disposition(body)
    assert (response.status_code, response.json()) == refusal((field, message))

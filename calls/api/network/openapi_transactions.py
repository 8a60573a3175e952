"""Signals and custom data after the call, for machines (network spec)."""

from collections.abc import Callable
from typing import Any, Literal

from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from pydantic import BaseModel

from calls.api.network.openapi import ANY_REQUEST, NOT_FOUND, WITH_BODY, Endpoint, Failures, operation
from calls.api.network.transactions_schemas import LIMITED, TransactionBody


class ReportedSignal(BaseModel):
    """As it now stands; ``corrects_transaction_id``: the version before this one.

    ``occurred_at_time_t`` in seconds since 1970, ``revenue`` with two decimals.
    """

    transaction_id: str
    corrects_transaction_id: str | None
    name: str
    partner_unique_id: str
    occurred_at_time_t: str
    occurred_at_time: str
    revenue: str | None
    value: Literal["true", "false"]


class ReportedCall(BaseModel):
    """``transaction_id``: its cuid. ``start_time_t`` in seconds since 1970."""

    transaction_id: str
    corrects_transaction_id: None
    start_time_t: str
    call_start_time: str


class Transactions(BaseModel):
    """``signals``: those of the request, in its order."""

    signals: list[ReportedSignal]
    call: ReportedCall


_FAILURES: Failures = {
    **WITH_BODY,
    **NOT_FOUND,
    403: [
        *ANY_REQUEST[403],
        ("InvalidInput", "transaction_id, call_record_id, or call_start_time must not be empty"),
        ("RecordInvalid", f"Validation failed: {LIMITED}"),
        ("signals[0].name", "signal must already exist in your Signal AI configuration"),
        ("custom_data[0].name", "field must already exist in your Custom Data configuration"),
    ],
}
_BY_ID = {
    "search": {"transaction_id": "d1c5a8f0b6f34f6b8a53a2c2d5a6e7f8"},
    "signals": [
        {
            "name": "Sale",
            "partner_unique_id": "1",
            "occurred_at_time": "1440607313",
            "revenue": "100.00",
            "value": "true",
        }
    ],
    "custom_data": [{"name": "channel", "value": "Paid Search"}],
}
_BY_TIME = {
    "search": {"call_start_time": "2016-04-11T20:00:00Z", "calling_phone_number": "+18885551212"},
    "signals": [{"name": "Quote"}],
    "call_in_progress": True,
}


def report(method: str, operation_id: str) -> Callable[[Endpoint], Endpoint]:
    """POST and PUT are one; the document needs a name for each."""
    answers: dict[int, Any] = {
        200: Transactions,
        201: OpenApiResponse(None, "With call_in_progress: noted, or kept until the call is here."),
    }
    return operation(
        operation_id,
        "Report signals and custom data of a call",
        methods=[method],
        description=(
            "The call is found by its id, or as the one that began closest to call_start_time, at most 10 "
            "minutes away. A signal is one by its name and partner_unique_id: another value, revenue or time "
            "makes a new version that corrects the one before it, and the same once more changes nothing. "
            "Custom data replace what the field held."
        ),
        request=TransactionBody,
        answers=answers,
        failures=_FAILURES,
        examples=[
            OpenApiExample("By the call's id", value=_BY_ID, request_only=True),
            OpenApiExample("By its time, before it has ended", value=_BY_TIME, request_only=True),
        ],
    )

"""The network surface for machines: what drf-spectacular cannot see in the views (network spec).

Every operation of it is documented with :func:`operation`.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Literal, TypeVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from pydantic import BaseModel, Field

from calls.api.audio import RecordingFacts
from calls.api.network.base import NO_CALL, NOT_CONFIGURED
from calls.api.network.schemas import NetworkCallBody, NetworkRetryBody
from partners.api.openapi import header

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


class NetworkError(BaseModel):
    """``class``: what kind of problem; ``invalid_data``: all of it in words."""

    class_: str = Field(alias="class")
    invalid_data: str


class NetworkFailure(BaseModel):
    errors: NetworkError


class TakenIn(BaseModel):
    """``cuid``: our id of the call."""

    cuid: str


class NetworkCallStatus(BaseModel):
    """``conflicts``: fields in which a later request for the same id differed from the first.

    ``warnings``: sentences about a presigned URL that leaves, or left, too little time.
    """

    cuid: str
    external_call_unique_id: str
    state: Literal["queued", "fetching", "processing", "completed", "failed"]
    attempts: int
    next_attempt_at: datetime | None
    error: str | None
    warnings: list[str]
    conflicts: list[str]
    recording_url_expires_at: datetime | None
    recording: RecordingFacts | None
    received_at: datetime
    completed_at: datetime | None


class OauthTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # its hook is untyped
    target_class = "calls.api.network.base.OauthToken"
    name = "oauthToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        description = (
            "The token as it is, or after Bearer. Instead it may be sent as oauth_token: in the JSON body of "
            "a POST or PUT, in the query of a GET."
        )
        return {"type": "apiKey", "in": "header", "name": "Authorization", "description": description}


def with_versions(endpoints: list[tuple[str, str, str, Any]]) -> list[tuple[str, str, str, Any]]:
    """A hook of drf-spectacular: the one version that a route takes stands in its path as it is."""
    return [
        (path.replace("{version}", getattr(view.cls, "version", "")), regex, method, view)
        for path, regex, method, view in endpoints
    ]


# Class and text of the failures that the documents give; several of one status.
Failures = Mapping[int, Iterable[tuple[str, str]]]

_CAMPAIGN = "call.advertiser_campaign_id_from_network"
ANY_REQUEST: Failures = {
    400: [("InvalidVersion", "API version 2022-01-01 is not valid for this route")],
    401: [("Unauthorized", "Invalid or missing oauth token")],
    403: [("UnauthorizedOperation", "You do not have permissions to perform the requested operation.")],
    429: [("RateLimitExceeded", "Rate limit exceeded. Try again in 60 seconds.")],
    500: [("InternalServerError", "Internal server error")],
}
WITH_BODY: Failures = {
    **ANY_REQUEST,
    403: [*ANY_REQUEST[403], ("RecordInvalid", "Validation failed: 'call' is required")],
    411: [("LengthRequired", "Content-Length is required")],
    413: [("PayloadTooLarge", "Request body is too large")],
    415: [("UnsupportedMediaType", "Unsupported media type")],
}
NOT_FOUND: Failures = {404: [("RecordNotFound", NO_CALL)]}
_OF_CREATE: Failures = {
    **WITH_BODY,
    403: [
        *WITH_BODY[403],
        ("UnauthorizedAdvertiser", "You do not have access to this advertiser"),
        (_CAMPAIGN, "campaign must be for external calls only"),
        (_CAMPAIGN, "campaign must have transcription enabled"),
        ("signals[0].name", NOT_CONFIGURED["signals"]),
        ("custom_data[0].name", NOT_CONFIGURED["custom_data"]),
    ],
    409: [("RecordConflict", "external_call_unique_id has already been used")],
}
_OF_RETRY: Failures = {
    **WITH_BODY,
    **NOT_FOUND,
    409: [("RecordConflict", "The recording of this call has not failed; only a failed one is tried again")],
}
_DESCRIPTIONS = {
    400: "The path names another version, or the body is not a JSON object.",
    401: "The token is missing, wrong, revoked, expired or not bound to a network.",
    403: "The network or the key may not do this, or something in the body is wrong: all of it is told.",
    404: "There is no such call in this network.",
    409: "It stands against what is known of the call.",
    411: "The body came without Content-Length.",
    413: "The body is larger than 5 MB.",
    415: "The body's media type is not application/json.",
    429: "Too many requests within 60 seconds, or too many failed authentications from this address.",
    500: "A fault of ours.",
}
_SUCCESSES = (200, 201, 202)
_LIMITED = (*_SUCCESSES, 429)
_HEADERS = [
    header(
        "X-Request-Id",
        "The id of this request in our logs; one you send is kept.",
        [*_SUCCESSES, *_DESCRIPTIONS],
    ),
    header("X-RateLimit-Limit", "Requests in any 60 seconds.", _LIMITED, OpenApiTypes.INT),
    header("X-RateLimit-Remaining", "How many are left.", _LIMITED, OpenApiTypes.INT),
    header(
        "X-RateLimit-Reset", "When there is room again, in seconds since 1970.", _LIMITED, OpenApiTypes.INT
    ),
    header("Retry-After", "Seconds to wait.", [429], OpenApiTypes.INT),
]


def operation(
    operation_id: str,
    summary: str,
    *,
    answers: Mapping[Any, Any],
    failures: Failures,
    parameters: Iterable[OpenApiParameter] = (),
    **options: Any,
) -> Callable[[Endpoint], Endpoint]:
    """``extend_schema`` with what all operations of this surface share."""
    decorate: Callable[[Endpoint], Endpoint] = extend_schema(
        operation_id=operation_id,
        summary=summary,
        tags=["network"],
        parameters=[*_HEADERS, *parameters],
        responses={**answers, **{status: _failure(status, failures[status]) for status in sorted(failures)}},
        **options,
    )
    return decorate


def _failure(status: int, texts: Iterable[tuple[str, str]]) -> OpenApiResponse:
    examples = [
        OpenApiExample(
            f"{class_}: {text}",
            value={"errors": {"class": class_, "invalid_data": text}},
            response_only=True,
            status_codes=[str(status)],
        )
        for class_, text in texts
    ]
    return OpenApiResponse(NetworkFailure, _DESCRIPTIONS[status], examples=examples)


_SEED_CALL = {
    "external_call_unique_id": "10002",
    "start_time": "2022-03-25 09:31:29",
    "destination_phone_number": 9093900003,
    "calling_phone_number": 8779257384,
    "advertiser_campaign_id_from_network": 86,
    "call_direction": "inbound",
    "recording_url": "https://example.com/recordings/10002.wav",
}
_WITH_SIGNALS = {
    "call": {**_SEED_CALL, "external_call_unique_id": "10003"},
    "signals": [{"name": "Sale", "value": "Yes"}],
    "custom_data": [{"name": "account_type", "value": "gold"}],
}
_CUID = OpenApiParameter(
    "cuid", OpenApiTypes.STR, OpenApiParameter.PATH, description="The call's cuid, as it was answered."
)


def create(method: str, operation_id: str) -> Callable[[Endpoint], Endpoint]:
    """POST and PUT are one; the document needs a name for each."""
    return operation(
        operation_id,
        "Take one recorded call in",
        methods=[method],
        description=(
            "An external_call_unique_id that is known changes nothing, so a request may be repeated safely; "
            "a failed call sent again with another recording is taken up again. Keys we do not know are kept "
            "with the call. The recording is fetched after the answer."
        ),
        request=NetworkCallBody,
        answers={
            201: OpenApiResponse(TakenIn, "The call is new."),
            202: OpenApiResponse(TakenIn, "This very request was known, or the call is taken up again."),
        },
        failures=_OF_CREATE,
        examples=[
            OpenApiExample("One call", value={"call": _SEED_CALL}, request_only=True),
            OpenApiExample("With signals and custom data", value=_WITH_SIGNALS, request_only=True),
        ],
    )


status = operation(
    "network_call",
    "What became of a call",
    answers={200: NetworkCallStatus},
    failures={**ANY_REQUEST, **NOT_FOUND},
    parameters=[_CUID],
)

retry = operation(
    "network_retry_call",
    "Try a failed call again",
    description=(
        "With another recording_url, or the one it has. An auth config that is not named anew is kept where "
        "it lists the URL's host. The body may be empty."
    ),
    request=NetworkRetryBody,
    answers={202: OpenApiResponse(TakenIn, "Its recording is fetched again.")},
    failures=_OF_RETRY,
    parameters=[_CUID],
)

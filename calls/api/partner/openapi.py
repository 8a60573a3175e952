"""The partner surface for machines: what drf-spectacular cannot see in the views (partner spec)."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from pydantic import BaseModel

from calls.api.audio import ANSWERS, PARAMETERS
from calls.api.partner.query import MAX_PER_PAGE
from calls.api.partner.schemas import BatchIn, DispositionIn
from calls.api.partner.shapes import (
    BatchAnswer,
    BatchCallAnswer,
    CallAnswer,
    CallPageAnswer,
    EventPageAnswer,
    Failure,
    Success,
)
from calls.selectors import CALL_STATES

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


class KeyAndSecretScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # its hook is untyped
    """Both headers together: two schemes in one requirement."""

    target_class = "partners.api.authentication.KeyAndSecret"
    name = ["apiKey", "apiSecret"]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, Any]]:
        return [{"type": "apiKey", "in": "header", "name": name} for name in ("x-api-key", "x-api-secret")]


_SEED_BATCH = {
    "data": [
        {
            "call": {
                "id": "call123",
                "recording_url": "https://example.com/recordings/call123.mp3",
                "start_time": "2023-01-01T10:00:00Z",
                "end_time": "2023-01-01T10:30:00Z",
                "contact_number": "+1234567890",
            },
            "agent": {"id": "agent123", "email": "agent@example.com", "name": "John Doe"},
            "customer": {
                "id": "customer123",
                "name": "Jane Smith",
                "email": "customer@example.com",
                "disposition_status": "interested",
            },
            "industry": "Technology",
            "function": "Sales",
            "callback_url": "https://partner.example.com/callback",
            "metadata": {"campaign": "Q1 Outreach", "source": "Website"},
        }
    ]
}
_SEED_FIELD_ERROR = {"field": "data[0].call.id", "message": "id should not be empty"}

_FAILURES: dict[int, tuple[str, str]] = {
    400: ("A tenant header is missing, or the body is not a JSON object.", "Tenant ID is required"),
    401: ("The key or its secret is missing.", "Unauthorized"),
    403: ("The key is wrong, revoked, expired or may not do this here.", "Forbidden"),
    404: ("There is no such thing of yours in this sub-tenant.", "Resource not found"),
    410: ("It is past the sub-tenant's retention window.", "Recording has exceeded the retention window"),
    411: ("The request came without Content-Length.", "Content-Length is required"),
    413: ("The body is larger than 5 MB.", "Request body is too large"),
    415: ("The body's media type is not application/json.", "Unsupported media type"),
    422: ("All that is wrong, field by field; nothing was changed.", "Validation failed"),
    429: (
        "Too many requests within 60 seconds, or too many failed authentications from this address.",
        "Rate limit exceeded. Try again in 60 seconds.",
    ),
    500: ("A fault of ours.", "Internal server error"),
    503: ("The store of recordings does not answer.", "The recording cannot be read at present"),
}
_ANY_REQUEST = (400, 401, 403, 429, 500)
_WITH_BODY = (*_ANY_REQUEST, 411, 413, 415, 422)


def _header(name: str, description: str, statuses: list[int], **options: Any) -> OpenApiParameter:
    return OpenApiParameter(
        name, OpenApiTypes.STR, OpenApiParameter.HEADER, description=description, response=statuses, **options
    )


def _number_header(name: str, description: str, statuses: list[int]) -> OpenApiParameter:
    return OpenApiParameter(
        name, OpenApiTypes.INT, OpenApiParameter.HEADER, description=description, response=statuses
    )


def _query(name: str, description: str, type_: Any = OpenApiTypes.STR, **options: Any) -> OpenApiParameter:
    return OpenApiParameter(name, type_, OpenApiParameter.QUERY, description=description, **options)


def _tenancy(name: str, description: str) -> OpenApiParameter:
    return OpenApiParameter(
        name, OpenApiTypes.STR, OpenApiParameter.HEADER, required=True, description=description
    )


_PARAMETERS = [
    _tenancy("x-tenant-id", "The tenant that is acted for."),
    _tenancy("x-sub-tenant-id", "The tenant's unit that is acted for."),
    _header("X-Request-Id", "The id of this request in our logs; one you send is kept.", [200, *_FAILURES]),
    _number_header("X-RateLimit-Limit", "Requests in any 60 seconds.", [200, 429]),
    _number_header("X-RateLimit-Remaining", "How many are left.", [200, 429]),
    _number_header("X-RateLimit-Reset", "When there is room again, in seconds since 1970.", [200, 429]),
    _number_header("Retry-After", "Seconds to wait.", [429]),
]


_EXTERNAL_ID = OpenApiParameter(
    "external_id", OpenApiTypes.STR, OpenApiParameter.PATH, description="The call's id, as you sent it."
)


def _failures(statuses: tuple[int, ...]) -> dict[int, OpenApiResponse]:
    return {status: _failure(status) for status in sorted(statuses)}


def _failure(status: int) -> OpenApiResponse:
    description, message = _FAILURES[status]
    body: dict[str, Any] = {"success": False, "message": message}
    if status == 422:
        body["errors"] = [_SEED_FIELD_ERROR]
    example = OpenApiExample(message, value=body, response_only=True, status_codes=[str(status)])
    return OpenApiResponse(Failure, description, examples=[example])


def _operation(
    operation_id: str,
    summary: str,
    *,
    answer: type[BaseModel],
    failures: tuple[int, ...],
    parameters: list[OpenApiParameter] | None = None,
    **options: Any,
) -> Callable[[Endpoint], Endpoint]:
    """``extend_schema`` with what all operations of this surface share."""
    responses: Mapping[int, Any] = {200: answer, **_failures(failures)}
    decorate: Callable[[Endpoint], Endpoint] = extend_schema(
        operation_id=operation_id,
        summary=summary,
        tags=["partner"],
        parameters=[*_PARAMETERS, *(parameters or [])],
        responses=responses,
        **options,
    )
    return decorate


batch_call = _operation(
    "partner_batch_call",
    "Push a batch of recorded calls",
    description=(
        "Up to 50 calls, all or none. A call id that is known changes nothing, so a request may be repeated "
        "safely; a failed call sent again with another recording_url is taken up again. Keys we do not know "
        "are kept with the call. The recordings are fetched after the answer."
    ),
    request=BatchIn,
    answer=BatchCallAnswer,
    failures=_WITH_BODY,
    parameters=[
        _query(
            "validate_only",
            "true: check the body, look at the beginning of each recording (10 seconds altogether), and "
            "store nothing.",
            enum=("true", "false"),
        ),
        _header("Location", "The batch, to ask what became of it.", [200]),
        _number_header("X-Duplicates", "How many of the calls were known before.", [200]),
    ],
    examples=[OpenApiExample("One call", value=_SEED_BATCH, request_only=True)],
)

disposition_status = _operation(
    "partner_disposition_status",
    "Update the disposition of a customer",
    description="Also that of the customer's latest call. Without disposition_status nothing changes.",
    request=DispositionIn,
    answer=Success,
    failures=(*_WITH_BODY, 404),
    examples=[
        OpenApiExample(
            "Interested",
            value={"customer_id": "customer123", "disposition_status": "interested"},
            request_only=True,
        )
    ],
)

calls = _operation(
    "partner_calls",
    "List one's own calls, newest first",
    answer=CallPageAnswer,
    failures=(*_ANY_REQUEST, 422),
    parameters=[
        _query("state", "Only calls in this state.", enum=CALL_STATES),
        _query("since", "Only calls received at or after this time, in UTC.", OpenApiTypes.DATETIME),
        _query("cursor", "Where a page begins; taken from the answer's next."),
        _query("per_page", f"Calls on a page, 1 to {MAX_PER_PAGE}; 50 unless given.", OpenApiTypes.INT),
    ],
)

call = _operation(
    "partner_call",
    "What became of a call",
    answer=CallAnswer,
    failures=(*_ANY_REQUEST, 404),
    parameters=[_EXTERNAL_ID],
)

events = _operation(
    "partner_events",
    "Read what callbacks told, in order",
    description=(
        "Every callback that was owed in this sub-tenant, whether it arrived or not. Numbers begin at 1 and "
        "go up by one; what comes later has a higher number, so whoever keeps the last one read misses "
        "nothing. A redelivery changes neither number nor id. Events of a sandbox key's calls go with the "
        "calls, after a day; all others stay."
    ),
    answer=EventPageAnswer,
    failures=(*_ANY_REQUEST, 422),
    parameters=[
        _query("after", "Only events with a higher sequence; 0 unless given.", OpenApiTypes.INT),
        _query("per_page", f"Events on a page, 1 to {MAX_PER_PAGE}; 50 unless given.", OpenApiTypes.INT),
    ],
)

recording = extend_schema(
    operation_id="partner_recording",
    summary="Play the recording of a call",
    description="As it is kept: 16-bit PCM WAV. Listens are audited.",
    tags=["partner"],
    parameters=[*_PARAMETERS, _EXTERNAL_ID, *PARAMETERS],
    responses={**ANSWERS, **_failures((*_ANY_REQUEST, 404, 410, 503))},
)

batch = _operation(
    "partner_batch",
    "What became of a batch",
    answer=BatchAnswer,
    failures=(*_ANY_REQUEST, 404),
    parameters=[
        OpenApiParameter(
            "uuid", OpenApiTypes.UUID, OpenApiParameter.PATH, description="The end of the Location header."
        )
    ],
)

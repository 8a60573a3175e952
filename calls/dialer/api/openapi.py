"""The dialer surface for machines: what drf-spectacular cannot see in the views (dialer spec)."""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, TypeVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema

from calls.api.audio import ANSWERS, PARAMETERS
from calls.dialer.api.schemas import MOST_PER_PAGE, CreateBatch, NamedBatch
from calls.dialer.api.shapes import (
    AddCalls,
    AddCallsAnswer,
    BatchCreated,
    BatchDetailsAnswer,
    BatchListAnswer,
    DialerFailure,
    SwitchAnswer,
    UploadAnswer,
)
from calls.dialer.models import ContactStatus
from partners.api.openapi import header

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


class WorkspaceKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # its hook is untyped
    """Either of the two."""

    target_class = "calls.dialer.api.base.WorkspaceKey"
    name = ["workspaceKey", "workspaceBearer"]

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[Any]]]:
        return [{name: []} for name in self.name]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, Any]]:
        return [
            {"type": "apiKey", "in": "header", "name": "x-api-key"},
            {"type": "http", "scheme": "bearer"},
        ]


_FAILURES: dict[int, tuple[str, str]] = {
    400: ("Something is missing or wrong; nothing was changed.", "The batchId field is required."),
    403: (
        "No key, a wrong one, or one that does not own the batch.",
        "Invalid or missing API key, or API key does not own the batch",
    ),
    404: ("There is no such thing, or no agent for the batch's numbers.", "Batch not found"),
    410: ("It is past the account's retention window.", "Recording has exceeded the retention window"),
    411: ("The request came without Content-Length.", "Content-Length is required"),
    413: ("The body is too large.", "Request body is too large"),
    415: ("The body's media type is not the one of this route.", "Unsupported media type"),
    422: ("The file cannot be read, or rows of it are wrong; nothing was stored.", "row 3: missing ..."),
    429: ("Too many requests within 60 seconds.", "Rate limit exceeded. Try again in 60 seconds."),
    500: ("A fault of ours.", "Internal server error"),
    503: ("The store of recordings does not answer.", "The recording cannot be read at present"),
}
_ANY_REQUEST = (403, 429, 500)
_WITH_BODY = (*_ANY_REQUEST, 400, 411, 413, 415)
_ALL = (200, 201, 207, *_FAILURES)
_HEADERS = [
    header("X-Request-Id", "The id of this request in our logs; one you send is kept.", _ALL),
    header("X-RateLimit-Limit", "Requests in any 60 seconds.", (200, 201, 207, 429), OpenApiTypes.INT),
    header("X-RateLimit-Remaining", "How many are left.", (200, 201, 207, 429), OpenApiTypes.INT),
    header(
        "X-RateLimit-Reset",
        "When there is room again, in seconds since 1970.",
        (200, 201, 207, 429),
        OpenApiTypes.INT,
    ),
    header("Retry-After", "Seconds to wait.", (429,), OpenApiTypes.INT),
]


def _operation(
    operation_id: str,
    summary: str,
    *,
    answers: dict[Any, Any],
    failures: Iterable[int],
    parameters: Iterable[OpenApiParameter] = (),
    **options: Any,
) -> Callable[[Endpoint], Endpoint]:
    decorate: Callable[[Endpoint], Endpoint] = extend_schema(
        operation_id=f"dialer_{operation_id}",
        summary=summary,
        tags=["dialer"],
        parameters=[*_HEADERS, *parameters],
        responses={**answers, **{status: _failure(status) for status in sorted(failures)}},
        **options,
    )
    return decorate


def _failure(status: int) -> OpenApiResponse:
    description, message = _FAILURES[status]
    body = {
        "message": HTTPStatus(status).phrase,
        "status": False,
        "code": status,
        "errorMessage": message,
        "data": None,
    }
    example = OpenApiExample(message, value=body, response_only=True, status_codes=[str(status)])
    return OpenApiResponse(DialerFailure, description, examples=[example])


def _query(name: str, description: str, type_: Any = OpenApiTypes.STR, **options: Any) -> OpenApiParameter:
    return OpenApiParameter(name, type_, OpenApiParameter.QUERY, description=description, **options)


def _path(name: str, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.STR, OpenApiParameter.PATH, description=description)


_BATCH = _path("batch_id", "The batch, as createBatch has answered.")
_PAGE = (
    _query("page", "From 1.", OpenApiTypes.INT),
    _query("limit", f"Rows on a page, 1 to {MOST_PER_PAGE}; 50 unless given.", OpenApiTypes.INT),
)
_SEED = {
    "batchId": "64e5f12345abcdef98765432",
    "call_data": [
        {
            "phoneNumber": "12125551001",
            "name": "Sarah Johnson",
            "account_id": "ACC-1001",
            "custom_field_1": "value1",
            "priority": "high",
        },
        {
            "phoneNumber": "13105552002",
            "name": "Michael Chen",
            "account_id": "ACC-1002",
            "category": "support",
        },
    ],
}

create_batch = _operation(
    "create_batch",
    "Make a batch",
    request=CreateBatch,
    answers={201: BatchCreated},
    failures=_WITH_BODY,
)
add_calls = _operation(
    "add_calls",
    "Add contacts to a batch",
    description=(
        "All records are checked before any is stored; then they are, a thousand at a time. 207 and 500 "
        "name the thousands that failed: the same body sent again within 24 hours stores only those. "
        "Calling begins by itself unless the batch was stopped."
    ),
    request=AddCalls,
    answers={200: AddCallsAnswer, 207: AddCallsAnswer},
    failures=(*_WITH_BODY, 404),
    examples=[OpenApiExample("Two contacts", value=_SEED, request_only=True)],
)
start_calling = _operation(
    "start_calling",
    "Start or resume calling",
    request=NamedBatch,
    answers={200: SwitchAnswer},
    failures=(*_WITH_BODY, 404),
)
stop_calling = _operation(
    "stop_calling",
    "Stop calling",
    description="Calls that run go on to their end.",
    request=NamedBatch,
    answers={200: SwitchAnswer},
    failures=(*_WITH_BODY, 404),
)
_LIST: dict[str, Any] = {"answers": {200: BatchListAnswer}, "failures": (*_ANY_REQUEST, 400)}
_LISTED = (*_PAGE, _query("search", "Only batches with this in their name."))
batches = _operation("batches", "List batches, newest first", parameters=_LISTED, **_LIST)
batches_of_user = _operation(
    "batches_of_user",
    "List batches, newest first",
    parameters=(*_LISTED, _path("user_id", "Passed over: whose batches they are, the key says.")),
    **_LIST,
)
batch_details = _operation(
    "batch_details",
    "The contacts of a batch and their calls",
    answers={200: BatchDetailsAnswer},
    failures=(*_ANY_REQUEST, 400, 404),
    parameters=(
        _BATCH,
        *_PAGE,
        _query("filter", "Only contacts of this status.", enum=["all", *ContactStatus.values]),
        _query("sortBy", "createdAt unless given.", enum=["createdAt", "phoneNumber", "status"]),
        _query("sortOrder", "asc unless given.", enum=["asc", "desc"]),
    ),
)
delete_batch = _operation(
    "delete_batch",
    "Delete a batch",
    description="Nobody of it is called any more; its calls stay in the library.",
    answers={200: SwitchAnswer},
    failures=(*_ANY_REQUEST, 404),
    parameters=(_BATCH,),
)
upload = _operation(
    "upload",
    "Make a batch of a CSV or XLSX file",
    description=(
        "The first row names the variables; one column is phoneNumber or phone. Up to 100,000 rows; of rows "
        "with the same phone the first counts. Either all of the file is taken or nothing."
    ),
    request={
        "multipart/form-data": {
            "type": "object",
            "properties": {
                "file": {"type": "string", "format": "binary"},
                "batchName": {"type": "string"},
                "callingNumbers": {"type": "array", "items": {"type": "string"}},
                "retry": {"type": "integer"},
                "delay": {"type": "integer"},
                "timezone": {"type": "string"},
                "callingHour": {"type": "string", "description": '{"start": "09:00", "end": "17:00"}'},
                "allowedDays": {"type": "string", "description": "[1, 2, 3, 4, 5]"},
                "callbackUrl": {"type": "string"},
            },
            "required": ["file", "batchName", "callingNumbers"],
        }
    },
    answers={201: UploadAnswer},
    failures=(*_WITH_BODY, 404, 422),
)
results = _operation(
    "results",
    "What became of a batch, as CSV",
    answers={(200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, "A row for each contact.")},
    failures=(*_ANY_REQUEST, 400, 404),
    parameters=(_query("batchId", "The batch.", required=True),),
)
recording = _operation(
    "recording",
    "Play the recording of a call",
    description="As it is kept: 16-bit PCM WAV. Listens are audited.",
    answers=dict(ANSWERS),
    failures=(*_ANY_REQUEST, 404, 410, 503),
    parameters=(_path("uuid", "32 hexadecimal digits, the end of a recordingUrl."), *PARAMETERS),
)

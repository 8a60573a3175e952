"""The telesales surface for machines: what drf-spectacular cannot see in the views (telesales spec).

Other rooms document their operations of this surface with :func:`operation`.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TypeVar

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from pydantic import BaseModel

from partners.api.schemas import SignInBody

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


class TelesalesFailure(BaseModel):
    """``errors``: all texts of each field, only with 422."""

    message: str
    errors: dict[str, list[str]] = {}
    error_code: str | None = None


class MemberUser(BaseModel):
    """``id`` is null where a machine's token asks; ``team_id``: the account, which is a sub-tenant."""

    id: int | None
    username: str
    email: str
    role: Literal["admin", "supervisor", "agent", "read_only"]
    team_id: int


class MemberData(BaseModel):
    user: MemberUser


class SignedIn(BaseModel):
    """``token``: what to send as ``Authorization: Bearer …``, shown this once."""

    data: MemberData
    token: str


class Me(BaseModel):
    data: MemberData


class BearerTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # its hook is untyped
    target_class = "partners.api.members.BearerToken"
    name = "bearerToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer"}


class MemberSessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # its hook is untyped
    target_class = "partners.api.members.MemberSession"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}


FAILURES: dict[int, tuple[str, str]] = {
    400: ("The body is not a JSON object.", "Malformed request body"),
    401: ("No valid token and no session.", "Unauthenticated."),
    403: ("The role or the token's scopes do not allow this.", "This action is unauthorized."),
    404: ("There is no such thing in this account.", "Resource not found"),
    409: ("It is not in a state that allows this.", "Conflict"),
    410: ("It is no longer kept.", "Gone"),
    411: ("The request came without Content-Length.", "Content-Length is required"),
    413: ("The body is too large.", "Request body is too large"),
    415: ("The body's media type is not application/json.", "Unsupported media type"),
    422: ("All that is wrong, field by field; nothing was changed.", "The given data was invalid."),
    429: ("Too many requests within 60 seconds.", "Too many requests. Retry after 60 seconds."),
    500: ("A fault of ours.", "Internal server error"),
}
ANY_REQUEST = (401, 403, 429, 500)
WITH_BODY = (400, 411, 413, 415, 422)
_SUCCESSES = (200, 201, 204, 206)


def header(
    name: str, description: str, statuses: Iterable[int], type_: Any = OpenApiTypes.STR
) -> OpenApiParameter:
    """A header of the answers of these ``statuses``."""
    return OpenApiParameter(
        name, type_, OpenApiParameter.HEADER, description=description, response=list(statuses)
    )


def operation(
    operation_id: str,
    summary: str,
    *,
    answers: Mapping[Any, Any],
    failures: Iterable[int] = ANY_REQUEST,
    parameters: Iterable[OpenApiParameter] = (),
    tags: tuple[str, ...] = ("telesales",),
    **options: Any,
) -> Callable[[Endpoint], Endpoint]:
    """``extend_schema`` with what all operations of this surface share.

    ``answers``: the body (a pydantic model, None, a type) of each status that is no failure, with its
    media type where that is not JSON.
    """
    decorate: Callable[[Endpoint], Endpoint] = extend_schema(
        operation_id=operation_id,
        summary=summary,
        tags=list(tags),
        parameters=[*_HEADERS, *parameters],
        responses={**answers, **{status: _failure(status) for status in sorted(failures)}},
        **options,
    )
    return decorate


def _failure(status: int) -> OpenApiResponse:
    description, message = FAILURES[status]
    body: dict[str, Any] = {"message": message}
    if status == 422:
        body["errors"] = {"username": ["The username field is required."]}
    example = OpenApiExample(message, value=body, response_only=True, status_codes=[str(status)])
    return OpenApiResponse(TelesalesFailure, description, examples=[example])


_LIMITED = (*_SUCCESSES, 429)
_HEADERS = [
    header(
        "X-Request-Id", "The id of this request in our logs; one you send is kept.", [*_SUCCESSES, *FAILURES]
    ),
    header("X-RateLimit-Limit", "Requests in any 60 seconds.", _LIMITED, OpenApiTypes.INT),
    header("X-RateLimit-Remaining", "How many are left.", _LIMITED, OpenApiTypes.INT),
    header(
        "X-RateLimit-Reset", "When there is room again, in seconds since 1970.", _LIMITED, OpenApiTypes.INT
    ),
    header("Retry-After", "Seconds to wait.", [429], OpenApiTypes.INT),
]

login = operation(
    "auth_login",
    "Sign in",
    description="A few failed tries a minute, per address and per user name, then 429.",
    request=SignInBody,
    answers={200: SignedIn},
    failures=(401, 429, 500, *WITH_BODY),
    tags=("sign-in",),
    auth=[],
)

me = operation("auth_me", "Who one is", answers={200: Me}, failures=ANY_REQUEST, tags=("sign-in",))

logout = operation(
    "auth_logout",
    "Sign out",
    description="The token, or the session, is refused from then on. A machine's token ends in the console.",
    request=None,
    answers={204: None},
    tags=("sign-in",),
)

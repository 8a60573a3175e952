"""Errors leave in the envelope of the surface they happened on: one place turns exceptions into answers.

A surface registers its path prefix and its envelope. DRF's exceptions, Django's 400/403/404/500 handlers and
our own errors below all end in the same function.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from rest_framework import exceptions
from rest_framework.views import set_rollback

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """What is to be said, before a surface gives it its form. ``errors``: per field, if any."""

    status: int
    message: str
    errors: list[dict[str, str]] = field(default_factory=list)
    headers: Mapping[str, str] = field(default_factory=dict)


Envelope = Callable[[ErrorAnswer], dict[str, Any]]

_PASSED_OVER_BYTES = 16 * 1024 * 1024
_PIECE_BYTES = 64 * 1024

_surfaces: dict[str, Envelope] = {}

_MESSAGES = {
    400: "Malformed request body",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Resource not found",
    405: "Method not allowed",
    406: "Not acceptable",
    411: "Content-Length is required",
    413: "Request body is too large",
    415: "Unsupported media type",
    500: "Internal server error",
}


class ApiError(Exception):
    """Raised by views to answer with just this."""

    def __init__(
        self,
        status: int,
        message: str = "",
        *,
        errors: list[dict[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.answer = ErrorAnswer(status, message or _MESSAGES[status], errors or [], headers or {})
        super().__init__(self.answer.message)


def register_surface(prefix: str, envelope: Envelope) -> None:
    """Answer every error below ``prefix`` in ``envelope``."""
    _surfaces[prefix] = envelope


def exception_handler(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """DRF's EXCEPTION_HANDLER; None lets an unexpected error through to :func:`server_error`."""
    answer = _answer(error)
    if answer is None:
        return None
    set_rollback()
    return render(context["request"]._request, answer)


def render(request: HttpRequest, answer: ErrorAnswer) -> HttpResponse:
    """``answer`` in the envelope of the surface that ``request`` belongs to."""
    _pass_over_body(request)
    envelope = next(
        (envelope for prefix, envelope in _surfaces.items() if request.path.startswith(prefix)), _plain
    )
    return JsonResponse(
        envelope(answer),
        status=answer.status,
        headers=dict(answer.headers),
        json_dumps_params={"separators": (",", ":")},
    )


def _pass_over_body(request: HttpRequest) -> None:
    """Read what is still coming of a body of reasonable size, and forget it.

    To a server that hangs up in the middle of a body many a client says "broken pipe" and reads no answer.
    """
    with suppress(UnreadablePostError):
        for _ in range(_PASSED_OVER_BYTES // _PIECE_BYTES):
            if not request.read(_PIECE_BYTES):
                break


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, ErrorAnswer(400, "Bad request"))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, ErrorAnswer(403, _MESSAGES[403]))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, ErrorAnswer(404, _MESSAGES[404]))


def server_error(request: HttpRequest) -> HttpResponse:
    return render(request, ErrorAnswer(500, _MESSAGES[500]))


def _answer(error: Exception) -> ErrorAnswer | None:
    if isinstance(error, ApiError):
        return error.answer
    if isinstance(error, Http404):
        return ErrorAnswer(404, _MESSAGES[404])
    if isinstance(error, PermissionDenied):
        return ErrorAnswer(403, _MESSAGES[403])
    if isinstance(error, exceptions.APIException):
        return _of_framework(error)
    return None


def _of_framework(error: exceptions.APIException) -> ErrorAnswer:
    status = error.status_code
    return ErrorAnswer(status, _MESSAGES.get(status, str(error.detail)))


def _plain(answer: ErrorAnswer) -> dict[str, Any]:
    return {"message": answer.message, **({"errors": answer.errors} if answer.errors else {})}

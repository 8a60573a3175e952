"""Errors leave in the envelope of the surface they happened on: one place turns exceptions into answers.

A surface registers its path prefix and its envelope. DRF's exceptions, Django's 400/403/404/500 handlers and
our own errors below all end in the same function.
"""

import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from django.template.loader import render_to_string
from rest_framework import exceptions
from rest_framework.views import set_rollback

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """What is to be said, before a surface gives it its form. ``errors``: per field, if any.

    ``extra``: further keys of the body, on surfaces that have some (an ``error_code``).
    """

    status: int
    message: str
    errors: list[dict[str, str]] = field(default_factory=list)
    headers: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


Envelope = Callable[[ErrorAnswer], dict[str, Any]]

_PASSED_OVER_BYTES = 16 * 1024 * 1024
_PIECE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class _Surface:
    envelope: Envelope
    messages: Mapping[int, str]


_surfaces: dict[str, _Surface] = {}

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
    503: "Temporarily unavailable",
}
# What a database that is away, or a connection to it that broke, is known by.
_DATABASE_AWAY = (OperationalError, InterfaceError)
_LATER = {"Retry-After": "10"}


class ApiError(Exception):
    """Raised by views to answer with just this."""

    def __init__(
        self,
        status: int,
        message: str = "",
        *,
        errors: list[dict[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        text = message or _MESSAGES[status]
        self.answer = ErrorAnswer(status, text, errors or [], headers or {}, extra or {})
        super().__init__(self.answer.message)


def register_surface(prefix: str, envelope: Envelope, messages: Mapping[int, str] | None = None) -> None:
    """Answer every error below ``prefix`` in ``envelope``.

    ``messages``: how the surface words a status that nobody gave a message of its own.
    """
    _surfaces[prefix] = _Surface(envelope, messages or {})


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
    surface = _surface_of(request.path)
    # Browsers name it; programs that take anything ("*/*") are better off with JSON.
    if surface is None and "text/html" in request.headers.get("Accept", ""):
        return _page(request, answer)
    surface = surface or _Surface(_plain, {})
    if answer.message == _MESSAGES.get(answer.status):
        answer = replace(answer, message=surface.messages.get(answer.status, answer.message))
    return JsonResponse(
        surface.envelope(answer),
        status=answer.status,
        headers=dict(answer.headers),
        json_dumps_params={"separators": (",", ":")},
    )


def _surface_of(path: str) -> _Surface | None:
    return next((surface for prefix, surface in _surfaces.items() if path.startswith(prefix)), None)


def _page(request: HttpRequest, answer: ErrorAnswer) -> HttpResponse:
    """For somebody before a browser. Rendered without the request: what failed may be the database."""
    page = render_to_string("error.html", {"answer": answer})
    return HttpResponse(page, status=answer.status, headers=dict(answer.headers))


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
    """Called by Django while it handles the error; without its database a request is to be sent again."""
    if isinstance(sys.exception(), _DATABASE_AWAY):
        return render(request, ErrorAnswer(503, _MESSAGES[503], headers=_LATER))
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
    errors = {"errors": answer.errors} if answer.errors else {}
    return {"message": answer.message, **errors, **answer.extra}

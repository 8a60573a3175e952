"""One line per request, under a request id that the caller sees too."""

import re
import time
import uuid
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse
from structlog.contextvars import bind_contextvars, clear_contextvars

log = structlog.get_logger("zipingest.requests")

_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class RequestLog:
    """Gives every request an id (a well-formed ``X-Request-Id`` is kept), and logs how it ended.

    The line holds method, path and status, never the query string, headers or body.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-Id", "")
        request_id = given if _GIVEN_ID.fullmatch(given) else uuid.uuid4().hex
        request.META["zipingest.request_id"] = request_id
        # A thread serves one request after the other: nothing of the last one may stand in our lines.
        clear_contextvars()
        bind_contextvars(request_id=request_id)
        started = time.monotonic()
        response = self.get_response(request)
        log.info(
            "request",
            method=request.method,
            path=request.path,
            status=response.status_code,
            milliseconds=round((time.monotonic() - started) * 1000, 1),
        )
        response["X-Request-Id"] = request_id
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """What no envelope expected: the caller is told a plain 500, and this line says why."""
        log.error("request_failed", method=request.method, path=request.path, exc_info=exception)


def request_id(request: HttpRequest) -> str:
    """The id of this request, also in its answer and in every line it caused."""
    return str(request.META.get("zipingest.request_id", ""))


def note(**facts: str) -> None:
    """Add facts (who calls) to every further line of this request."""
    bind_contextvars(**facts)

"""The dialer surface: ``/api/call/…`` (dialer spec)."""

from http import HTTPStatus
from typing import Any

from zipingest.api.errors import ErrorAnswer
from zipingest.api.errors import register_surface as register

PREFIX = "/api/call/"


def register_surface() -> None:
    register(PREFIX, envelope, {403: "Invalid or missing API key, or API key does not own the batch"})


def envelope(answer: ErrorAnswer) -> dict[str, Any]:
    """``extra`` may hold the ``data``."""
    return {
        "message": HTTPStatus(answer.status).phrase,
        "status": False,
        "code": answer.status,
        "errorMessage": answer.message,
        "data": answer.extra.get("data"),
    }

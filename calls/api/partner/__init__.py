"""The partner surface: ``/api/v1/partner/…`` (partner spec)."""

from typing import Any

from zipingest.api.errors import ErrorAnswer
from zipingest.api.errors import register_surface as register

PREFIX = "/api/v1/partner/"


def register_surface() -> None:
    register(PREFIX, envelope)


def envelope(answer: ErrorAnswer) -> dict[str, Any]:
    body: dict[str, Any] = {"success": False, "message": answer.message}
    if answer.errors:
        body["errors"] = answer.errors
    return body

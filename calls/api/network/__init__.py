"""The network surface: ``/api/<version>/calls.json`` and ``transactions.json`` (network spec)."""

from typing import Any

from zipingest.api.errors import ErrorAnswer
from zipingest.api.errors import register_surface as register

# Versions are dates: whatever begins with a digit is asked of this surface, known or not.
PREFIXES = tuple(f"/api/{digit}" for digit in range(10))
MESSAGES = {
    401: "Invalid or missing oauth token",
    403: "You do not have permissions to perform the requested operation.",
}
_CLASSES = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "UnauthorizedOperation",
    404: "RecordNotFound",
    405: "MethodNotAllowed",
    409: "RecordConflict",
    411: "LengthRequired",
    413: "PayloadTooLarge",
    415: "UnsupportedMediaType",
    429: "RateLimitExceeded",
    500: "InternalServerError",
    503: "ServiceUnavailable",
}


def register_surface() -> None:
    for prefix in PREFIXES:
        register(prefix, envelope, MESSAGES)


def envelope(answer: ErrorAnswer) -> dict[str, Any]:
    """``extra`` may name the class; else the status does."""
    default = _CLASSES.get(answer.status, "Error")
    return {"errors": {"class": answer.extra.get("class", default), "invalid_data": answer.message}}

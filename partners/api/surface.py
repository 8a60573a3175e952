"""The envelope of the telesales surface: ``/api/auth/…``, ``/api/telesales/…`` (telesales spec, Errors)."""

from collections import defaultdict
from typing import Any

from zipingest.api.errors import ErrorAnswer, register_surface

PREFIXES = ("/api/auth/", "/api/telesales/")
MESSAGES = {401: "Unauthenticated.", 403: "This action is unauthorized."}


def register_surfaces() -> None:
    for prefix in PREFIXES:
        register_surface(prefix, envelope, MESSAGES)


def envelope(answer: ErrorAnswer) -> dict[str, Any]:
    """``message``, ``errors`` (all texts of each field), and what ``extra`` adds (``error_code``)."""
    texts: dict[str, list[str]] = defaultdict(list)
    for error in answer.errors:
        texts[error["field"]].append(error["message"])
    return {"message": answer.message, **({"errors": dict(texts)} if texts else {}), **answer.extra}

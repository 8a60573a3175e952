"""Whether this process lives, and whether it could serve a request now."""

from collections.abc import Callable

import structlog
from celery import current_app
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from zipingest.storage import default_storage
from zipingest.work.nudges import IMPATIENT

log = structlog.get_logger(__name__)


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """200 as long as the process answers."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """200 when database, broker and storage answer, else 503; names which of them does not, not why."""
    parts = answering()
    # A broker that is away costs time, not data: requests are served, so it does not make us unready.
    ready = parts["database"] and parts["storage"]
    shown = {name: "ok" if ok else "unavailable" for name, ok in parts.items()}
    return JsonResponse({"status": "ok" if ready else "unavailable", **shown}, status=200 if ready else 503)


def answering() -> dict[str, bool]:
    """Which of database, broker and storage answer now."""
    return {name: _answers(name, ask) for name, ask in _PARTS.items()}


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _ask_broker() -> None:
    with current_app.connection_for_write(transport_options=IMPATIENT) as broker:
        broker.ensure_connection(max_retries=1, timeout=2)


def _ask_storage() -> None:
    # A listing, because asking for one object cannot tell a missing bucket from a missing object.
    next(default_storage().list("readyz/"), None)


_PARTS: dict[str, Callable[[], None]] = {
    "database": _ask_database,
    "broker": _ask_broker,
    "storage": _ask_storage,
}


def _answers(name: str, ask: Callable[[], None]) -> bool:
    try:
        ask()
    except Exception as error:  # noqa: BLE001 - whatever it is, the answer is that this part is away
        log.warning("part_unavailable", part=name, error=type(error).__name__)
        return False
    return True

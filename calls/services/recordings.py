"""Beginning a recording anew: another URL from the partner, or a retry by support staff."""

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import F

from calls.models import Call, Recording, Stage
from calls.presigned import expiry_of
from zipingest import work
from zipingest.work import WorkState

FAILED = (WorkState.FAILED, WorkState.POISON)
SOURCE_COLUMNS = ("source_url", "target", "url_expires_at", "auth_id")


def take_up(*, call: Call, url: str | None = None) -> bool:
    """Begin a new run of a failed recording, from ``url`` or the one it has; False when it has not failed.

    The state in the condition decides between parallel requests: one of them begins the run. What was given
    up never comes back.
    """
    recording: Recording | None = getattr(call, "recording", None)
    if recording is None or recording.state not in FAILED:
        return False
    now = work.database_now()
    source = source_of(url, _auth_for(url, recording)) if url else {}
    with transaction.atomic():
        failed = Recording.objects.filter(pk=recording.pk, run=recording.run, state__in=FAILED)
        begun = failed.filter(purged_at__isnull=True).update(**new_run(now), **source)
        work.nudge(Recording)
    return bool(begun)


def new_run(now: datetime) -> dict[str, Any]:
    """The columns of a recording whose run begins now."""
    return {
        "state": WorkState.DUE,
        "stage": Stage.FETCHING,
        "run": F("run") + 1,
        "begun_at": now,
        "due_at": now,
        "attempts": 0,
        "crashes": 0,
        "expiries": 0,
        "last_error": "",
    }


def source_of(url: str, auth_id: int | None = None) -> dict[str, Any]:
    """The columns of a recording that say where it comes from."""
    values = (url, urlsplit(url).netloc.lower()[:300], expiry_of(url), auth_id)
    return dict(zip(SOURCE_COLUMNS, values, strict=True))


def _auth_for(url: str, recording: Recording) -> int | None:
    """What the recording was asked for with, where that may go to ``url`` too."""
    return recording.auth_id if recording.auth is not None and recording.auth.covers(url) else None


def hasten(*, call: Call) -> bool:
    """Make a waiting recording due now; False when it is not waiting."""
    with transaction.atomic():
        waiting = Recording.objects.filter(call=call, state=WorkState.DUE, purged_at__isnull=True)
        changed = waiting.update(due_at=work.database_now())
        work.nudge(Recording)
    return bool(changed)

"""Beginning a recording anew: another URL from the partner, or a retry by support staff."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import F, QuerySet

from calls.models import Call, Recording, RecordingAuth, Stage
from calls.presigned import expiry_of
from zipingest import work
from zipingest.work import WorkState

FAILED = (WorkState.FAILED, WorkState.POISON)
# Of one transaction, where many are taken up.
PORTION = 500
SOURCE_COLUMNS = ("source_url", "target", "url_expires_at", "auth_id")


def take_up(*, call: Call, url: str | None = None, auth: RecordingAuth | None = None) -> bool:
    """Begin a new run of a failed recording, from ``url`` or the one it has; False when it has not failed.

    It is asked for with ``auth``, or with what it has where that may go to ``url`` too. The state in the
    condition decides between parallel requests: one of them begins the run. What was given up never comes
    back.
    """
    recording: Recording | None = getattr(call, "recording", None)
    if recording is None or recording.state not in FAILED:
        return False
    now = work.database_now()
    source = _other_source(recording, url, auth) if url or auth else {}
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
    # A file of another source may be called whatever looks like a host or a query.
    of_web = url.lower().startswith(("http://", "https://"))
    host = urlsplit(url).netloc.lower()[:300] if of_web else ""
    values = (url, host, expiry_of(url) if of_web else None, auth_id)
    return dict(zip(SOURCE_COLUMNS, values, strict=True))


def _other_source(recording: Recording, url: str | None, auth: RecordingAuth | None) -> dict[str, Any]:
    url = url or recording.source_url
    return source_of(url, auth.pk if auth else _auth_for(url, recording))


def _auth_for(url: str, recording: Recording) -> int | None:
    """What the recording was asked for with, where that may go to ``url`` too."""
    return recording.auth_id if recording.auth is not None and recording.auth.covers(url) else None


def take_up_all(*, calls: QuerySet[Call]) -> int:
    """Of the calls begin every failed recording anew, from where it has been, and make the waiting ones due.

    How many it were. Each portion is a transaction of its own: nothing is undone where a later one fails.
    """
    kept = Recording.objects.filter(call__in=calls.order_by().values("pk"), purged_at__isnull=True)
    hastened = _in_portions(kept.filter(state=WorkState.DUE), lambda now: {"due_at": now})
    return hastened + _in_portions(kept.filter(state__in=FAILED), new_run)


def _in_portions(rows: QuerySet[Recording], columns: Callable[[datetime], dict[str, Any]]) -> int:
    """Set the columns of ``rows``, in the order of their keys; how many there were.

    What comes to fit anew behind the last key, as a recording that fails again meanwhile, is not met twice.
    """
    last = changed = 0
    while True:
        with transaction.atomic():
            portion = rows.filter(pk__gt=last).order_by("pk").select_for_update(of=("self",), no_key=True)
            pks = list(portion.values_list("pk", flat=True)[:PORTION])
            if not pks:
                return changed
            chosen = Recording.objects.filter(pk__in=pks)
            changed += chosen.update(**columns(work.database_now()))
            work.nudge(Recording)
        last = pks[-1]


def hasten(*, call: Call) -> bool:
    """Make a waiting recording due now; False when it is not waiting."""
    with transaction.atomic():
        waiting = Recording.objects.filter(call=call, state=WorkState.DUE, purged_at__isnull=True)
        changed = waiting.update(due_at=work.database_now())
        work.nudge(Recording)
    return bool(changed)

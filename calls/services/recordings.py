"""Beginning a recording anew: another URL from the partner, or a retry by support staff."""

from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import F

from calls.models import Call, Recording, Stage
from zipingest import work
from zipingest.work import WorkState

_FAILED = (WorkState.FAILED, WorkState.POISON)


def take_up(*, call: Call, url: str | None = None) -> bool:
    """Begin a new run of a failed recording, from ``url`` or the one it has; False when it has not failed.

    The state in the condition decides between parallel requests: one of them begins the run.
    """
    recording = call.recording
    if recording.state not in _FAILED:
        return False
    now = work.database_now()
    source = {"source_url": url, "target": urlsplit(url).netloc[:300]} if url else {}
    with transaction.atomic():
        begun = Recording.objects.filter(pk=recording.pk, run=recording.run, state__in=_FAILED).update(
            state=WorkState.DUE,
            stage=Stage.FETCHING,
            run=F("run") + 1,
            begun_at=now,
            due_at=now,
            attempts=0,
            crashes=0,
            expiries=0,
            last_error="",
            **source,
        )
        work.nudge(Recording)
    return bool(begun)


def hasten(*, call: Call) -> bool:
    """Make a waiting recording due now; False when it is not waiting."""
    with transaction.atomic():
        waiting = Recording.objects.filter(call=call, state=WorkState.DUE)
        changed = waiting.update(due_at=work.database_now())
        work.nudge(Recording)
    return bool(changed)

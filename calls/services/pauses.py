"""Pausing and resuming the recording of a live call (telesales spec, Pause / resume).

The span is committed before the provider is asked: whatever becomes of that, it is silent in what is stored.
"""

import structlog
from django.db import transaction

from calls import telephony
from calls.models import AccessKind, Call, Pause
from calls.services import audit, live
from calls.telephony.port import TelephonyError
from zipingest import work

log = structlog.get_logger(__name__)


def pause(*, call: Call, actor: audit.Actor) -> None:
    """Nobody is to hear what is said from now on; already so, nothing changes. Raises live.NotInProgress."""
    # Asked before anything is waited for: what is said meanwhile is not to be heard either.
    now = work.database_now()
    with transaction.atomic():
        held = _lock(call)
        if _open_pause(held):
            return
        begun = Pause.objects.create(call=held, paused_at=now, paused_by=actor.name)
        audit.note_access(actor=actor, call=held, kind=AccessKind.PAUSE, at=now)
    _tell_provider(held, begun, paused=True)


def resume(*, call: Call, actor: audit.Actor) -> None:
    """Record again; already so, nothing changes. Raises live.NotInProgress."""
    with transaction.atomic():
        held = _lock(call)
        ended = _open_pause(held)
        if ended is None:
            return
        ended.resumed_at, ended.resumed_by = work.database_now(), actor.name
        ended.save(update_fields=["resumed_at", "resumed_by"])
        audit.note_access(actor=actor, call=held, kind=AccessKind.RESUME, at=ended.resumed_at)
    _tell_provider(held, ended, paused=False)


def _lock(call: Call) -> Call:
    """Of switches and a hang-up at once, one after the other."""
    held = live.lock(call)
    if not held.in_progress:
        raise live.NotInProgress
    return held


def _open_pause(call: Call) -> Pause | None:
    return Pause.objects.filter(call=call, resumed_at__isnull=True).first()


def _tell_provider(call: Call, span: Pause, *, paused: bool) -> None:
    if not call.provider:
        return
    try:
        provider = telephony.provider(call.provider)
        switch = provider.pause_recording if paused else provider.resume_recording
        switch(call.external_id or "")
    except TelephonyError as error:
        log.warning("provider_did_not_switch", call=str(call.uuid), pause=span.pk, reason=error.reason)
        Pause.objects.filter(pk=span.pk).update(provider_error=error.reason[:255])

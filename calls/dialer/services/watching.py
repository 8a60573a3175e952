"""Watching calls that were begun: the provider is asked until their end is known.

Events tell of it sooner; this finds what no event told of, because a worker or a connection was lost.
"""

from datetime import timedelta

import structlog
from django.conf import settings

from calls import telephony
from calls.dialer.models import LogStatus, PhoneLog
from calls.dialer.services import outcomes
from calls.telephony.port import CallState, Ending, TelephonyError, UnknownCall
from zipingest import work
from zipingest.work import Lease

log = structlog.get_logger(__name__)

_ASKED_EVERY = timedelta(seconds=30)
_EVENTS_TAKE = timedelta(seconds=5)
_FORGOTTEN = "the provider does not know the call"
# No call lasts longer: a provider that cannot be asked for so long must not keep a number busy for ever.
_LONGEST_CALL = timedelta(hours=6)


def register_work() -> None:
    work.register(
        work.Kind(
            model=PhoneLog,
            perform=work.each(watch),
            give_up=_give_up,
            task="calls.dialer.tasks.watch",
            lane_cap=settings.DIALER_WATCHED_PER_ACCOUNT,
            target_cap=1,
        )
    )


def watch(lease: Lease) -> None:
    """Ask the provider how the call stands, and note it."""
    begun = PhoneLog.objects.get(pk=lease.pk)
    try:
        state = telephony.provider(begun.provider).state(str(begun.uuid))
    except UnknownCall:
        _lost(begun, lease)
    except TelephonyError as error:
        if work.database_now() > begun.begun_at + _LONGEST_CALL:
            outcomes.note_unknown(begun.uuid)
        else:
            lease.retry(error.reason, delay=_ASKED_EVERY.total_seconds())
    else:
        _note(begun, state)
        if state.ended_at is None:
            lease.put_back(due_at=work.database_now() + _ASKED_EVERY, last_error="")


def _note(begun: PhoneLog, state: CallState) -> None:
    outcomes.note_ringing(begun.uuid)
    if state.answered_at is not None:
        outcomes.note_answered(begun.uuid, state.answered_at)
    if state.ended_at is not None:
        outcomes.note_ended(begun.uuid, at=state.ended_at, ending=state.ending, cause=state.cause)


def _lost(begun: PhoneLog, lease: Lease) -> None:
    """The provider has forgotten it. Whoever answered was spoken to; of others nothing is known.

    The first time its end may be on the way to us as an event.
    """
    if begun.last_error != _FORGOTTEN:
        lease.retry(_FORGOTTEN, delay=_EVENTS_TAKE.total_seconds())
    elif begun.status == LogStatus.IN_PROGRESS:
        now = work.database_now()
        outcomes.note_ended(begun.uuid, at=now, ending=Ending.ANSWERED, cause="the provider lost the call")
    else:
        outcomes.note_unknown(begun.uuid)


def _give_up(lease: Lease, reason: str) -> None:
    begun = PhoneLog.objects.get(pk=lease.pk)
    log.warning("watching_given_up", call=str(begun.uuid), reason=reason)
    outcomes.note_unknown(begun.uuid)

"""Following a provider's events, for as long as the process runs."""

import threading
from uuid import UUID

import structlog

from calls.dialer.services import outcomes
from calls.models import Call, Source
from calls.services import live
from calls.telephony.port import Answered, Event, HungUp, Provider, TelephonyError

log = structlog.get_logger(__name__)

_PAUSE_SECONDS = 2.0


def follow(provider: Provider, stop: threading.Event) -> None:
    """Note what happens to the provider's calls until ``stop``; a connection that is lost is made anew.

    What happens meanwhile is found by asking (watching.py).
    """
    while not stop.is_set():
        try:
            for event in provider.events(stop):
                note(event)
        except TelephonyError as error:
            log.warning("events_interrupted", provider=provider.name, reason=error.reason)
            stop.wait(_PAUSE_SECONDS)


def note(event: Event) -> None:
    """Write down what happened to a call of ours; of others' nothing."""
    try:
        call = UUID(event.call_id)
    except ValueError:
        return
    if isinstance(event, Answered):
        outcomes.note_answered(call, event.at)
    elif isinstance(event, HungUp) and not outcomes.note_ended(
        call, at=event.at, ending=event.ending, cause=event.cause
    ):
        _end_live(event)


def _end_live(event: HungUp) -> None:
    """Somebody has hung up a live call without telling us."""
    running = Call.objects.filter(source=Source.LIVE, external_id=event.call_id, ended_at__isnull=True)
    call = running.exclude(provider="").first()
    if call is not None:
        live.hang_up(call=call, how=live.HangUp())

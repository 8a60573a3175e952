"""Calls that Asterisk carries.

A call is a channel of which we choose the id, and its recording has the id as its name. Once it is answered
it is in our Stasis application, where whoever follows the events has it recorded; asking how a call stands
makes up for it. ARI keeps no times and forgets a channel at its end: when a recording began is noted on the
channel and, for what comes after its end, in the cache.
"""

import re
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, ClassVar

import structlog
from django.conf import settings
from django.core.cache import cache

from calls.models import PauseHandling
from calls.telephony.asterisk import client, events
from calls.telephony.asterisk.client import ask
from calls.telephony.port import (
    CallState,
    Ended,
    Event,
    NotDone,
    NotPossible,
    Provider,
    TelephonyError,
    UnknownCall,
)
from zipingest import work

log = structlog.get_logger(__name__)

_PHONE = re.compile(r"\+?[0-9]{2,15}", re.ASCII)
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
_SINCE = "ZIPINGEST_RECORDED_SINCE"
_KEPT_SECONDS = 24 * 3600


class Asterisk(Provider):
    """It mutes a recording while it is paused, so that its times stay true."""

    name: ClassVar[str] = "asterisk"
    pause_handling: ClassVar[PauseHandling] = PauseHandling.SILENCED

    def originate(self, *, to: str, caller_id: str = "", call_id: str = "") -> str:
        call_id = call_id or str(uuid.uuid4())
        answer = ask(
            "POST",
            "channels",
            endpoint=_endpoint(to),
            app=settings.ARI_APP,
            appArgs=events.MARK,
            timeout=settings.ARI_RING_SECONDS,
            channelId=call_id,
            **({"callerId": caller_id} if caller_id else {}),
        )
        if not answer.is_good and answer.status != 409:  # there is one of this id: an earlier request made it
            raise answer.error()
        return call_id

    def state(self, call_id: str) -> CallState:
        channel = _found("channels", call_id)
        if channel is None:
            return _state_after_end(call_id)
        if channel.get("state") != "Up":
            return CallState(answered_at=None)
        _try(_make_sure_of_recording, call_id)
        return CallState(answered_at=_recorded_since(call_id) or work.database_now())

    def carries(self, call_id: str) -> bool:
        return _found("channels", call_id) is not None

    def hangup(self, call_id: str) -> Ended:
        since = _recorded_since(_checked(call_id))
        answer = ask("DELETE", "channels", call_id)
        if answer.status == 404 and not _is_stored(call_id):
            raise UnknownCall
        if answer.status != 404 and not answer.is_good:
            raise answer.error()
        return Ended(work.database_now(), recording_started_at=since)

    def pause_recording(self, call_id: str) -> None:
        _mute("POST", call_id)

    def resume_recording(self, call_id: str) -> None:
        _mute("DELETE", call_id)

    def events(self, stop: threading.Event) -> Iterator[Event]:
        pause = _FIRST_PAUSE_SECONDS
        while not stop.is_set():
            try:
                for message in events.messages(stop):
                    pause = _FIRST_PAUSE_SECONDS
                    yield from _happened(message)
            except TelephonyError as error:
                log.warning("events_interrupted", provider=self.name, reason=error.reason)
                stop.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def recording(self, call_id: str) -> Iterator[bytes]:
        if _found("recordings", "live", call_id) is not None:
            raise NotDone("the call is still being recorded")
        yield from client.stream("recordings", "stored", call_id, "file")


# --- What Asterisk has --------------------------------------------------------------------------------------
def _found(*path: str) -> dict[str, Any] | None:
    """The resource whose id ends the path; None where there is none."""
    if not client.is_id(path[-1]):
        return None
    answer = ask("GET", *path)
    if answer.status == 404:
        return None
    if not answer.is_good or not isinstance(answer.data, dict):
        raise answer.error()
    return answer.data


def _is_recorded(call_id: str) -> bool:
    return _found("recordings", "live", call_id) is not None


def _is_stored(call_id: str) -> bool:
    return _found("recordings", "stored", call_id) is not None


def _checked(call_id: str) -> str:
    if not client.is_id(call_id):
        raise UnknownCall
    return call_id


def _state_after_end(call_id: str) -> CallState:
    """Only what was answered is recorded; that it has ended was not told of, so when is not known."""
    if not _is_stored(call_id):
        raise UnknownCall
    return CallState(_recorded_since(call_id), work.database_now(), cause="its end was not told of")


# --- A call's beginning -------------------------------------------------------------------------------------
def _endpoint(phone: str) -> str:
    """Nothing but digits is put into it: it decides whom Asterisk dials, and by which way."""
    if _PHONE.fullmatch(phone) is None:
        raise NotDone("the number is no telephone number")
    dialled: str = settings.ARI_ENDPOINT.replace("{number}", phone)
    return dialled.replace("{digits}", phone.lstrip("+"))


# --- What happens -------------------------------------------------------------------------------------------
def _happened(message: events.Message) -> Iterator[Event]:
    try:
        event, answered = events.meaning(message), events.begins_ours(message)
    except (LookupError, TypeError):
        log.warning("event_not_understood")
        return
    if answered:  # before anybody is told, who may take time
        _try(_begin_recording, message["channel"]["id"])
    if event is not None:
        yield event


# --- Its recording ------------------------------------------------------------------------------------------
def _try(record: Callable[[str], None], call_id: str) -> None:
    """What fails now is tried again each time that the call is asked after."""
    try:
        record(call_id)
    except TelephonyError as error:
        log.warning("not_recorded_yet", call=call_id, reason=error.reason)


def _make_sure_of_recording(call_id: str) -> None:
    if not _is_recorded(call_id):
        _begin_recording(call_id)


def _begin_recording(call_id: str) -> None:
    """A recording of this name, finished or not, is neither begun anew nor overwritten."""
    answer = ask(
        "POST", "channels", call_id, "record", name=call_id, format="wav", ifExists="fail", terminateOn="none"
    )
    if answer.is_good:
        _note_since(call_id, work.database_now())
    elif answer.status != 409 or not (_is_recorded(call_id) or _is_stored(call_id)):
        log.warning("not_recorded", call=call_id, reason=answer.error().reason)


def _note_since(call_id: str, now: datetime) -> None:
    cache.add(_cache_key(call_id), now.isoformat(), _KEPT_SECONDS)
    ask("POST", "channels", call_id, "variable", variable=_SINCE, value=now.isoformat())


def _recorded_since(call_id: str) -> datetime | None:
    """When its recording began; None where that is not known, or no longer."""
    noted = cache.get(_cache_key(call_id)) or _noted_on_channel(call_id)
    return datetime.fromisoformat(noted) if noted else None


def _noted_on_channel(call_id: str) -> str:
    answer = ask("GET", "channels", call_id, "variable", variable=_SINCE)
    return str(answer.data.get("value", "")) if answer.is_good and isinstance(answer.data, dict) else ""


def _cache_key(call_id: str) -> str:
    return f"asterisk:recorded-since:{call_id}"


def _mute(method: str, call_id: str) -> None:
    answer = ask(method, "recordings", "live", _checked(call_id), "mute")
    if answer.status in (404, 409):
        raise NotPossible("the call is not being recorded")
    if not answer.is_good:
        raise answer.error()

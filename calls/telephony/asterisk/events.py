"""What ARI's events mean, and the connection that they come on."""

import json
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Event as Stop
from typing import Any

import websocket
from django.conf import settings

from calls.telephony.asterisk import client
from calls.telephony.port import Answered, Ending, Event, HungUp, RecordingReady, Unavailable
from partners.outbound import Deadline
from partners.outbound.service import NotSent, connect_service
from zipingest import signs

Message = Mapping[str, Any]

# What marks the channels that we have made, among others of the application.
MARK = "dialled"

_TICK_SECONDS = 0.2
_CLOSING_SECONDS = 1.0
# Q.850 causes, as Asterisk gives them, of a call that nobody answered. 0: none was told, as of one that was
# given up after its time to ring; 16: it was hung up meanwhile.
_ENDINGS = {
    0: Ending.NO_ANSWER,
    16: Ending.NO_ANSWER,
    17: Ending.BUSY,
    18: Ending.NO_ANSWER,
    19: Ending.NO_ANSWER,
}


# --- What they mean -----------------------------------------------------------------------------------------
def meaning(message: Message) -> Event | None:
    """The port's event; None of what does not matter here. Raises LookupError, TypeError where it is none."""
    kind, at = message["type"], _time(message)
    if kind == "RecordingFinished":
        return RecordingReady(message["recording"]["name"], at)
    if kind not in ("StasisStart", "ChannelStateChange", "ChannelDestroyed"):
        return None
    channel = message["channel"]
    if kind == "ChannelDestroyed":
        cause = message["cause"]
        return HungUp(channel["id"], at, _ending(channel, cause), message["cause_txt"] or str(cause))
    return Answered(channel["id"], at) if channel["state"] == "Up" else None


def begins_ours(message: Message) -> bool:
    """Whether a call of ours has just been answered, and can be recorded from now on."""
    return bool(message["type"] == "StasisStart" and message["args"] == [MARK])


def _ending(channel: Message, cause: int) -> Ending:
    if channel["state"] == "Up":
        return Ending.ANSWERED
    return _ENDINGS.get(cause, Ending.FAILED)


def _time(message: Message) -> datetime:
    """By Asterisk's clock; ours where it does not say."""
    try:
        at = datetime.fromisoformat(message["timestamp"])
    except (KeyError, ValueError):
        return datetime.now(UTC)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


# --- How they come ------------------------------------------------------------------------------------------
def messages(stop: Stop) -> Iterator[Message]:
    """What Asterisk says from now on, until ``stop`` is set. Raises TelephonyError where it ends before."""
    with _plainly(), _connection() as connection:
        heard, asked = time.monotonic(), False
        while not stop.is_set():
            signs.keep_noting(signs.FOLLOWER)
            try:
                opcode, frame = connection.recv_data_frame(control_frame=True)
            except websocket.WebSocketTimeoutException:
                asked = _ping(connection, time.monotonic() - heard, asked)
                continue
            heard, asked = time.monotonic(), False
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                raise Unavailable("Asterisk closed the connection of its events")
            if opcode == websocket.ABNF.OPCODE_TEXT:
                yield _parsed(frame.data)


def _parsed(data: bytes) -> Message:
    """Empty where it is nothing that could be an event."""
    try:
        message = json.loads(data)
    except ValueError:
        message = None
    if not isinstance(message, dict):
        return {}
    if message.get("type") == "ApplicationReplaced":
        raise Unavailable("somebody else follows the events of the same application (ARI_APP)")
    return message


def _ping(connection: websocket.WebSocket, silent: float, asked: bool) -> bool:
    if silent > 2 * settings.ARI_PING_SECONDS:
        raise Unavailable("Asterisk fell silent")
    if silent > settings.ARI_PING_SECONDS and not asked:
        connection.ping()
        asked = True
    return asked


@contextmanager
def _connection() -> Iterator[websocket.WebSocket]:
    url = client.url_of("events", app=settings.ARI_APP, subscribeAll="false")
    connection = websocket.WebSocket()
    with Deadline(settings.ARI_TIMEOUT_SECONDS) as deadline:
        connection.connect(  # type: ignore[no-untyped-call]  # the library leaves it without hints
            url.replace("http", "ws", 1),
            socket=connect_service(url, deadline=deadline),
            header=dict(client.credentials().headers),
            subprotocols=["ari"],
            suppress_origin=True,
            redirect_limit=0,  # it would open a socket of its own
            timeout=settings.ARI_TIMEOUT_SECONDS,
        )
    connection.settimeout(_TICK_SECONDS)
    try:
        yield connection
    finally:
        connection.close(timeout=_CLOSING_SECONDS)


@contextmanager
def _plainly() -> Iterator[None]:
    """The library's words quote what the server answered."""
    try:
        yield
    except NotSent as error:
        raise Unavailable(f"Asterisk cannot be reached: {error.reason}") from None
    except websocket.WebSocketBadStatusException as error:
        raise client.Answer(error.status_code, None).error() from None
    except websocket.WebSocketTimeoutException:
        raise Unavailable("Asterisk did not open its events in time") from None
    except (websocket.WebSocketException, ssl.SSLError, OSError) as error:
        raise Unavailable("the connection of Asterisk's events was cut") from error

"""What a switch that speaks ARI keeps: channels, their recordings, and what becomes of them by plan."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.support import ari_description as description
from tests.support import audio

# Instead of a status: nothing is answered.
NO_ANSWER = 0
_CAUSES = {0: "Unknown", 16: "Normal Clearing", 17: "User busy", 19: "No Answer", 34: "Circuit congestion"}


@dataclass(frozen=True)
class Plan:
    """What becomes of a call; times are seconds.

    ``cause``: why it ends, where nobody answers. ``talks``: None, until it is hung up. ``refused``: nothing
    comes of it but this status. ``answers``: whether the request that makes it is answered at all.
    """

    rings: float = 0.02
    cause: int | None = None
    talks: float | None = 0.05
    refused: int = 0
    answers: bool = True


@dataclass
class Channel:
    id: str
    endpoint: str
    caller_id: str
    plan: Plan
    args: list[str]
    created: datetime
    state: str = "Down"
    in_app: bool = False
    variables: dict[str, str] = field(default_factory=dict)


@dataclass
class Live:
    name: str
    format: str
    channel: str
    began: float
    muted: bool = False


class Calls:
    """``originated`` counts the channels made, by number. What happens is told by ``tell``."""

    def __init__(self) -> None:
        self.plans: dict[str, Plan] = {}
        self.default = Plan()
        self.originated: Counter[str] = Counter()
        self.channels: dict[str, Channel] = {}
        self.live: dict[str, Live] = {}
        self.stored: dict[str, bytes] = {}
        self.is_closing = threading.Event()
        self.lock = threading.RLock()

    def tell(self, kind: str, **fields: Any) -> None:
        raise NotImplementedError

    def hang_up(self, channel_id: str, cause: int = 16) -> None:
        """The other side does."""
        with self.lock:
            channel = self.channels.pop(channel_id, None)
            if channel is None:
                return
            for live in [one for one in self.live.values() if one.channel == channel.id]:
                self.finish(live)
            if channel.in_app:
                self.tell("StasisEnd", channel=snapshot(channel))
            text = _CAUSES.get(cause, "Unknown")
            self.tell("ChannelDestroyed", channel=snapshot(channel), cause=cause, cause_txt=text)

    def finish(self, live: Live) -> None:
        """Store the recording."""
        seconds = time.monotonic() - live.began
        self.stored[live.name] = audio.wav(max(seconds, 0.1), rate=8000, channels=1)
        del self.live[live.name]
        told = recording(live, "done") | {"duration": round(seconds)}
        self.tell("RecordingFinished", recording=told)

    # --- What becomes of a call -----------------------------------------------------------------------------
    def _later(self, seconds: float, step: Callable[[str], None], channel_id: str) -> None:
        timer = threading.Timer(seconds, step, [channel_id])
        timer.daemon = True
        timer.start()

    def _ring(self, channel_id: str) -> None:
        with self.lock:
            channel = self.channels.get(channel_id)
            if channel is None:
                return
            self._change(channel, "Ringing")
            step = self._pick_up if channel.plan.cause is None else self._give_up
            self._later(channel.plan.rings, step, channel_id)

    def _give_up(self, channel_id: str) -> None:
        with self.lock:
            if channel_id in self.channels:
                self.hang_up(channel_id, self.channels[channel_id].plan.cause or 0)

    def _pick_up(self, channel_id: str) -> None:
        with self.lock:
            channel = self.channels.get(channel_id)
            if channel is None or self.is_closing.is_set():
                return
            channel.in_app = True
            self._change(channel, "Up")
            self.tell("StasisStart", channel=snapshot(channel), args=channel.args)
            if channel.plan.talks is not None:
                self._later(channel.plan.talks, self._end_talk, channel_id)

    def _end_talk(self, channel_id: str) -> None:
        with self.lock:
            if channel_id in self.channels:
                self.tell("ChannelHangupRequest", channel=snapshot(self.channels[channel_id]), cause=16)
            self.hang_up(channel_id)

    def _change(self, channel: Channel, state: str) -> None:
        channel.state = state
        self.tell("ChannelStateChange", channel=snapshot(channel))

    # --- What it is asked -----------------------------------------------------------------------------------
    def done(self, name: str, about: str, query: dict[str, str]) -> tuple[int, Any]:
        """A status, and what comes with it: JSON, or the bytes of a file."""
        with self.lock:
            return getattr(self, f"_on_{name}")(about, query)

    def _on_originate(self, _: str, query: dict[str, str]) -> tuple[int, Any]:
        number = query["endpoint"].removeprefix("PJSIP/").removesuffix("@trunk")
        plan = self.plans.get(number, self.default)
        if plan.refused:
            return plan.refused, None
        if query["channelId"] in self.channels:
            return 409, None
        channel = Channel(
            query["channelId"],
            query["endpoint"],
            query.get("callerId", ""),
            plan,
            query.get("appArgs", "").split(","),
            datetime.now(UTC),
        )
        self.channels[channel.id] = channel
        self.originated[number] += 1
        self._later(0, self._ring, channel.id)
        return (200, snapshot(channel)) if plan.answers else (NO_ANSWER, None)

    def _on_channel(self, channel_id: str, _: object) -> tuple[int, Any]:
        found = self.channels.get(channel_id)
        return (200, snapshot(found)) if found else (404, None)

    def _on_hangup(self, channel_id: str, _: object) -> tuple[int, Any]:
        if channel_id not in self.channels:
            return 404, None
        self.hang_up(channel_id)
        return 204, None

    def _on_record(self, channel_id: str, query: dict[str, str]) -> tuple[int, Any]:
        channel, name = self.channels.get(channel_id), query["name"]
        if channel is None:
            return 404, None
        exists = name in self.live or (name in self.stored and query.get("ifExists", "fail") == "fail")
        if exists or not channel.in_app:
            return 409, None
        self.live[name] = Live(name, query["format"], channel_id, time.monotonic())
        self.tell("RecordingStarted", recording=recording(self.live[name], "recording"))
        return 201, recording(self.live[name], "queued")

    def _on_variable(self, channel_id: str, query: dict[str, str]) -> tuple[int, Any]:
        channel = self.channels.get(channel_id)
        if channel is None or not channel.in_app:
            return (404 if channel is None else 409), None
        value = channel.variables.get(query["variable"])
        return (404, None) if value is None else (200, {"value": value})

    def _on_set_variable(self, channel_id: str, query: dict[str, str]) -> tuple[int, Any]:
        channel = self.channels.get(channel_id)
        if channel is None or not channel.in_app:
            return (404 if channel is None else 409), None
        channel.variables[query["variable"]] = query.get("value", "")
        return 204, None

    def _on_live(self, name: str, _: object) -> tuple[int, Any]:
        found = self.live.get(name)
        return (200, recording(found, "recording")) if found else (404, None)

    def _on_mute(self, name: str, _: object) -> tuple[int, Any]:
        return self._muted(name, muted=True)

    def _on_unmute(self, name: str, _: object) -> tuple[int, Any]:
        return self._muted(name, muted=False)

    def _muted(self, name: str, *, muted: bool) -> tuple[int, Any]:
        if name not in self.live:
            return 404, None
        self.live[name].muted = muted
        return 204, None

    def _on_stored(self, name: str, _: object) -> tuple[int, Any]:
        return (200, {"name": name, "format": "wav"}) if name in self.stored else (404, None)

    def _on_file(self, name: str, _: object) -> tuple[int, Any]:
        return (200, self.stored[name]) if name in self.stored else (404, None)


def snapshot(channel: Channel) -> dict[str, Any]:
    """A Channel as ARI shows it."""
    nobody = {"name": "", "number": ""}
    return {
        "id": channel.id,
        "protocol_id": "",
        "name": f"PJSIP/trunk-{channel.id[:8]}",
        "state": channel.state,
        "caller": nobody,
        "connected": {"name": "", "number": channel.caller_id},
        "accountcode": "",
        "dialplan": {
            "context": "default",
            "exten": "s",
            "priority": 1,
            "app_name": "AppDial2",
            "app_data": "(Outgoing Line)",
        },
        "creationtime": description.date(channel.created),
        "language": "en",
    }


def recording(live: Live, state: str) -> dict[str, Any]:
    """A LiveRecording as ARI shows it."""
    return {
        "name": live.name,
        "format": live.format,
        "target_uri": f"channel:{live.channel}",
        "state": state,
    }

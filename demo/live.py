"""A live call through the embedded simulator: registered, paused, resumed, hung up, stored, listened to."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from demo.stack import DemoFailed
from demo.supervisor import Supervisor
from tests.support import audio

CALLS = "/api/telesales/calls"
PHONE = "+12025550123"
# How long each part of the call lasts: speech, pause, speech.
PART_SECONDS = 2.0

_POLL_SECONDS = 0.1
_SLACK_SECONDS = 0.5
_WINDOW_SECONDS = 0.1
# Of 32767. The simulator never whispers.
_LOUD = 500


@dataclass(frozen=True)
class LiveCall:
    """``shown`` is how the API tells it in the end; ``paused`` and ``resumed`` count from its beginning."""

    shown: dict[str, Any]
    paused: float
    resumed: float
    wav: bytes

    @property
    def span(self) -> tuple[float, float]:
        """What is silent in the recording, in seconds; nothing where all of it can be heard."""
        silent = [at for at, loudest in enumerate(_loudness(self.wav)) if not loudest]
        if not silent:
            return 0.0, 0.0
        return silent[0] * _WINDOW_SECONDS, (silent[-1] + 1) * _WINDOW_SECONDS


def play(supervisor: Supervisor, campaign: int) -> LiveCall:
    """Begin the call, pause and resume its recording, end it, and fetch what was stored of it."""
    began = time.monotonic()
    uuid = supervisor.post(CALLS, {"campaign_id": campaign, "phone": PHONE})["uuid"]
    path = f"{CALLS}/{uuid}"
    time.sleep(PART_SECONDS)
    paused = time.monotonic() - began
    supervisor.post(f"{path}/recording/pause")
    time.sleep(PART_SECONDS)
    resumed = time.monotonic() - began
    supervisor.post(f"{path}/recording/resume")
    time.sleep(PART_SECONDS)
    supervisor.post(f"{path}/hangup", {})
    shown = _stored(supervisor, path)
    wav = supervisor.ask(f"/api/telesales/recordings/{uuid}/download").content
    return LiveCall(shown, paused, resumed, wav)


def of_live(call: LiveCall) -> Iterator[str]:
    """What is not as it should be: exactly what was said in the pause is silent."""
    start, end = call.span
    if abs(start - call.paused) > _SLACK_SECONDS or abs(end - call.resumed) > _SLACK_SECONDS:
        yield (
            f"the live call was paused from {call.paused:.1f} s to {call.resumed:.1f} s, "
            f"and its recording is silent from {start:.1f} s to {end:.1f} s"
        )
    for at, loudest in enumerate(_loudness(call.wav)):
        second = at * _WINDOW_SECONDS
        if start <= second + _WINDOW_SECONDS / 2 < end:
            if loudest:
                yield f"something is heard in the pause of the live call, at {second:.1f} s"
        # What touches the pause is speech in part only.
        elif not start - 2 * _WINDOW_SECONDS < second < end + _WINDOW_SECONDS and loudest < _LOUD:
            yield f"the live call is not heard at {second:.1f} s"


def _stored(supervisor: Supervisor, path: str) -> dict[str, Any]:
    while True:
        shown: dict[str, Any] = supervisor.ask(path).json()["data"]
        if shown["recording"] == "available":
            return shown
        if shown["recording"] not in ("queued", "fetching", "processing"):
            raise DemoFailed(f"the live call's recording is {shown['recording']}")
        time.sleep(_POLL_SECONDS)


def _loudness(wav: bytes) -> list[int]:
    """The loudest sample of both channels, window by window; what is shorter than one at the end is left."""
    signal, rate = audio.heard(wav)
    width = round(rate * _WINDOW_SECONDS)
    windows = range(0, len(signal) - width + 1, width)
    return [int(abs(signal[at : at + width]).max()) for at in windows]

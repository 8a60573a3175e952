"""How a call stands now, in plain words: has its recording arrived, and where not, why and what is next."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from calls.models import Call, Recording
from calls.timeline import Tone, clock
from zipingest.work import WorkState

EXPIRY_WARNING = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a call stands now. ``reason`` and ``warning`` are empty where there is nothing to say.

    ``reason`` may name hosts: it is for our own staff.
    """

    tone: Tone
    words: str
    reason: str = ""
    next_attempt_at: datetime | None = None
    warning: str = ""


def standing_of(call: Call, now: datetime) -> Standing:
    """Of a call that came with its recording, if it has one."""
    recording: Recording | None = getattr(call, "recording", None)
    if recording is None:
        words = "It is in progress." if call.in_progress else "It ended without a recording."
        return Standing("info" if call.in_progress else "", words)
    if recording.purged_at is not None:
        return _given_up(recording, recording.purged_at)
    return _of_work(recording, now)


def _given_up(recording: Recording, at: datetime) -> Standing:
    if recording.is_stored:
        return Standing("", f"It had arrived; its recording was removed at {clock(at)}.")
    return Standing("", f"It did not arrive, and was given up at {clock(at)}.", recording.last_error)


def _of_work(recording: Recording, now: datetime) -> Standing:
    next_at = recording.next_attempt_at
    match WorkState(recording.state):
        case WorkState.DONE:
            return Standing("success", "It has arrived: its recording is stored.")
        case WorkState.LEASED:
            return Standing("info", _at_work(recording), recording.last_error, None, _expiry(recording, now))
        case WorkState.DUE:
            tone: Tone = "warning" if recording.attempts else "info"
            return Standing(
                tone, _waiting(recording, now), recording.last_error, next_at, _expiry(recording, now)
            )
        case WorkState.POISON:
            words = "It did not arrive: its file ended our decoder again and again and is set aside."
        case _:
            words = "It did not arrive, and is not tried again by itself."
    return Standing("danger", words, recording.last_error)


def _at_work(recording: Recording) -> str:
    doing = "fetched" if recording.stage == "fetching" else "checked and stored"
    return f"It is being {doing} now, as attempt {recording.attempts + 1} of {_attempts_allowed()}."


def _waiting(recording: Recording, now: datetime) -> str:
    if recording.due_at > now:
        return f"It waits for attempt {recording.attempts + 1} of {_attempts_allowed()}."
    if recording.attempts:
        return f"Attempt {recording.attempts + 1} of {_attempts_allowed()} is due, and waits for its turn."
    return f"It waits for its first fetch since {clock(recording.due_at)}."


def _attempts_allowed() -> int:
    return len(settings.FETCH_RETRY_STEPS) + 1


def _expiry(recording: Recording, now: datetime) -> str:
    """What is to be said of a presigned URL that ends soon, or has ended."""
    expiry = recording.url_expires_at
    if expiry is None:
        return ""
    if now < expiry <= (recording.next_attempt_at or now):
        return f"The recording's URL ends at {clock(expiry)}, before the next attempt."
    if expiry - now >= EXPIRY_WARNING:
        return ""
    if expiry <= now:
        return f"The recording's URL has not been valid since {clock(expiry)}: another one is needed."
    minutes = int((expiry - now).total_seconds() // 60)
    return f"The recording's URL is valid for {minutes} more minutes, until {clock(expiry)}."

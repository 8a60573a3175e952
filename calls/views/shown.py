"""How a call and its recording read on the pages: its state in a word, its player, its facts."""

from dataclasses import dataclass
from datetime import datetime

from calls.expiring import SOON
from calls.forms import agent_label
from calls.giving import Kept
from calls.models import Call, CustomValue, Language, Signal
from calls.timeline import Tone
from calls.waveform import Band, PausedSpan, bands, clock, paused_spans
from zipingest.work import WorkState


@dataclass(frozen=True, slots=True)
class Standing:
    """How the recording stands, in a word and a sentence; ``at``: when it expires or did."""

    tone: Tone
    words: str
    sentence: str
    at: datetime | None = None
    is_given: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    call: Call
    standing: Standing
    agent: str
    duration: str

    @classmethod
    def of(cls, call: Call) -> "Row":
        """``call`` is one of giving.with_standing."""
        agent = agent_label(call.agent) if call.agent else ""
        return cls(call, standing(Kept.of(call)), agent, clock(duration(call)))


@dataclass(frozen=True, slots=True)
class Player:
    """What the player draws of a recording that may be given out."""

    bands: list[Band]
    paused: list[PausedSpan]
    seconds: float
    length: str

    @classmethod
    def of(cls, call: Call) -> "Player":
        recording = call.recording
        seconds = recording.duration_seconds or 0.0
        peaks = bytes(recording.peaks) if recording.peaks else None
        return cls(
            bands=bands(peaks, recording.channels),
            paused=paused_spans(recording.silences, seconds),
            seconds=seconds,
            length=clock(seconds),
        )


@dataclass(frozen=True, slots=True)
class Said:
    """What was said of a call beside its recording: signals as they stand now, by name, and custom data."""

    signals: list[Signal]
    custom_data: list[CustomValue]

    @classmethod
    def of(cls, call: Call) -> "Said":
        signals = call.signals.filter(is_current=True).select_related("name")
        values = call.custom_values.exclude(value="").select_related("field")
        return cls(
            list(signals.order_by("name__name", "partner_unique_id")), list(values.order_by("field__name"))
        )

    @property
    def has_revenue(self) -> bool:
        return any(signal.revenue is not None for signal in self.signals)


def language(call: Call) -> str:
    """In words, where we have some for its code."""
    return str(dict(Language.choices).get(call.language, call.language))


def duration(call: Call) -> float | None:
    """In seconds: of the recording, or of the call where nothing is stored."""
    recording = getattr(call, "recording", None)
    if recording is not None and recording.duration_seconds is not None:
        return float(recording.duration_seconds)
    return (call.ended_at - call.started_at).total_seconds() if call.ended_at else None


def standing(kept: Kept) -> Standing:
    """In the words of whoever wants to hear it, not of whoever fetches it."""
    if kept.expired_at:
        return _expired(kept, kept.expired_at)
    if kept.recording is None:
        return _without_recording(kept.call)
    match WorkState(kept.recording.state):
        case WorkState.DONE:
            return _stored(kept)
        case WorkState.FAILED | WorkState.POISON:
            return Standing("danger", "Failed", "The recording could not be fetched.")
        case _:
            return Standing("info", "Still fetching", "The recording is on its way. Look again in a moment.")


def _expired(kept: Kept, at: datetime) -> Standing:
    if kept.expires_at == at:
        return Standing(
            "", "Expired", "The recording has passed the account's retention, and is no longer given out.", at
        )
    return Standing("", "Expired", "The recording was removed.", at)


def _stored(kept: Kept) -> Standing:
    at = kept.expires_at
    if kept.held:
        return Standing("info", "Held", "A legal hold keeps this recording.", None, is_given=True)
    if at and at - kept.now <= SOON:
        return Standing("warning", "Expires soon", "The recording expires soon.", at, is_given=True)
    return Standing("success", "Available", "The recording is available.", at, is_given=True)


def _without_recording(call: Call) -> Standing:
    if call.in_progress:
        return Standing("info", "In progress", "The call is in progress; its recording comes after its end.")
    return Standing("", "No recording", "The call ended without a recording.")

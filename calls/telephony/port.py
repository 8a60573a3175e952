"""The telephony port: what the product asks of whoever carries calls, and what it is told in return.

A provider is asked outside of transactions only. It is free to run in any process: what it must remember, it
keeps where web and workers both find it.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from calls.models import PauseHandling


class TelephonyError(Exception):
    """The provider did not do what it was asked; ``reason`` says why, in words fit for the console."""

    permanent = False

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Unsure(TelephonyError):
    """The provider was asked and did not answer: it may have done it or not."""


class NotDone(TelephonyError):
    """What was asked for has certainly not been done."""


class Unavailable(NotDone):
    """The provider cannot be reached; later it may."""


class UnknownCall(NotDone):
    """The provider has no call of this id, or no longer."""

    permanent = True

    def __init__(self) -> None:
        super().__init__("the provider does not know the call")


class NotPossible(NotDone):
    """The call is not in a state that allows it (it has ended, it still runs)."""

    permanent = True


@dataclass(frozen=True, slots=True)
class Ended:
    """``recording_started_at``: when its recording began; None where nothing was recorded."""

    at: datetime
    recording_started_at: datetime | None


class Ending(StrEnum):
    """How a call came to its end, in so far as it matters here."""

    ANSWERED = "answered"
    NO_ANSWER = "no-answer"
    BUSY = "busy"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class CallState:
    """A call as its provider knows it, by its clock. ``ending`` is meant once there is an ``ended_at``."""

    answered_at: datetime | None
    ended_at: datetime | None = None
    ending: Ending = Ending.ANSWERED
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a call of the provider, by the provider's clock."""

    call_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Answered(Event):
    """The other side picked up."""


@dataclass(frozen=True, slots=True)
class HungUp(Event):
    """The call is over. ``cause``: the provider's word for why."""

    ending: Ending = Ending.ANSWERED
    cause: str = ""


@dataclass(frozen=True, slots=True)
class RecordingReady(Event):
    """Its recording is complete and can be had."""


class Provider(ABC):
    """Carries calls. ``name`` stands in ``Call.provider`` and begins the address of its recordings."""

    name: ClassVar[str]
    pause_handling: ClassVar[PauseHandling]

    @abstractmethod
    def originate(self, *, to: str, caller_id: str = "", call_id: str = "") -> str:
        """Call ``to`` (E.164), shown ``caller_id`` where one is given; the provider's id of the call.

        ``call_id`` (a UUID) becomes that id, so that a call can be asked after of which no answer came; a
        provider that has such a call makes no second one. It is recorded from the beginning. Raises NotDone
        where there is certainly no call, TelephonyError otherwise.
        """

    @abstractmethod
    def state(self, call_id: str) -> CallState:
        """How the call stands. Raises UnknownCall where there is none, TelephonyError otherwise."""

    @abstractmethod
    def carries(self, call_id: str) -> bool:
        """Whether a call of this id is one of the provider's. Raises TelephonyError."""

    @abstractmethod
    def hangup(self, call_id: str) -> Ended:
        """End the call; of one that has ended, when it did. Raises TelephonyError."""

    @abstractmethod
    def pause_recording(self, call_id: str) -> None:
        """Stop recording what is said. Already so: nothing happens. Raises TelephonyError."""

    @abstractmethod
    def resume_recording(self, call_id: str) -> None:
        """Record again. Already so: nothing happens. Raises TelephonyError."""

    @abstractmethod
    def events(self, stop: threading.Event) -> Iterator[Event]:
        """What happens from now on, as it happens, until ``stop`` is set. Raises TelephonyError."""

    @abstractmethod
    def recording(self, call_id: str) -> Iterator[bytes]:
        """The audio of an ended call as a file of its own format, in pieces. Raises TelephonyError."""

    def recording_url(self, call_id: str) -> str:
        """Under what address ``calls.sources`` finds the recording; it is no URL to be opened."""
        return f"{self.name}:{call_id}"

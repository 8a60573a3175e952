"""How batches and contacts read on the pages: in a word, in a sentence, in figures."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.utils.functional import cached_property

from calls.dialer import hours, selectors
from calls.dialer.models import (
    ACTIVE,
    ENDED,
    Batch,
    Blocked,
    Contact,
    ContactStatus,
    DialerAccount,
    LogStatus,
    PhoneLog,
    Switch,
)
from calls.dialer.progress import Course
from calls.dialer.selectors import Standing, Waiting
from calls.waveform import clock
from zipingest.work import WorkState

_WEEK = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
TONES = {
    ContactStatus.QUEUED: "info",
    ContactStatus.RINGING: "info",
    ContactStatus.IN_PROGRESS: "info",
    ContactStatus.COMPLETED: "success",
    ContactStatus.NO_ANSWER: "warning",
    ContactStatus.BUSY: "warning",
    ContactStatus.FAILED: "danger",
}
CALL_TONES = {
    LogStatus.COMPLETED: "success",
    LogStatus.NO_ANSWER: "warning",
    LogStatus.BUSY: "warning",
    LogStatus.FAILED: "danger",
    LogStatus.UNKNOWN: "danger",
}


# --- Batches ----------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Part:
    """Contacts in one of the groups that the bar is drawn of; in percent of its width."""

    name: str
    tone: str
    count: int
    start: float
    width: float


@dataclass(frozen=True)
class ShownBatch:
    course: Course

    @property
    def batch(self) -> Batch:
        return self.course.batch

    @property
    def word(self) -> str:
        if self.course.is_complete:
            return "Completed"
        return {Switch.IDLE: "Not started", Switch.STARTED: "Calling", Switch.STOPPED: "Stopped"}[
            Switch(self.batch.switch)
        ]

    @property
    def tone(self) -> str:
        if self.course.is_complete:
            return "success"
        return {Switch.STARTED: "info", Switch.STOPPED: "warning"}.get(Switch(self.batch.switch), "")

    @property
    def may_start(self) -> bool:
        return self.batch.switch != Switch.STARTED

    @property
    def may_stop(self) -> bool:
        return self.course.goes_on

    @property
    def left(self) -> str:
        """How much calling is left, in words; "" where nothing goes on."""
        if not self.course.goes_on or not self.course.progress.total:
            return ""
        return lasting(self.course.left) if self.course.left is not None else "not known yet"

    @property
    def outcomes(self) -> str:
        """``312 completed, 20 busy``; of what has not happened, nothing."""
        by_status = self.course.progress.by_status
        named = ((by_status[status], ContactStatus(status).label) for status in ENDED)
        return ", ".join(f"{count:,} {name}" for count, name in named if count)

    @cached_property
    def parts(self) -> list[Part]:
        """All contacts, in the order in which they come to be."""
        by_status, found, start = self.course.progress.by_status, [], 0.0
        groups = [(status.label, TONES.get(status, ""), by_status[status]) for status in ENDED]
        groups += [("under way", "info", self.course.under_way), ("waiting", "rest", self.course.waiting)]
        for name, tone, count in groups:
            width = 100 * count / self.course.progress.total if count else 0
            if count:
                found.append(Part(name, tone, count, round(start, 3), round(width, 3)))
            start += width
        return found

    @property
    def percent(self) -> int:
        """Of those that have ended; 100 only once all have."""
        progress = self.course.progress
        return progress.ended * 100 // progress.total if progress.total else 0


def lasting(time: timedelta) -> str:
    """``less than a minute``, ``about 25 min``, ``about 3 h 20 min``, ``about 4 days``."""
    minutes = round(time.total_seconds() / 60)
    if minutes < 1:
        return "less than a minute"
    if minutes < 60:
        return f"about {minutes} min"
    if minutes < 48 * 60:
        whole, rest = divmod(minutes, 60)
        return f"about {whole} h {rest} min" if rest else f"about {whole} h"
    return f"about {round(minutes / 60 / 24)} days"


@dataclass(frozen=True, slots=True)
class Rules:
    """When and how often a batch calls, in words."""

    batch: Batch
    account: DialerAccount

    @property
    def hours(self) -> str:
        start = self.batch.hours_start or hours.HOUSE_START
        end = self.batch.hours_end or hours.HOUSE_END
        if start == end:
            return "At any hour"
        return f"{start:%H:%M} to {end:%H:%M}{' of the next day' if end < start else ''}"

    @property
    def days(self) -> str:
        days = self.batch.allowed_days
        return ", ".join(_WEEK[day] for day in days) if days and len(set(days)) < 7 else "Every day"

    @property
    def zone(self) -> str:
        """Of contacts whose record and number tell none."""
        return self.batch.time_zone or self.account.time_zone

    @property
    def tries(self) -> str:
        if not self.batch.retry:
            return "One"
        return f"Up to {self.batch.retry + 1}, {_pause(self.batch.delay)}"


def _pause(seconds: int) -> str:
    if not seconds:
        return "one after the other"
    minutes, rest = divmod(seconds, 60)
    if rest or not minutes:
        return f"{seconds:,} s apart"
    return f"{minutes // 60:,} h apart" if minutes % 60 == 0 else f"{minutes:,} min apart"


def cap_of(most_at_once: int | None) -> int:
    return most_at_once or int(settings.DIALER_RUNNING_PER_NUMBER)


# --- Contacts ---------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class ShownContact:
    """A contact with its calls (``selectors.with_calls``), at the moment of its batch's ``standing``."""

    contact: Contact
    standing: Standing

    @classmethod
    def of(cls, contacts: Iterable[Contact], standing: Standing) -> list[Self]:
        return [cls(contact, standing) for contact in contacts]

    @property
    def word(self) -> str:
        if self.is_unknown:
            return "Not known"
        return ContactStatus(self.contact.status).label.capitalize()

    @property
    def tone(self) -> str:
        return TONES.get(ContactStatus(self.contact.status), "")

    @property
    def is_unknown(self) -> bool:
        return self.contact.blocked_by == Blocked.UNKNOWN

    @property
    def may_be_dialled_again(self) -> bool:
        return self.contact.status in ENDED

    @cached_property
    def last(self) -> "ShownCall | None":
        calls = list(self.contact.phone_logs.all())
        return ShownCall(calls[-1]) if calls else None

    @cached_property
    def _waiting(self) -> Waiting:
        return selectors.waiting(self.contact, self.standing)

    @property
    def why(self) -> str:
        """Why it is not being called at this moment, as a sentence; of every contact there is one."""
        contact = self.contact
        if contact.status in ACTIVE:
            return "A call is under way."
        if contact.state == WorkState.LEASED:
            return "It is being dialled."
        if blocked := self._waiting.blocked_by:
            return _sentence(Blocked(blocked).label)
        if contact.status == ContactStatus.COMPLETED:
            return "It was reached."
        if contact.last_error:
            return _sentence(f"it was given up: {contact.last_error}")
        return "Its only try is used." if contact.tries <= 1 else f"All {contact.tries} tries are used."

    @property
    def next_at(self) -> datetime | None:
        """When it is called at the earliest, where that is not now."""
        at = self._waiting.next_attempt_at
        return at if at and at > self.standing.now else None

    @property
    def is_next_at_once(self) -> bool:
        return self._waiting.next_attempt_at is not None and self.next_at is None


@dataclass(frozen=True, slots=True)
class ShownCall:
    log: PhoneLog

    @property
    def word(self) -> str:
        return "not known" if self.log.status == LogStatus.UNKNOWN else LogStatus(self.log.status).label

    @property
    def lasted(self) -> str:
        """``0:34``; "" where nobody spoke."""
        return clock(self.log.seconds) if self.log.seconds else ""


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def shown(courses: Sequence[Course]) -> list[ShownBatch]:
    return [ShownBatch(course) for course in courses]

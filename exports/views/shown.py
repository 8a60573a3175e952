"""How an export reads on the pages: its state in a word and a sentence, its files, its size."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from django.template.defaultfilters import filesizeformat

from exports import words
from exports.forms import query_of
from exports.models import ExportJob, ExportStatus

GOING_ON = (ExportStatus.QUEUED, ExportStatus.RUNNING)
_OVER = (ExportStatus.CANCELLED, ExportStatus.EXPIRED)
PACKED = (ExportStatus.READY, ExportStatus.EXPIRED)


@dataclass(frozen=True, slots=True)
class Shown:
    """An export in words; ``asked`` says of which calls."""

    job: ExportJob
    asked: str

    @classmethod
    def of(cls, jobs: Sequence[ExportJob]) -> list[Self]:
        asked = words.asked(jobs)
        return [cls(job, asked[job.pk]) for job in jobs]

    @property
    def tone(self) -> str:
        return words.TONES[self.job.status]

    @property
    def word(self) -> str:
        word = self.job.status.capitalize()
        return f"{word}, {self.job.progress_pct} %" if self.job.status == ExportStatus.RUNNING else word

    @property
    def goes_on(self) -> bool:
        return self.job.status in GOING_ON

    @property
    def is_ready(self) -> bool:
        return self.job.status == ExportStatus.READY

    @property
    def has_failed(self) -> bool:
        return self.job.status == ExportStatus.FAILED

    @property
    def again(self) -> str:
        """The query string of the form that orders the same once more; empty while there is no need."""
        return query_of(self.job.criteria) if self.job.status in _OVER else ""

    @property
    def is_cancelled(self) -> bool:
        return self.job.status == ExportStatus.CANCELLED

    @property
    def files(self) -> str:
        if self.job.included is None:
            return f"about {self.job.estimated_files:,}"
        return f"{self.job.included:,}"

    @property
    def size(self) -> str:
        if self.job.zip_bytes is None:
            return f"about {filesizeformat(self.job.estimated_bytes)}"
        return filesizeformat(self.job.zip_bytes)

    @property
    def left_out(self) -> int:
        """How many calls the ZIP does not hold; 0 as long as it is not packed."""
        if self.job.status not in PACKED or self.job.included is None:
            return 0
        return (self.job.expired or 0) + (self.job.missing or 0)

    @property
    def why_left_out(self) -> str:
        return words.left_out(self.job.expired or 0, self.job.missing or 0)

    @property
    def mail(self) -> str:
        """What is said of the mail that was wanted; empty where none was, or none will come."""
        if not self.job.tell or self.job.user is None:
            return ""
        if self.job.told_at:
            return f"sent to {self.job.user.email} on {words.moment(self.job.told_at)}"
        return f"to {self.job.user.email} when it is ready" if self.goes_on else ""


def sentence(shown: Shown, ahead: int) -> str:
    """How the export stands; ``ahead``: exports that come before it, of one that waits."""
    job = shown.job
    match job.status:
        case ExportStatus.QUEUED:
            return _waiting(job, ahead)
        case ExportStatus.RUNNING:
            return f"{job.entries_done:,} of {words.counted(job.entries_total, 'call')} packed."
        case ExportStatus.READY:
            return f"The ZIP can be downloaded until {words.moment(job.expires_at)}."
        case ExportStatus.FAILED:
            return job.error_message
        case ExportStatus.CANCELLED:
            return f"It was cancelled on {words.moment(job.cancelled_at)}. Nothing was kept."
        case _:
            return f"The ZIP was removed on {words.moment(job.expired_at)}."


def _waiting(job: ExportJob, ahead: int) -> str:
    if job.attempts:
        return f"The recordings could not be read. It is tried again on {words.moment(job.due_at)}."
    if ahead:
        return f"It waits for {words.counted(ahead, 'other export')} of this account."
    return "It is next, and begins in a moment."

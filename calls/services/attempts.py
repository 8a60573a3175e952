"""Attempts to fetch a recording: how one fails, and what is written down of each."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from calls.audio.sniff import describe
from calls.models import FetchAttempt, Recording
from partners.outbound import BadStatus, Download, OutboundError
from zipingest import work


class AttemptFailed(Exception):
    """An attempt that stored nothing. ``permanent``: trying again would end the same.

    ``code`` is the reason in one word, ``facts`` are further columns of the `FetchAttempt`.
    """

    def __init__(
        self,
        reason: str,
        *,
        code: str,
        permanent: bool = False,
        crashed: bool = False,
        retry_after: float | None = None,
        facts: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent
        self.crashed = crashed
        self.retry_after = retry_after
        self.facts = {"error": reason, "code": code, **(facts or {})}


def note(recording: Recording, started_at: datetime, **facts: Any) -> None:
    """Keep an attempt at the recording's present run, which began at ``started_at`` and ends now."""
    duration = work.database_now() - started_at
    FetchAttempt.objects.create(
        recording=recording,
        run=recording.run,
        started_at=started_at,
        duration_ms=round(duration.total_seconds() * 1000),
        **facts,
    )


def download_facts(download: Download) -> dict[str, Any]:
    """What is known of a body that came whole."""
    return {
        "status": download.status,
        "content_type": download.content_type[:255],
        "bytes": download.bytes,
        "sniffed": describe(download.head),
        "transcript": [asdict(hop) for hop in download.hops],
    }


def answer_facts(error: OutboundError) -> dict[str, Any]:
    """What is known of a download that failed; of an answer with an error status, what it looked like."""
    facts: dict[str, Any] = {"transcript": [asdict(hop) for hop in error.hops]}
    if isinstance(error, BadStatus):
        facts |= {"status": error.status, "content_type": error.content_type[:255]}
        facts["sniffed"] = describe(error.head)
    return facts

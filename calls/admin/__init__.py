"""The console's pages about calls, who is in them, who heard them, and how long they are kept."""

from calls.admin import (
    audit,
    calls,
    campaigns,
    dispositions,
    erasure,
    holds,
    ingest,
    pauses,
    people,
    retention,
)

__all__ = [
    "audit",
    "calls",
    "campaigns",
    "dispositions",
    "erasure",
    "holds",
    "ingest",
    "pauses",
    "people",
    "retention",
]

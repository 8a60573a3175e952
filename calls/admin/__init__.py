"""The console's pages about calls, who is in them, who heard them, and how long they are kept."""

from calls.admin import (
    access,
    audit,
    calls,
    campaigns,
    dispositions,
    do_not_call,
    erasure,
    holds,
    ingest,
    networks,
    pauses,
    people,
    retention,
    signals,
)

__all__ = [
    "access",
    "audit",
    "calls",
    "campaigns",
    "dispositions",
    "do_not_call",
    "erasure",
    "holds",
    "ingest",
    "networks",
    "pauses",
    "people",
    "retention",
    "signals",
]

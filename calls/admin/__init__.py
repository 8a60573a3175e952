"""The console's pages about calls, who is in them, who heard them, and how long they are kept."""

from calls.admin import audit, calls, erasure, holds, ingest, people, retention

__all__ = ["audit", "calls", "erasure", "holds", "ingest", "people", "retention"]

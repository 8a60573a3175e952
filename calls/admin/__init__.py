"""The console's pages about calls, who is in them, and who heard them."""

from calls.admin import audit, calls, ingest, people

__all__ = ["audit", "calls", "ingest", "people"]

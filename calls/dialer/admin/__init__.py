"""The console's pages of the dialer: who is called, by whom, from which number, and why not."""

from calls.dialer.admin import agents, batches, contacts, logs

__all__ = ["agents", "batches", "contacts", "logs"]

"""Batches, contacts and their calls; agents that speak, and numbers that are called from."""

from calls.dialer.models.account import CallingNumber, DialerAccount, VoiceAgent
from calls.dialer.models.batch import MOST_RETRIES, Batch, Enqueue, EnqueuedChunk, Switch
from calls.dialer.models.contact import (
    ACTIVE,
    ENDED,
    RETRIED,
    RUNNING,
    Blocked,
    Contact,
    ContactStatus,
    LogStatus,
    PhoneLog,
)

__all__ = [
    "ACTIVE",
    "ENDED",
    "MOST_RETRIES",
    "RETRIED",
    "RUNNING",
    "Batch",
    "Blocked",
    "CallingNumber",
    "Contact",
    "ContactStatus",
    "DialerAccount",
    "Enqueue",
    "EnqueuedChunk",
    "LogStatus",
    "PhoneLog",
    "Switch",
    "VoiceAgent",
]

"""The canonical call and what belongs to it."""

from calls.models.audit import AccessKind, AccessRecord
from calls.models.call import Call, Source
from calls.models.campaign import Campaign
from calls.models.dispositions import DispositionChange, DispositionCode
from calls.models.erasure import (
    DoNotCall,
    ErasedCall,
    Erasure,
    IdentifierKind,
    PurgeCount,
    RetentionChange,
)
from calls.models.hold import LegalHold
from calls.models.ingest import IngestBatch, IngestItem, Outcome
from calls.models.people import Agent, Customer
from calls.models.recording import FetchAttempt, Recording, Stage

__all__ = [
    "AccessKind",
    "AccessRecord",
    "Agent",
    "Call",
    "Campaign",
    "Customer",
    "DispositionChange",
    "DispositionCode",
    "DoNotCall",
    "ErasedCall",
    "Erasure",
    "FetchAttempt",
    "IdentifierKind",
    "IngestBatch",
    "IngestItem",
    "LegalHold",
    "Outcome",
    "PurgeCount",
    "Recording",
    "RetentionChange",
    "Source",
    "Stage",
]

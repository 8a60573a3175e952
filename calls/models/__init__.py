"""The canonical call and what belongs to it."""

from calls.models.audit import AccessKind, AccessRecord
from calls.models.call import Call, Source
from calls.models.campaign import Campaign
from calls.models.dispositions import Category, DispositionChange, DispositionCode
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
from calls.models.pause import Pause
from calls.models.people import Agent, Customer
from calls.models.recording import FetchAttempt, PauseHandling, Recording, Stage
from calls.models.simulated import SimulatedCall

__all__ = [
    "AccessKind",
    "AccessRecord",
    "Agent",
    "Call",
    "Campaign",
    "Category",
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
    "Pause",
    "PauseHandling",
    "PurgeCount",
    "Recording",
    "RetentionChange",
    "SimulatedCall",
    "Source",
    "Stage",
]

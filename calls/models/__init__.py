"""The canonical call and what belongs to it."""

from calls.models.audit import AccessKind, AccessRecord
from calls.models.call import Call, Source
from calls.models.dispositions import DispositionChange, DispositionCode
from calls.models.ingest import IngestBatch, IngestItem, Outcome
from calls.models.people import Agent, Customer
from calls.models.recording import FetchAttempt, Recording, Stage

__all__ = [
    "AccessKind",
    "AccessRecord",
    "Agent",
    "Call",
    "Customer",
    "DispositionChange",
    "DispositionCode",
    "FetchAttempt",
    "IngestBatch",
    "IngestItem",
    "Outcome",
    "Recording",
    "Source",
    "Stage",
]

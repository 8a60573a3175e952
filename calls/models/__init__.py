"""The canonical call and what belongs to it."""

from calls.models.access import AuthMethod, DirectAccess, RecordingAuth, StoreKind
from calls.models.audit import AccessKind, AccessRecord
from calls.models.call import Call, Direction, Source
from calls.models.campaign import Campaign, CampaignType
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
from calls.models.network import Language, Network
from calls.models.notice import FailureNotice
from calls.models.pause import Pause
from calls.models.people import Agent, Customer
from calls.models.recording import FetchAttempt, PauseHandling, Recording, Stage
from calls.models.signals import CustomField, CustomValue, PendingTransaction, Signal, SignalName
from calls.models.simulated import SimulatedCall

__all__ = [
    "AccessKind",
    "AccessRecord",
    "Agent",
    "AuthMethod",
    "Call",
    "Campaign",
    "CampaignType",
    "Category",
    "CustomField",
    "CustomValue",
    "Customer",
    "DirectAccess",
    "Direction",
    "DispositionChange",
    "DispositionCode",
    "DoNotCall",
    "ErasedCall",
    "Erasure",
    "FailureNotice",
    "FetchAttempt",
    "IdentifierKind",
    "IngestBatch",
    "IngestItem",
    "Language",
    "LegalHold",
    "Network",
    "Outcome",
    "Pause",
    "PauseHandling",
    "PendingTransaction",
    "PurgeCount",
    "Recording",
    "RecordingAuth",
    "RetentionChange",
    "Signal",
    "SignalName",
    "SimulatedCall",
    "Source",
    "Stage",
    "StoreKind",
]

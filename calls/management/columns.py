"""Which columns the made-up rows fill; all others hold their defaults."""

from typing import Any

from django.db import models

from calls.management.copying import Lines
from calls.models import (
    AccessKind,
    AccessRecord,
    Agent,
    Call,
    Customer,
    DispositionChange,
    FetchAttempt,
    IngestBatch,
    IngestItem,
    Outcome,
    Recording,
    Signal,
    Stage,
)
from partners.deliveries import CALL_PROCESSED
from partners.models import Attempt, Delivery

TABLES: tuple[type[models.Model], ...] = (
    *(Agent, Customer, Call, Recording, IngestBatch, IngestItem, FetchAttempt, Delivery, Attempt),
    *(DispositionChange, AccessRecord, Signal),
)


def lines_of_tables() -> dict[str, Lines]:
    """In the order of writing; the first column is the key, the others come in the order of being given."""
    person = "id sub_tenant_id partner_id external_id name created_at"
    work = "id call_id sub_tenant_id lane target source_url begun_at"
    call = (
        "id uuid source sub_tenant_id partner_id external_id started_at ended_at customer_phone agent_id "
        "customer_id campaign_id disposition callback_url metadata fingerprint request_id received_at"
    )
    stored = (
        f"{work} due_at completed_at kept_from purged_at original_bytes original_sha256 "
        "key bytes sha256 crc32 duration_seconds"
    )
    delivery = (
        "id webhook_id partner_id sub_tenant_id subject url body state due_at "
        "last_error last_status lane target created_at delivered_at sequence"
    )
    of_stored = {"state": "done", "stage": Stage.PROCESSING, "lease_epoch": 1, "attempts": 1}
    of_stored |= {"container": "wav", "codec": "pcm_s16le", "channels": 1}
    of_stored |= {"sample_rate": 8000, "stored_sample_rate": 8000}
    of_delivery = {"event": CALL_PROCESSED, "attempts": 1, "tries": 1, "lease_epoch": 1}
    of_access = {"kind": AccessKind.LISTEN, "address": "192.0.2.7"}
    return {
        "agent": _lines(Agent, person),
        "customer": _lines(Customer, person),
        "batch": _lines(IngestBatch, "id uuid partner_id sub_tenant_id request_id received_at"),
        "call": _lines(Call, call),
        "item": _lines(IngestItem, "id batch_id position call_id", outcome=Outcome.ACCEPTED),
        "stored": _lines(Recording, stored, **of_stored),
        "not stored": _lines(Recording, f"{work} state due_at lease_epoch attempts last_error completed_at"),
        "fetch": _lines(
            FetchAttempt, "id recording_id started_at duration_ms status sniffed error code", run=1
        ),
        "delivery": _lines(Delivery, delivery, **of_delivery),
        "attempt": _lines(Attempt, "id delivery_id started_at duration_ms status error", number=1),
        "disposition": _lines(
            DispositionChange, "id customer_id call_id old new changed_by changed_at request_id"
        ),
        "access": _lines(AccessRecord, "id sub_tenant_id actor call_id at slot", **of_access),
        "signal": _lines(
            Signal, "id transaction_id call_id name_id occurred_at value created_at", is_current=True
        ),
    }


def _lines(model: type[models.Model], columns: str, **same: Any) -> Lines:
    return Lines(model, columns.split(), same)

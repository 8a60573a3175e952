"""How calls and batches look on the partner surface (partner spec, Status)."""

import json
from collections import Counter
from dataclasses import asdict
from typing import Any

from calls import selectors
from calls.api.wire import time_text
from calls.models import Call, IngestBatch
from calls.services.callbacks import recording_facts
from calls.services.probe import Probe
from partners.models import Delivery

# What the fields of a draft are called in the partner's request.
_WIRE_NAMES = {
    "external_id": "call.id",
    "recording_url": "call.recording_url",
    "started_at": "call.start_time",
    "ended_at": "call.end_time",
    "customer_phone": "call.contact_number",
    "agent.external_id": "agent.id",
    "customer.external_id": "customer.id",
    "customer.disposition": "customer.disposition_status",
}


def calls_body(calls: list[Call]) -> list[dict[str, Any]]:
    callbacks = selectors.latest_callbacks(calls)
    return [_call_body(call, callbacks.get(call.uuid)) for call in calls]


def batch_body(batch: IngestBatch, calls: list[Call]) -> dict[str, Any]:
    shown = calls_body(calls)
    by_state = Counter(call["state"] for call in shown)
    return {
        "id": str(batch.uuid),
        "received_at": time_text(batch.received_at),
        "total": len(shown),
        "by_state": {state: by_state[state] for state in selectors.CALL_STATES},
        "calls": shown,
    }


def events_body(events: list[Delivery]) -> list[dict[str, Any]]:
    return [
        {
            "sequence": event.sequence,
            "id": event.webhook_id,
            "type": event.event,
            "created_at": time_text(event.created_at),
            "data": json.loads(event.body),
            "callback": _callback_body(event),
        }
        for event in events
    ]


def probed_body(ids: list[str], probes: list[Probe]) -> list[dict[str, Any]]:
    return [
        {"id": id_, **asdict(probe), "url_expires_at": time_text(probe.url_expires_at)}
        for id_, probe in zip(ids, probes, strict=True)
    ]


def _call_body(call: Call, callback: Delivery | None) -> dict[str, Any]:
    recording = call.recording
    return {
        "id": call.external_id,
        "state": recording.public_state,
        "attempts": recording.attempts,
        "next_attempt_at": time_text(recording.next_attempt_at),
        "error": recording.last_error or None,
        "conflicts": sorted(_WIRE_NAMES.get(name, name) for name in selectors.conflicts_of(call)),
        "recording": recording_facts(recording) if recording.is_stored else None,
        "callback": _callback_body(callback) if callback else None,
        "received_at": time_text(call.received_at),
        "completed_at": time_text(recording.completed_at) if recording.has_ended else None,
    }


def _callback_body(callback: Delivery) -> dict[str, Any]:
    return {
        "state": _CALLBACK_STATES[callback.state],
        "attempts": callback.attempts,
        "last_status": callback.last_status,
        "next_attempt_at": time_text(callback.next_attempt_at),
    }


_CALLBACK_STATES = {
    "due": "pending",
    "leased": "sending",
    "done": "delivered",
    "failed": "failed",
    "poison": "failed",
}

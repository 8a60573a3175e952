"""How calls and their recordings look on the telesales surface (telesales spec)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from calls.giving import Kept
from calls.models import Agent, Call, DispositionCode, Pause


def recording_row(call: Call) -> dict[str, Any]:
    """One of giving.with_standing, in the list."""
    kept = Kept.of(call)
    recording = kept.recording
    return {
        "uuid": str(call.uuid),
        "started_at": time(call.started_at),
        "ended_at": time(call.ended_at),
        "duration": recording.duration_seconds if recording else None,
        "agent": _agent_body(call.agent) if call.agent else None,
        "campaign_id": call.campaign_id,
        "disposition_code": call.disposition or None,
        "phone": call.customer_phone,
        "recording": _standing(kept),
        "held": kept.held,
        "bytes": recording.bytes if recording else None,
        "expires_at": time(kept.expires_at),
    }


def call_body(call: Call) -> dict[str, Any]:
    """One of live.with_facts."""
    pauses = list(call.pauses.all())
    return {
        **call_status(call),
        "started_at": time(call.started_at),
        "ended_at": time(call.ended_at),
        "phone": call.customer_phone,
        "agent": _agent_body(call.agent) if call.agent else None,
        "campaign_id": call.campaign_id,
        "disposition_code": call.disposition or None,
        "provider": call.provider or None,
        "recording": _switch(pauses) if call.in_progress else _standing(Kept.of(call)),
        "pauses": [_pause_body(pause) for pause in pauses],
    }


def call_status(call: Call) -> dict[str, Any]:
    return {"uuid": str(call.uuid), "status": "in_progress" if call.in_progress else "ended"}


def code_body(code: DispositionCode) -> dict[str, Any]:
    return {
        "id": code.pk,
        "code": code.code,
        "label": code.label,
        "category": code.category or None,
        "is_active": code.is_active,
    }


def file_name(call: Call) -> str:
    """``call-<first 8 of the uuid>-<start date>.wav``, the date in UTC."""
    return f"call-{str(call.uuid)[:8]}-{call.started_at.astimezone(UTC):%Y-%m-%d}.wav"


def time(value: datetime | None) -> str | None:
    """ISO 8601 in UTC to the second, as ``2026-06-06T07:00:00Z``."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if value else None


def _agent_body(agent: Agent) -> dict[str, Any]:
    return {"id": agent.pk, "extension": agent.extension or agent.external_id, "name": agent.name}


def _standing(kept: Kept) -> str:
    """One of openapi.STANDINGS."""
    if kept.expired_at:
        return "expired"
    recording = kept.recording
    if recording is None:
        return "none"
    return "available" if recording.is_stored else recording.public_state


def _switch(pauses: Sequence[Pause]) -> str:
    return "paused" if any(pause.resumed_at is None for pause in pauses) else "recording"


def _pause_body(pause: Pause) -> dict[str, Any]:
    return {"from": time(pause.paused_at), "to": time(pause.resumed_at), "by": pause.paused_by}

"""How calls and their recordings look on the telesales surface (telesales spec)."""

from datetime import UTC, datetime
from typing import Any

from calls.giving import Kept
from calls.models import Agent, Call


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

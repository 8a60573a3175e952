"""How calls look on the network surface (network spec, Recordings)."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from calls import selectors
from calls.api.wire import time_text
from calls.models import Call, Direction, Recording
from calls.presigned import ASKED_FOR
from calls.services.callbacks import recording_facts

_URL_HOURS = ASKED_FOR // timedelta(hours=1)
_PHONES = ("calling_phone_number", "destination_phone_number")
# What the fields of a draft are called in the request; its phones change sides.
_WIRE_NAMES = {
    "external_id": "call.external_call_unique_id",
    "started_at": "call.start_time",
    "campaign_id": "call.advertiser_campaign_id_from_network",
    "direction": "call.call_direction",
    "recording_url": "call.recording_url",
    "language": "call.language_code",
    "auth_id": "call.recording_auth_config_id",
}


def cuid_body(uuid: UUID) -> dict[str, str]:
    return {"cuid": uuid.hex}


def status_body(call: Call, now: datetime) -> dict[str, Any]:
    """``call`` as of :func:`calls.selectors.network_call`."""
    recording = call.recording
    return {
        "cuid": call.uuid.hex,
        "external_call_unique_id": call.external_id,
        "state": recording.public_state,
        "attempts": recording.attempts,
        "next_attempt_at": time_text(recording.next_attempt_at),
        "error": recording.last_error or None,
        "warnings": _warnings(recording, now),
        "conflicts": _conflicts(call),
        "recording_url_expires_at": time_text(recording.url_expires_at),
        "recording": recording_facts(recording) if recording.is_stored else None,
        "received_at": time_text(call.received_at),
        "completed_at": time_text(recording.completed_at) if recording.has_ended else None,
    }


def _warnings(recording: Recording, now: datetime) -> list[str]:
    """About a presigned URL that leaves, or left, too little time."""
    expires_at = recording.url_expires_at
    if expires_at is None:
        return []
    found = []
    if expires_at - recording.begun_at < ASKED_FOR:
        found.append(f"When it was sent, less than {_URL_HOURS} hours were left of the recording's URL.")
    if recording.has_ended:
        return found
    if expires_at <= now:
        found.append("The recording's URL no longer works.")
    elif expires_at - now < ASKED_FOR:
        found.append(f"Less than {_URL_HOURS} hours are left of the recording's URL.")
    return found


def _conflicts(call: Call) -> list[str]:
    return sorted({_wire_name(call, name) for name in selectors.conflicts_of(call)})


def _wire_name(call: Call, name: str) -> str:
    calling, destination = _PHONES if call.direction == Direction.INBOUND else reversed(_PHONES)
    phones = {"customer_phone": calling, "customer.external_id": calling, "our_phone": destination}
    return f"call.{phones[name]}" if name in phones else _WIRE_NAMES.get(name, name.removeprefix("extras."))

"""What the partner is told when a call has ended."""

from typing import Any

from calls.models import Call, Recording
from partners import deliveries
from zipingest.work import WorkState


def owe_result(call: Call, recording: Recording) -> None:
    """Owe the partner the result of this run; part of the commit that ends it (partner spec, Callback)."""
    if not call.callback_url or call.partner is None:
        return
    deliveries.owe(
        partner=call.partner,
        sub_tenant=call.sub_tenant,
        event=deliveries.CALL_PROCESSED,
        url=call.callback_url,
        payload=_payload(call, recording),
        subject=call.uuid,
        run=recording.run,
        request_id=call.request_id,
    )


def recording_facts(recording: Recording) -> dict[str, Any]:
    """The facts of a stored recording as surfaces show them: what came; size and hash of what is kept."""
    return {
        "duration_seconds": recording.duration_seconds,
        "format": recording.container,
        "codec": recording.codec,
        "channels": recording.channels,
        "sample_rate": recording.sample_rate,
        "bytes": recording.bytes,
        "sha256": recording.sha256,
    }


def _payload(call: Call, recording: Recording) -> dict[str, Any]:
    completed = recording.state == WorkState.DONE
    seconds = 0.0
    if recording.completed_at is not None:
        seconds = (recording.completed_at - recording.begun_at).total_seconds()
    return {
        "call_id": call.external_id,
        "status": "completed" if completed else "failed",
        "processing_time": round(seconds, 3),
        "error": None if completed else recording.last_error,
        "results": _results(recording) if completed else None,
        "meta": call.metadata,
    }


def _results(recording: Recording) -> dict[str, Any]:
    return {"transcription_available": False, "analytics_available": False} | recording_facts(recording)

"""What the dialer surface answers with: its envelope, batches and contacts (dialer spec)."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from math import ceil
from typing import Any

from rest_framework.response import Response

from calls.dialer import selectors
from calls.dialer.models import Batch, Contact, PhoneLog, Switch
from calls.dialer.selectors import Progress, Standing
from calls.dialer.services.enqueueing import Enqueued
from calls.dialer.services.outcomes import recording_url


def answer(message: str, data: Any, *, status: int = 200, error: str = "") -> Response:
    """The envelope; of the answers without an error only 207 has one."""
    body = {"message": message, "status": not error, "code": status, "errorMessage": error, "data": data}
    return Response(body, status=status)


def enqueued(done: Enqueued) -> Response:
    data = {"added": len(done.contact_ids), "callIds": done.contact_ids}
    if not done.failed:
        return answer("Calls enqueued successfully", data)
    failed = [{"chunkNum": chunk.number, "error": chunk.error} for chunk in done.failed]
    if not done.contact_ids:
        error = "No call could be enqueued; send the same request again later"
        return answer("Internal Server Error", {**data, "failedChunks": failed}, status=500, error=error)
    return answer(
        "Some calls failed to enqueue",
        {**data, "failedChunks": failed},
        status=207,
        error="Partial content, check failedChunks for details",
    )


def batch_body(batch: Batch, progress: Progress) -> dict[str, Any]:
    return {
        "_id": batch.public_id,
        "batchName": batch.name,
        "totalCalls": progress.total,
        "callsPicked": progress.picked,
        "callsCompleted": progress.ended,
        "queue_status": queue_status(batch, progress),
        "createdAt": time_of(batch.created_at),
        "updatedAt": time_of(batch.updated_at),
    }


def queue_status(batch: Batch, progress: Progress) -> str:
    """``completed`` once every contact of a started batch has come to its end."""
    if batch.switch == Switch.STARTED and progress.is_complete:
        return "completed"
    return batch.switch


def contacts_body(contacts: Iterable[Contact], standing: Standing) -> list[dict[str, Any]]:
    return [_contact_body(contact, standing) for contact in contacts]


def pagination(total: int, page: int, limit: int) -> Mapping[str, int]:
    return {"total": total, "page": page, "limit": limit, "totalPages": ceil(total / limit)}


def time_of(value: datetime | None) -> str | None:
    """ISO 8601 in UTC to the millisecond, as ``2026-01-01T10:00:00.000Z``."""
    if value is None:
        return None
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _contact_body(contact: Contact, standing: Standing) -> dict[str, Any]:
    """Custom fields come first: none of theirs takes the place of one of ours."""
    waiting = selectors.waiting(contact, standing)
    return {
        **contact.variables,
        "_id": contact.public_id,
        "phoneNumber": contact.phone,
        "status": contact.status,
        "blockedBy": waiting.blocked_by or None,
        "nextAttemptAt": time_of(waiting.next_attempt_at),
        "phoneLogs": [_log_body(call) for call in contact.phone_logs.all()],
        "createdAt": time_of(contact.created_at),
    }


def _log_body(call: PhoneLog) -> dict[str, Any]:
    return {
        "callStatus": call.status,
        "callDuration": round(call.seconds, 3),
        "recordingUrl": recording_url(call),
        "transcript": None,
        "createdAt": time_of(call.begun_at),
    }

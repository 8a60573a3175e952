"""What the partner surface answers with, for its documentation (partner spec)."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from calls.api.audio import RecordingFacts


class Success(BaseModel):
    success: Literal[True]


class FieldError(BaseModel):
    field: str
    message: str


class Failure(BaseModel):
    """``errors``: only with 422, one for each field that is wrong."""

    success: Literal[False]
    message: str
    errors: list[FieldError] = []


class CallbackStatus(BaseModel):
    state: Literal["pending", "sending", "delivered", "failed"]
    attempts: int
    last_status: int | None
    next_attempt_at: datetime | None


class CallStatus(BaseModel):
    """``conflicts``: fields in which a later request for the same id differed from the first."""

    id: str
    state: Literal["queued", "fetching", "processing", "completed", "failed"]
    attempts: int
    next_attempt_at: datetime | None
    error: str | None
    conflicts: list[str]
    recording: RecordingFacts | None
    callback: CallbackStatus | None
    received_at: datetime
    completed_at: datetime | None


class CallAnswer(BaseModel):
    success: Literal[True]
    data: CallStatus


class CallPage(BaseModel):
    """``next``: the address of the following page, null on the last."""

    calls: list[CallStatus]
    next: str | None


class CallPageAnswer(BaseModel):
    success: Literal[True]
    data: CallPage


class Event(BaseModel):
    """``sequence`` is never given twice; ``data`` is the body of the callback, empty after an erasure."""

    sequence: int
    id: str
    type: str
    created_at: datetime
    data: dict[str, Any]
    callback: CallbackStatus


class EventPage(BaseModel):
    """``next``: where to read on, at once if there is more, else later."""

    events: list[Event]
    next: str
    has_more: bool


class EventPageAnswer(BaseModel):
    success: Literal[True]
    data: EventPage


class BatchStatus(BaseModel):
    """``calls`` in the order of the request; ``by_state`` counts them."""

    id: UUID
    received_at: datetime
    total: int
    by_state: dict[str, int]
    calls: list[CallStatus]


class BatchAnswer(BaseModel):
    success: Literal[True]
    data: BatchStatus


class ProbedRecording(BaseModel):
    """What a fetch of this recording would find now; ``problem`` is why it would fail."""

    id: str
    reachable: bool
    format: str | None
    channels: int | None
    duration_seconds: float | None
    url_expires_at: datetime | None
    problem: str | None


class ProbedBatch(BaseModel):
    items: list[ProbedRecording]


class BatchCallAnswer(BaseModel):
    """``data`` only with ``validate_only``."""

    success: Literal[True]
    data: ProbedBatch | None = None

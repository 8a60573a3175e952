"""The shapes of the dialer surface's answers, for its documentation (dialer spec)."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from calls.dialer.models import ContactStatus, LogStatus


class DialerAnswer(BaseModel):
    """``code`` is the HTTP status."""

    message: str
    status: bool
    code: int
    errorMessage: str


class DialerError(BaseModel):
    """``index``: of the record in call_data; ``row``: of the file, whose first row has the names."""

    field: str
    error: str
    index: int | None = None
    row: int | None = None


class DialerErrors(BaseModel):
    errors: list[DialerError]


class BatchCreated(DialerAnswer):
    """``data``: the batch's id."""

    data: str


class CallRecord(BaseModel):
    """All other keys are the contact's variables. ``timezone``: its own, like America/Los_Angeles."""

    model_config = ConfigDict(extra="allow")

    phoneNumber: str
    timezone: str | None = None


class AddCalls(BaseModel):
    batchId: str
    call_data: list[CallRecord]


class FailedChunkBody(BaseModel):
    chunkNum: int
    error: str


class CallsAdded(BaseModel):
    """``callIds``: in the order of the request, without the records of failed chunks."""

    added: int
    callIds: list[str]
    failedChunks: list[FailedChunkBody] = []


class DialerFailure(DialerAnswer):
    """``data``: what is wrong; of addCallsToBatch with 500, the thousands that failed, which are all."""

    data: DialerErrors | CallsAdded | None


class AddCallsAnswer(DialerAnswer):
    data: CallsAdded


class BatchSwitched(BaseModel):
    batchId: str
    status: Literal["started", "stopped", "deleted"]


class SwitchAnswer(DialerAnswer):
    data: BatchSwitched


class QueueStatus(StrEnum):
    """``completed``: started, and every contact has come to its end."""

    IDLE = "idle"
    STARTED = "started"
    STOPPED = "stopped"
    COMPLETED = "completed"


class DialerBatch(BaseModel):
    """``callsPicked``: contacts taken up at least once; ``callsCompleted``: those that came to their end."""

    id: str = Field(alias="_id")
    batchName: str
    totalCalls: int
    callsPicked: int
    callsCompleted: int
    queue_status: QueueStatus
    createdAt: datetime
    updatedAt: datetime


class Pagination(BaseModel):
    total: int
    page: int
    limit: int
    totalPages: int


class BatchList(BaseModel):
    batches: list[DialerBatch]
    pagination: Pagination


class BatchListAnswer(DialerAnswer):
    data: BatchList


class PhoneLogBody(BaseModel):
    """``recordingUrl`` takes a key of this surface; null where nobody answered."""

    callStatus: Literal[*LogStatus.values]  # type: ignore[valid-type]  # mypy knows no unpacked literals
    callDuration: float
    recordingUrl: str | None
    transcript: str | None
    createdAt: datetime


class ContactBody(BaseModel):
    """Beside these its variables. ``blockedBy``: why it is not being called now."""

    model_config = ConfigDict(extra="allow")

    id: str = Field(alias="_id")
    phoneNumber: str
    status: Literal[*ContactStatus.values]  # type: ignore[valid-type]  # mypy knows no unpacked literals
    blockedBy: str | None
    nextAttemptAt: datetime | None
    phoneLogs: list[PhoneLogBody]
    createdAt: datetime


class BatchDetails(Pagination):
    batchId: str
    batchName: str
    batchStatus: QueueStatus
    data: list[ContactBody]


class BatchDetailsAnswer(DialerAnswer):
    data: BatchDetails


class Uploaded(BaseModel):
    """``duplicates``: rows left out, as an earlier one has the same phone."""

    batchId: str
    added: int
    duplicates: int


class UploadAnswer(DialerAnswer):
    data: Uploaded

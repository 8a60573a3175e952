"""The telesales surface for machines: its recordings (telesales spec)."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from pydantic import BaseModel

from calls.api.audio import ANSWERS, GIVEN, PARAMETERS
from calls.api.telesales.schemas import MAX_DAYS
from partners.api.openapi import ANY_REQUEST, TelesalesFailure, header, operation
from partners.api.wire import MAX_PER_PAGE

STANDINGS = Literal["available", "expired", "none", "queued", "fetching", "processing", "failed"]


class AgentRow(BaseModel):
    id: int
    extension: str
    name: str


class RecordingRow(BaseModel):
    """``duration`` in seconds; ``held``: a legal hold keeps it beyond ``expires_at``."""

    uuid: UUID
    started_at: datetime
    ended_at: datetime | None
    duration: float | None
    agent: AgentRow | None
    campaign_id: int | None
    disposition_code: str | None
    phone: str
    recording: STANDINGS
    held: bool
    bytes: int | None
    expires_at: datetime | None


class RecordingPage(BaseModel):
    """``total_is_capped``: there are more than ``total``, where counting stopped."""

    current_page: int
    data: list[RecordingRow]
    last_page: int
    per_page: int
    total: int
    total_is_capped: bool


class ExpiredRecording(BaseModel):
    message: str
    expired_at: datetime


def _query(name: str, description: str, type_: Any = OpenApiTypes.STR, **options: Any) -> OpenApiParameter:
    return OpenApiParameter(name, type_, OpenApiParameter.QUERY, description=description, **options)


_FAILURES = (*ANY_REQUEST, 404)
_ANSWERS = {
    **ANSWERS,
    410: OpenApiResponse(ExpiredRecording, "The account's retention window has passed."),
    503: OpenApiResponse(TelesalesFailure, "The store of recordings does not answer."),
}
_UUID = OpenApiParameter("uuid", OpenApiTypes.UUID, OpenApiParameter.PATH, description="The call's uuid.")
_DAYS = f"At most {MAX_DAYS} days when both are given."

recordings = operation(
    "telesales_recordings",
    "List the account's recordings, newest call first",
    description="An agent sees the own calls. Counting stops at 10,000, and so do the pages.",
    answers={200: RecordingPage},
    failures=(*ANY_REQUEST, 422),
    parameters=[
        _query("date_from", f"Calls that started then or later, in UTC. {_DAYS}", OpenApiTypes.DATETIME),
        _query("date_to", f"Calls that started then or earlier, in UTC. {_DAYS}", OpenApiTypes.DATETIME),
        _query("agent_ids", "Calls of these agents.", OpenApiTypes.INT, many=True),
        _query("campaign_id", "Calls of this campaign.", OpenApiTypes.INT),
        _query("disposition_codes", "Calls with one of these codes.", many=True),
        _query("phone", "The beginning of the customer's number."),
        _query("agent_name", "The beginning of the agent's name."),
        _query("text", "The beginning of a call's id, a number, or an agent's name or extension."),
        _query("page", "Counted from 1.", OpenApiTypes.INT),
        _query("per_page", f"Recordings on a page, 1 to {MAX_PER_PAGE}; 50 unless given.", OpenApiTypes.INT),
    ],
)

stream = operation(
    "telesales_recording",
    "Play a recording",
    description="Audited once per person, call and ten minutes.",
    answers=_ANSWERS,
    failures=_FAILURES,
    parameters=[_UUID, *PARAMETERS],
)

download = operation(
    "telesales_recording_download",
    "Download a recording",
    description="Audited each time. Not for read_only.",
    answers=_ANSWERS,
    failures=_FAILURES,
    parameters=[
        _UUID,
        *PARAMETERS,
        header("Content-Disposition", "The name to keep the file under.", GIVEN),
    ],
)

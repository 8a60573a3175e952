"""Live calls and disposition codes for machines (telesales spec)."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from pydantic import BaseModel, Field

from calls.api.telesales.openapi import AgentRow
from calls.api.telesales.schemas import (
    MAX_DAYS,
    CategoryName,
    CodeChangeBody,
    DispositionBody,
    HangUpBody,
    NewCallBody,
    NewCodeBody,
)
from partners.api.openapi import ANY_REQUEST, WITH_BODY, TelesalesFailure, header, operation
from partners.api.wire import MAX_PER_PAGE


class PauseRow(BaseModel):
    """``to`` is null as long as nobody has resumed; of an ended call it ran to the call's end."""

    from_: datetime = Field(alias="from")
    to: datetime | None
    by: str


class LiveCallStatus(BaseModel):
    uuid: UUID
    status: Literal["in_progress", "ended"]


class LiveCallRow(LiveCallStatus):
    """``recording`` is ``recording`` or ``paused`` while in progress, and then as in the list of recordings.

    ``provider``: who carries the call; null where nobody does whom we could ask to pause or hang up.
    """

    started_at: datetime
    ended_at: datetime | None
    phone: str
    agent: AgentRow | None
    campaign_id: int | None
    disposition_code: str | None
    provider: str | None
    recording: Literal[
        "recording", "paused", "available", "expired", "none", "queued", "fetching", "processing", "failed"
    ]
    pauses: list[PauseRow]


class LiveCallPage(BaseModel):
    current_page: int
    data: list[LiveCallRow]
    last_page: int
    per_page: int
    total: int
    total_is_capped: bool


class NewLiveCallData(BaseModel):
    data: LiveCallStatus


class LiveCallData(BaseModel):
    data: LiveCallRow


class Switched(BaseModel):
    uuid: UUID
    recording: Literal["paused", "recording"]


class SwitchedData(BaseModel):
    data: Switched


class CodeRow(BaseModel):
    """``category`` is null of a code that a partner sent and nobody has classed yet."""

    id: int
    code: str
    label: str
    category: CategoryName | None
    is_active: bool


class CodeData(BaseModel):
    data: CodeRow


class CodePage(BaseModel):
    current_page: int
    data: list[CodeRow]
    last_page: int
    per_page: int
    total: int
    total_is_capped: bool


def _query(name: str, description: str, type_: Any = OpenApiTypes.STR, **options: Any) -> OpenApiParameter:
    return OpenApiParameter(name, type_, OpenApiParameter.QUERY, description=description, **options)


_FAILURES = (*ANY_REQUEST, 404)
_DAYS = f"At most {MAX_DAYS} days when both are given."

# --- Live calls -------------------------------------------------------------------------------------------
_CALL_UUID = [
    OpenApiParameter("uuid", OpenApiTypes.UUID, OpenApiParameter.PATH, description="The call's uuid.")
]
_NO_PROVIDER = OpenApiResponse(TelesalesFailure, "The telephony provider does not do it at present.")
_PAGES = [
    _query("page", "Counted from 1.", OpenApiTypes.INT),
    _query("per_page", f"Rows on a page, 1 to {MAX_PER_PAGE}; 50 unless given.", OpenApiTypes.INT),
]
_SWITCH = (
    "Already so: the same answer, and nothing changes. What is said in a paused span is in nothing that is "
    "stored, whatever the telephony provider does. 409 `CALL_NOT_IN_PROGRESS` once the call has ended."
)

live_calls = operation(
    "telesales_calls",
    "List the account's live calls, newest first",
    description="An agent sees the own calls. Counting stops at 10,000, and so do the pages.",
    answers={200: LiveCallPage},
    failures=(*ANY_REQUEST, 422),
    parameters=[
        _query("status", "Those in progress, or those that ended.", enum=["in_progress", "ended"]),
        _query("agent_id", "Calls of this agent.", OpenApiTypes.INT),
        _query("campaign_id", "Calls of this campaign.", OpenApiTypes.INT),
        _query("date_from", f"Calls that started then or later, in UTC. {_DAYS}", OpenApiTypes.DATETIME),
        _query("date_to", f"Calls that started then or earlier, in UTC. {_DAYS}", OpenApiTypes.DATETIME),
        *_PAGES,
    ],
)

register_call = operation(
    "telesales_call_register",
    "Register a call that begins",
    description=(
        "With `provider_call_id`, one that is carried already: sent again, the answer is 200, with the same "
        "uuid, and nothing changes. Without it the telephony provider places the call, where there is one. "
        "`agent_id` of an agent is their own, and need not be given."
    ),
    request=NewCallBody,
    answers={200: NewLiveCallData, 201: NewLiveCallData, 503: _NO_PROVIDER},
    failures=(*ANY_REQUEST, *WITH_BODY),
    parameters=[header("Location", "Where to ask for the call.", [200, 201])],
)

live_call = operation(
    "telesales_call", "One call", answers={200: LiveCallData}, failures=_FAILURES, parameters=_CALL_UUID
)

hang_up = operation(
    "telesales_call_hangup",
    "End a call, and say where its recording is",
    description=(
        "A pause that is open runs to the end. `recording_started_at` is required with the `recording_url` "
        "of a call that was paused. Of a call that has ended: 200 as long as what is given is what is "
        "known, else 409 `CALL_NOT_IN_PROGRESS`."
    ),
    request=HangUpBody,
    answers={200: LiveCallData, 503: _NO_PROVIDER},
    failures=(*_FAILURES, 409, *WITH_BODY),
    parameters=_CALL_UUID,
)

dispose = operation(
    "telesales_call_disposition",
    "Say what a call came to",
    description="The customer has the code too. A code that says so keeps the number from being dialled.",
    request=DispositionBody,
    answers={200: LiveCallData},
    failures=(*_FAILURES, *WITH_BODY),
    parameters=_CALL_UUID,
)

pause = operation(
    "telesales_recording_pause",
    "Pause the recording of a call in progress",
    description=_SWITCH,
    request=None,
    answers={200: SwitchedData},
    failures=(*_FAILURES, 409),
    parameters=_CALL_UUID,
)

resume = operation(
    "telesales_recording_resume",
    "Resume the recording of a call in progress",
    description=_SWITCH,
    request=None,
    answers={200: SwitchedData},
    failures=(*_FAILURES, 409),
    parameters=_CALL_UUID,
)

# --- Disposition codes ------------------------------------------------------------------------------------
_CODE_ID = [OpenApiParameter("id", OpenApiTypes.INT, OpenApiParameter.PATH, description="The code's id.")]

codes = operation(
    "telesales_dispositions",
    "List the account's disposition codes",
    answers={200: CodePage},
    failures=(*ANY_REQUEST, 422),
    parameters=_PAGES,
)

create_code = operation(
    "telesales_disposition_create",
    "Make a disposition code",
    request=NewCodeBody,
    answers={201: CodeData},
    failures=(*ANY_REQUEST, *WITH_BODY),
)

change_code = operation(
    "telesales_disposition_change",
    "Change a disposition code",
    description="What is not given stays. `code` itself cannot be changed, nor what was said with it.",
    request=CodeChangeBody,
    answers={200: CodeData},
    failures=(*_FAILURES, *WITH_BODY),
    parameters=_CODE_ID,
)

remove_code = operation(
    "telesales_disposition_remove",
    "Remove a disposition code that nothing uses",
    description="409 `DISPOSITION_IN_USE` where calls or customers have it: deactivate it instead.",
    request=None,
    answers={204: None},
    failures=(*_FAILURES, 409),
    parameters=_CODE_ID,
)

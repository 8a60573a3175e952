"""Bodies of the export endpoints (telesales spec, Exports)."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, Field, RootModel, WithJsonSchema

from calls.api.telesales.schemas import AtMost31DaysOn, Text, UtcTime, check_known
from calls.filters import RecordingFilter
from partners.api.wire import Wire, parse, wrong
from partners.models import SubTenant

MOST_NAMED = 1000
_LARGEST_ID = 2**31 - 1


def _uuid(value: Any) -> UUID:
    try:
        return UUID(value if isinstance(value, str) else "")
    except ValueError as error:
        raise wrong("The {} field must be a UUID.") from error


Uuid = Annotated[UUID, BeforeValidator(_uuid), WithJsonSchema({"type": "string", "format": "uuid"})]
Id = Annotated[int, Field(ge=1, le=_LARGEST_ID)]


class Period(Wire):
    """The calls that started between the two, both inclusive; at most 31 days.

    ``signal_value``: false means calls on which the signal was reported and never met. ``custom_value`` is
    what the custom-data field holds, or any of them without ``custom_field_id``. ``include_signals``: whether
    the manifest has signals and custom data as further columns.
    """

    date_from: UtcTime
    date_to: Annotated[UtcTime, AtMost31DaysOn]
    campaign_id: Id | None = None
    agent_ids: Annotated[list[Id], Field(max_length=MOST_NAMED)] | None = None
    disposition_codes: Annotated[list[Text], Field(max_length=MOST_NAMED)] | None = None
    signal_id: Id | None = None
    signal_value: bool = True
    custom_field_id: Id | None = None
    custom_value: Text | None = None
    include_signals: bool = False

    def filter(self, sub_tenant: SubTenant) -> RecordingFilter:
        """Raises ApiError 422 for what the account does not have."""
        wanted = RecordingFilter(
            sub_tenant=sub_tenant,
            date_from=self.date_from,
            date_to=self.date_to,
            campaign_id=self.campaign_id,
            agent_ids=tuple(self.agent_ids or ()),
            disposition_codes=tuple(self.disposition_codes or ()),
            signal_id=self.signal_id,
            signal_value=self.signal_value,
            custom_field_id=self.custom_field_id,
            custom_value=self.custom_value or "",
        )
        check_known(wanted)
        return wanted


class Selected(Wire):
    """These calls, wherever in time."""

    uuids: Annotated[list[Uuid], Field(min_length=1, max_length=MOST_NAMED)]
    include_signals: bool = False


class Supplement(Wire):
    """What the ZIP of an earlier export could not include."""

    supplement_of: Annotated[str, Field(min_length=1, max_length=40)]


Order = Period | Selected | Supplement


def parse_order(value: dict[str, Any]) -> Order:
    """The order a body makes: by period unless it names calls or an export. Raises ApiError 422."""
    if "supplement_of" in value:
        return parse(Supplement, value)
    return parse(Selected, value) if "uuids" in value else parse(Period, value)


class OrderBody(RootModel[Order]):
    """What may be sent: one of the three."""


class Ordered(BaseModel):
    job_id: str
    status: Literal["queued"]
    estimated_files: int
    estimated_size_mb: int
    created_at: datetime
    expires_at: datetime


class OrderedData(BaseModel):
    data: Ordered


class Export(BaseModel):
    """Which fields there are depends on the status: ``files`` and ``download_url`` only when ready,
    ``files_processed`` only while running, the error's only of a failed one."""

    job_id: str
    status: Literal["queued", "running", "ready", "failed", "cancelled", "expired"]
    progress_pct: int = 0
    files: int = 0
    files_processed: int = 0
    size_mb: int = 0
    download_url: str = ""
    created_at: datetime | None = None
    completed_at: datetime | None = None
    expires_at: datetime | None = None
    error_code: str = ""
    error_message: str = ""
    failed_at: datetime | None = None


class ExportData(BaseModel):
    data: Export


class ExportPage(BaseModel):
    current_page: int
    data: list[Export]
    last_page: int
    per_page: int
    total: int
    total_is_capped: bool

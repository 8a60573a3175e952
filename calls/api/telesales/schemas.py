"""What requests of the telesales surface may say: filters, pages, live calls, codes (telesales spec)."""

import re
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from django.http import QueryDict
from django.utils import timezone
from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, WithJsonSchema

from calls.filters import RecordingFilter, unknown_in
from calls.models import Category, PauseHandling
from calls.services.live import HangUp
from partners.api.wire import Number, PageQuery, Wire, invalid, wrong
from partners.models import SubTenant
from zipingest.phones import E164

MAX_DAYS = 31

_CODE = re.compile(r"[A-Z0-9_-]{1,32}", re.ASCII)
_LARGEST_ID = 2**31 - 1
# Clocks differ; a day ahead is a mistake.
_AHEAD = timedelta(days=1)

_LISTS = ("agent_ids", "disposition_codes")
_NOUNS = {
    "agent_ids": "agent",
    "campaign_id": "campaign",
    "disposition_codes": "disposition code",
    "signal_id": "signal",
    "custom_field_id": "custom-data field",
}


def _utc_time(value: Any) -> datetime:
    try:
        time = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise wrong("The {} field must be an ISO 8601 time in UTC.") from error
    if time.utcoffset() != timedelta(0):
        raise wrong("The {} field must be an ISO 8601 time in UTC.")
    return time


def _come(value: datetime) -> datetime:
    if value > timezone.now() + _AHEAD:
        raise wrong("The {} field must not lie in the future.")
    return value


def _e164(value: str) -> str:
    if not E164.fullmatch(value):
        raise wrong("The {} field must be a valid E.164 phone number.")
    return value


def _new_code(value: str) -> str:
    if not _CODE.fullmatch(value):
        raise wrong("The {} field must be 1 to 32 of the signs A-Z, 0-9, _ and -.")
    return value


def _web_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url or not value.isprintable() or " " in value:
        raise wrong("The {} field must be a valid URL.")
    return value


def _after_date_from(value: datetime | None, info: ValidationInfo) -> datetime | None:
    date_from = info.data.get("date_from")
    if date_from and value:
        if value < date_from:
            raise wrong("The date_to field must be a time after or equal to date_from.")
        if value - date_from > timedelta(days=MAX_DAYS):
            raise wrong(f"The date_from..date_to range may not exceed {MAX_DAYS} days.")
    return value


UtcTime = Annotated[
    datetime, BeforeValidator(_utc_time), WithJsonSchema({"type": "string", "format": "date-time"})
]
# For the field ``date_to`` of a model that has ``date_from`` before it; put it around UtcTime.
AtMost31DaysOn = AfterValidator(_after_date_from)
Text = Annotated[str, Field(max_length=255)]
# Of something that took place.
PastTime = Annotated[UtcTime, AfterValidator(_come)]
Id = Annotated[int, Field(ge=1, le=_LARGEST_ID)]
Phone = Annotated[
    str, AfterValidator(_e164), WithJsonSchema({"type": "string", "pattern": f"^{E164.pattern}$"})
]
WebUrl = Annotated[str, Field(min_length=1, max_length=2048), AfterValidator(_web_url)]


class RecordingsQuery(PageQuery):
    """The export's filter, and what a person looks for in a list; ``phone`` and the rest are beginnings."""

    date_from: UtcTime | None = None
    date_to: Annotated[UtcTime | None, AtMost31DaysOn] = None
    agent_ids: list[Number] = []
    campaign_id: Number | None = None
    disposition_codes: list[Text] = []
    phone: Text = ""
    agent_name: Text = ""
    text: Text = ""

    def filter(self, sub_tenant: SubTenant) -> RecordingFilter:
        """Raises ApiError 422 for what the account does not have."""
        wanted = RecordingFilter(
            sub_tenant=sub_tenant,
            date_from=self.date_from,
            date_to=self.date_to,
            agent_ids=tuple(self.agent_ids),
            campaign_id=self.campaign_id,
            disposition_codes=tuple(self.disposition_codes),
            phone=self.phone,
            agent_name=self.agent_name,
            text=self.text,
        )
        check_known(wanted)
        return wanted


class CallsQuery(PageQuery):
    """Which live calls."""

    status: Literal["in_progress", "ended"] | None = None
    agent_id: Number | None = None
    campaign_id: Number | None = None
    date_from: UtcTime | None = None
    date_to: Annotated[UtcTime | None, AtMost31DaysOn] = None

    def filter(self, sub_tenant: SubTenant) -> RecordingFilter:
        """Raises ApiError 422 for what the account does not have."""
        wanted = RecordingFilter(
            sub_tenant=sub_tenant,
            date_from=self.date_from,
            date_to=self.date_to,
            agent_ids=() if self.agent_id is None else (self.agent_id,),
            campaign_id=self.campaign_id,
        )
        check_known(wanted, agent_field="agent_id")
        return wanted


class NewCallBody(Wire):
    """``provider_call_id``: of a call that is carried already; without one the provider places it."""

    campaign_id: Id
    phone: Phone
    agent_id: Id | None = None
    started_at: PastTime | None = None
    provider_call_id: Annotated[str, Field(min_length=1, max_length=255)] | None = None


class HangUpBody(Wire):
    """``pauses``: what whoever recorded the call did while it was paused; it recorded on unless told."""

    ended_at: PastTime | None = None
    recording_url: WebUrl | None = None
    recording_started_at: PastTime | None = None
    pauses: Literal["silenced", "ignored", "omitted"] | None = None

    @property
    def how(self) -> HangUp:
        handling = PauseHandling(self.pauses) if self.pauses else None
        return HangUp(self.ended_at, self.recording_url, self.recording_started_at, handling)


class DispositionBody(Wire):
    code: Annotated[str, Field(min_length=1, max_length=255)]
    note: Annotated[str, Field(max_length=1000)] = ""


CategoryName = Literal["success", "callback", "failed", "dnc"]


class CodeChangeBody(Wire):
    """What is not given stays as it is; a code's own name never changes."""

    code: Text | None = None
    label: Text | None = None
    category: CategoryName | None = None
    is_active: bool | None = None

    @property
    def kind(self) -> Category | None:
        return Category(self.category) if self.category else None


class NewCodeBody(Wire):
    code: Annotated[
        str,
        AfterValidator(_new_code),
        WithJsonSchema({"type": "string", "pattern": f"^{_CODE.pattern}$"}),
    ]
    label: Text = ""
    category: CategoryName
    is_active: bool = True


def check_known(wanted: RecordingFilter, *, agent_field: str = "agent_ids") -> None:
    """Raises ApiError 422 that names every agent, campaign and code that the account does not have.

    ``agent_field``: where the request names agents.
    """
    unknown = unknown_in(wanted)
    fields = {"agent_ids": agent_field}
    if unknown:
        raise invalid(
            [
                {"field": fields.get(field, field), "message": f"Unknown {_NOUNS[field]}: {name}."}
                for field, names in unknown.items()
                for name in names
            ]
        )


def query_values(params: QueryDict) -> dict[str, Any]:
    """The query string's values; lists are repeated fields, written ``agent_ids`` or ``agent_ids[]``."""
    lists = {name: [*params.getlist(name), *params.getlist(f"{name}[]")] for name in _LISTS}
    return {**params.dict(), **{name: values for name, values in lists.items() if values}}

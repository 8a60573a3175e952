"""What requests of the telesales surface may say: filters and pages (telesales spec)."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from django.http import QueryDict
from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, WithJsonSchema

from calls.filters import RecordingFilter, unknown_in
from partners.api.wire import Number, PageQuery, invalid, wrong
from partners.models import SubTenant

MAX_DAYS = 31

_LISTS = ("agent_ids", "disposition_codes")
_NOUNS = {"agent_ids": "agent", "campaign_id": "campaign", "disposition_codes": "disposition code"}


def _utc_time(value: Any) -> datetime:
    try:
        time = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise wrong("The {} field must be an ISO 8601 time in UTC.") from error
    if time.utcoffset() != timedelta(0):
        raise wrong("The {} field must be an ISO 8601 time in UTC.")
    return time


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
        )
        check_known(wanted)
        return wanted


def check_known(wanted: RecordingFilter) -> None:
    """Raises ApiError 422 that names every agent, campaign and code that the account does not have."""
    unknown = unknown_in(wanted)
    if unknown:
        raise invalid(
            [
                {"field": field, "message": f"Unknown {_NOUNS[field]}: {name}."}
                for field, names in unknown.items()
                for name in names
            ]
        )


def query_values(params: QueryDict) -> dict[str, Any]:
    """The query string's values; lists are repeated fields, written ``agent_ids`` or ``agent_ids[]``."""
    lists = {name: [*params.getlist(name), *params.getlist(f"{name}[]")] for name in _LISTS}
    return {**params.dict(), **{name: values for name, values in lists.items() if values}}

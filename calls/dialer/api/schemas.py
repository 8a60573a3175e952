"""Bodies and queries of the dialer surface (dialer spec); the contacts themselves: calls.dialer.records."""

import json
import re
from datetime import time
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter, ValidationError, WithJsonSchema

from calls.api.partner.schemas import HttpsUrl
from calls.dialer.models import MOST_RETRIES, ContactStatus
from calls.dialer.records import is_zone
from calls.dialer.services.batches import BatchDraft
from partners.api.wire import Number, Wire, wrong

MOST_NUMBERS = 100
MOST_DELAY = 7 * 24 * 3600
MOST_PER_PAGE = 200

_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)
_HTTPS_URL: TypeAdapter[str] = TypeAdapter(HttpsUrl)
_STATUSES = ("", "all", *ContactStatus.values)


def _name(value: str) -> str:
    if not value.strip():
        raise wrong("The {} field is required.")
    return value


def _zone(value: str) -> str:
    if value and not is_zone(value):
        raise wrong("The {} field must be the name of a time zone, like America/Los_Angeles.")
    return value


def _clock(value: Any) -> time:
    if not isinstance(value, str) or not _CLOCK.fullmatch(value):
        raise wrong("The {} field must be a time of day, like 09:00.")
    return time.fromisoformat(value)


def _callback_url(value: str) -> str:
    try:
        return _HTTPS_URL.validate_python(value) if value else ""
    except ValidationError as error:
        raise wrong("The {} field must be an https URL.") from error


def _filter(value: Any) -> str:
    if value not in _STATUSES:
        raise wrong(f"The {{}} field must be one of: {', '.join(_STATUSES[1:])}.")
    return "" if value == "all" else str(value)


def _one_of(*values: str) -> BeforeValidator:
    def check(value: Any) -> str:
        if value not in values:
            raise wrong(f"The {{}} field must be one of: {', '.join(values)}.")
        return str(value)

    return BeforeValidator(check)


Clock = Annotated[
    time, BeforeValidator(_clock), WithJsonSchema({"type": "string", "pattern": f"^{_CLOCK.pattern}$"})
]
Day = Annotated[int, Field(ge=0, le=6)]


class CallingHour(Wire):
    """In the contact's time zone; an ``end`` that is not after the ``start`` is on the following day."""

    start: Clock
    end: Clock


class CreateBatch(Wire):
    """``retry``: further tries after no answer, busy or failed, ``delay`` seconds apart; 0 is Sunday."""

    batchName: Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_name)]
    callingNumbers: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=64)]], Field(min_length=1, max_length=MOST_NUMBERS)
    ]
    retry: Annotated[int, Field(ge=0, le=MOST_RETRIES)] | None = None
    delay: Annotated[int, Field(ge=0, le=MOST_DELAY)] | None = None
    timezone: Annotated[str, AfterValidator(_zone)] | None = None
    callingHour: CallingHour | None = None
    allowedDays: Annotated[list[Day], Field(max_length=7)] | None = None
    callbackUrl: Annotated[str, Field(max_length=2048), AfterValidator(_callback_url)] | None = None

    def draft(self) -> BatchDraft:
        hours = self.callingHour
        return BatchDraft(
            name=self.batchName,
            numbers=self.callingNumbers,
            retry=self.retry or 0,
            delay=self.delay or 0,
            time_zone=self.timezone or "",
            hours=(hours.start, hours.end) if hours else None,
            allowed_days=self.allowedDays or [],
            callback_url=self.callbackUrl or "",
        )


class NamedBatch(Wire):
    batchId: Annotated[str, Field(min_length=1)]


Page = Annotated[Number, Field(ge=1), WithJsonSchema({"type": "integer", "minimum": 1})]
Limit = Annotated[
    Number,
    Field(ge=1, le=MOST_PER_PAGE),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MOST_PER_PAGE}),
]


class BatchesQuery(Wire):
    page: Page = 1
    limit: Limit = 50
    search: Annotated[str, Field(max_length=255)] = ""


class DetailsQuery(Wire):
    """``filter``: a contact's status."""

    page: Page = 1
    limit: Limit = 50
    filter: Annotated[str, BeforeValidator(_filter)] = ""
    sortBy: Annotated[
        Literal["createdAt", "phoneNumber", "status"], _one_of("createdAt", "phoneNumber", "status")
    ] = "createdAt"
    sortOrder: Annotated[Literal["asc", "desc"], _one_of("asc", "desc")] = "asc"


# --- The same batch, as a form ----------------------------------------------------------------------------
_NUMBERS = ("retry", "delay")
_STRUCTURES = ("callingNumbers", "callingHour", "allowedDays")


def of_form(fields: dict[str, list[str]]) -> dict[str, Any]:
    """What a multipart form says of a batch, in the types of its JSON.

    A list is one field of JSON, or a field for each of its values, or values with commas between them.
    """
    body: dict[str, Any] = {name: values[-1] for name, values in fields.items() if values}
    for name in _NUMBERS:
        body |= {name: _parsed(body[name])} if name in body else {}
    for name in _STRUCTURES:
        body |= {name: _structure(fields[name])} if name in body else {}
    if isinstance(body.get("allowedDays"), list):
        body["allowedDays"] = [_parsed(day) for day in body["allowedDays"]]
    return body


def _structure(values: list[str]) -> Any:
    if len(values) == 1 and values[0].lstrip().startswith(("[", "{")):
        return _parsed(values[0])
    return [part.strip() for value in values for part in value.split(",") if part.strip()]


def _parsed(value: Any) -> Any:
    """``value`` as JSON; where it is none, as it is, for the schema to judge."""
    try:
        return json.loads(value)
    except (TypeError, ValueError, RecursionError):
        return value

"""The wire format of the partner surface and how it becomes drafts (seed partner-batch-call).

Pydantic collects every error of a body with its path; :func:`field_errors` words them as the partner
documents do.
"""

import math
import re
from datetime import datetime
from ipaddress import ip_address
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from django.conf import settings
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic_core import ErrorDetails

from calls.api.wire import Id, Text255, Url, Wire, field_name, is_url, wrong
from calls.drafts import AgentDraft, CallDraft, CustomerDraft
from zipingest.api.body import unstorable
from zipingest.phones import E164

MAX_CALLS = 50
MAX_METADATA = 5
MAX_CUSTOM_FIELDS = 10

_UTC_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|\+00:00)", re.ASCII)
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")


def _utc_time(value: Any) -> datetime:
    if value is None or value == "":
        raise wrong("should not be empty")
    try:
        if not _UTC_TIME.fullmatch(value):
            raise ValueError
        return datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise wrong("must be a valid ISO 8601 date string in UTC") from error


def _e164(value: str) -> str:
    if not E164.fullmatch(value):
        raise wrong("must be a valid E.164 phone number")
    return value


def _email(value: str) -> str:
    if len(value) > 320 or not _EMAIL.fullmatch(value):
        raise wrong("must be an email")
    return value


def _callback_url(value: str) -> str:
    if not is_url(value, ("https",)) and not (settings.ALLOW_LOOPBACK and _is_loopback_url(value)):
        raise wrong("must be a valid https URL")
    return value


def _is_loopback_url(value: str) -> bool:
    try:
        return is_url(value, ("http",)) and ip_address(urlsplit(value).hostname or "").is_loopback
    except ValueError:
        return False


def _text_or_number(value: Any) -> str | int | float:
    unfit = isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value))
    if unfit or not isinstance(value, str | int | float):
        raise wrong("must be a string or a number")
    return value


def _text(value: Any) -> str:
    """A string that may be empty but not absent."""
    if not isinstance(value, str):
        raise wrong("must be a string")
    return value


HttpsUrl = Annotated[str, Field(max_length=2048), AfterValidator(_callback_url)]
Email = Annotated[str, AfterValidator(_email)]
Phone = Annotated[
    str,
    Field(min_length=1),
    AfterValidator(_e164),
    WithJsonSchema({"type": "string", "pattern": f"^{E164.pattern}$"}),
]
UtcTime = Annotated[
    datetime,
    BeforeValidator(_utc_time),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": f"^{_UTC_TIME.pattern}$"}),
]
MetadataValue = Annotated[
    str | int | float, PlainValidator(_text_or_number), WithJsonSchema({"type": ["string", "number"]})
]


class CallIn(Wire):
    id: Id
    recording_url: Url
    start_time: UtcTime
    end_time: UtcTime
    contact_number: Phone

    @field_validator("end_time")
    @classmethod
    def _after_start(cls, value: datetime, info: ValidationInfo) -> datetime:
        start = info.data.get("start_time")
        if start is not None and value <= start:
            raise wrong("must be after start_time")
        return value


class AgentIn(Wire):
    id: Id
    email: Email | None = None
    name: Text255 | None = None


class CustomerIn(Wire):
    id: Id
    name: Text255 | None = None
    email: Email | None = None
    disposition_status: Text255 | None = None


class CustomFieldIn(Wire):
    internal_name: Id
    value: Annotated[str, PlainValidator(_text), WithJsonSchema({"type": "string"})]


class ItemIn(Wire):
    call: CallIn
    agent: AgentIn
    customer: CustomerIn
    callback_url: HttpsUrl | None = None
    metadata: Annotated[dict[str, MetadataValue], Field(max_length=MAX_METADATA)] | None = None
    custom_fields: Annotated[list[CustomFieldIn], Field(max_length=MAX_CUSTOM_FIELDS)] | None = None

    def draft(self) -> CallDraft:
        return CallDraft(
            external_id=self.call.id,
            recording_url=self.call.recording_url,
            started_at=self.call.start_time,
            ended_at=self.call.end_time,
            customer_phone=self.call.contact_number,
            agent=AgentDraft(self.agent.id, self.agent.name, self.agent.email),
            customer=CustomerDraft(
                self.customer.id,
                self.customer.name,
                self.customer.email,
                self.customer.disposition_status or None,
            ),
            callback_url=self.callback_url or "",
            metadata=self.metadata or {},
            custom_fields=[entry.model_dump() for entry in self.custom_fields or []],
            extras=self._all_extras(),
        )

    def _all_extras(self) -> dict[str, Any]:
        nested = {"call": self.call, "agent": self.agent, "customer": self.customer}
        return self.extras() | {
            f"{name}.{key}": value for name, part in nested.items() for key, value in part.extras().items()
        }


class BatchIn(Wire):
    data: Annotated[list[ItemIn], Field(min_length=1, max_length=MAX_CALLS)]


class DispositionIn(Wire):
    customer_id: Id
    disposition_status: Text255 | None = None


Body = TypeVar("Body", bound=Wire)


class InvalidBody(Exception):
    """``errors``: every problem of the body as ``{"field", "message"}``, in the partner documents' words."""

    def __init__(self, errors: list[dict[str, str]]) -> None:
        super().__init__(errors)
        self.errors = errors


def parse(model: type[Body], value: Any) -> Body:
    """``value`` as ``model``; raises InvalidBody with every error there is."""
    body, errors = None, {}
    try:
        body = model.model_validate(value)
    except ValidationError as error:
        errors = _errors_of(error)
    for path, problem in unstorable(value):
        errors.setdefault(field_name(path), f"{_name(path)} {problem}")
    if body is None or errors:
        raise InvalidBody([{"field": field, "message": message} for field, message in errors.items()])
    return body


def _errors_of(error: ValidationError) -> dict[str, str]:
    """The first message of each field."""
    errors: dict[str, str] = {}
    for details in error.errors(include_url=False):
        errors.setdefault(field_name(details["loc"]), f"{_name(details['loc'])} {_problem(details)}")
    return errors


def _name(path: tuple[str | int, ...]) -> str:
    """The name a message begins with: the last step, with what it makes sense under."""
    if len(path) > 1 and (isinstance(path[-1], int) or path[-2] == "metadata"):
        return field_name(path[-2:])
    return str(path[-1]) if path else "body"


def _problem(details: ErrorDetails) -> str:
    kind, context = details["type"], details.get("ctx", {})
    if kind == "wrong":
        return str(context["message"])
    if kind == "missing" or details["input"] is None:
        # class-validator, whose words these are, says of an absent custom field's value that it is no string
        return "must be a string" if details["loc"][-1] == "value" else "should not be empty"
    if kind == "string_too_long":
        return f"must be shorter than or equal to {context['max_length']} characters"
    if kind == "too_long" and context["field_type"] == "Dictionary":
        return f"must contain no more than {context['max_length']} key-value pairs"
    if kind == "too_long":
        return f"must contain no more than {context['max_length']} elements"
    return _SHORT_PROBLEMS.get(kind, "is invalid")


_SHORT_PROBLEMS = {
    "string_type": "must be a string",
    "string_unicode": "must not contain unpaired surrogates",
    "string_too_short": "should not be empty",
    "too_short": "should not be empty",
    "list_type": "must be an array",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
}

"""The wire format of ``calls.json``, and what is wrong with a body (network spec, Request Parameters).

Bodies are validated with the Network as pydantic's context: its zone, country codes and languages decide.
"""

import math
import re
from datetime import datetime
from typing import Annotated, Any, TypeVar

from pydantic import Field, PlainValidator, ValidationError, ValidationInfo, WithJsonSchema, model_validator
from pydantic_core import ErrorDetails

from calls.api.network.base import record_invalid
from calls.api.wire import Id, Url, Wire, field_name, wrong
from calls.models import Direction, Language, Network
from calls.timestamps import InvalidTimestamp, parse_timestamp
from zipingest.api.body import unstorable
from zipingest.phones import E164

VERSION = "2022-03-01"
MAX_SIGNALS = MAX_CUSTOM_DATA = 100
MAX_FILENAME = 1024
NOT_GIVEN = (None, "")

_DIGITS = re.compile(r"[0-9]{1,18}", re.ASCII)
_TEN_DIGITS = range(10**9, 10**10)
_TRUTHS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
# Of a key that we do not know.
_SHOWN = 64


# --- Values -----------------------------------------------------------------------------------------------
def _network(info: ValidationInfo) -> Network:
    network = info.context
    assert isinstance(network, Network), "calls are validated for a network"
    return network


def timestamp(value: Any, info: ValidationInfo) -> datetime:
    try:
        return parse_timestamp(value, zone=_network(info).zone)
    except InvalidTimestamp as error:
        raise wrong(str(error)) from error


def _phone(value: Any, info: ValidationInfo) -> str:
    """In E.164; the document's own samples are ten digits as a number, which are of +1."""
    if isinstance(value, int) and value in _TEN_DIGITS:
        value = f"+1{value}"
    if not isinstance(value, str) or not E164.fullmatch(value):
        raise wrong("must be a phone number in E.164 format, like +18885551212")
    if not value[1:].startswith(tuple(_network(info).country_codes)):
        raise wrong("has a country code that is not enabled for this network")
    return value


def number_or_text(value: Any) -> str:
    """An id that may come as a number."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise wrong("must be a whole number or a string")
    return _short(str(value))


def _row_id(value: Any) -> int:
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong("must be a whole number")
    return value


def _one_of(choices: list[str]) -> PlainValidator:
    def chosen(value: Any) -> str:
        if value not in choices:
            raise wrong(f"must be one of {', '.join(choices)}")
        return str(value)

    return PlainValidator(chosen)


def _language(value: Any, info: ValidationInfo) -> str:
    if value not in Language.values:
        raise wrong(f"must be one of {', '.join(Language.values)}")
    if value not in _network(info).languages:
        raise wrong("is not enabled for this network")
    return str(value)


def truth(value: Any) -> bool:
    """true and false, 1 and 0, yes and no; as texts in capital or small letters."""
    known = _TRUTHS.get(str(value).lower()) if isinstance(value, bool | int | str) else None
    if known is None:
        raise wrong("must be true or false, 1 or 0, Yes or No")
    return known


def _custom_value(value: Any) -> str:
    unfit = isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value))
    if unfit or not isinstance(value, str | int | float):
        raise wrong("must be a string or a number")
    return _short(str(value))


def _short(text: str) -> str:
    if len(text) > 255:
        raise wrong("must be at most 255 characters long")
    return text


_TEXT_OR_INTEGER: dict[str, Any] = {"type": ["string", "integer"]}
_PhoneField = Annotated[str, PlainValidator(_phone), WithJsonSchema(_TEXT_OR_INTEGER)]
_Truth = Annotated[
    bool, PlainValidator(truth), WithJsonSchema({"type": ["boolean", "integer", "string"], "default": True})
]
_RowId = Annotated[int, PlainValidator(_row_id), WithJsonSchema(_TEXT_OR_INTEGER)]


# --- Bodies -----------------------------------------------------------------------------------------------
class NetworkWire(Wire):
    """Of a field that we know, null and an empty text are as if it were not there."""

    @model_validator(mode="before")
    @classmethod
    def _given(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        known = cls.model_fields
        return {name: given for name, given in value.items() if name not in known or given not in NOT_GIVEN}


class NetworkCallIn(NetworkWire):
    """In the order of the document, which is that of the problems."""

    external_call_unique_id: Id
    start_time: Annotated[datetime, PlainValidator(timestamp), WithJsonSchema(_TEXT_OR_INTEGER)]
    destination_phone_number: _PhoneField
    calling_phone_number: _PhoneField
    advertiser_campaign_id_from_network: Annotated[
        str, PlainValidator(number_or_text), WithJsonSchema(_TEXT_OR_INTEGER)
    ]
    call_direction: Annotated[
        str, _one_of(Direction.values), WithJsonSchema({"type": "string", "enum": Direction.values})
    ]
    recording_url: Url | None = None
    recording_filename: Annotated[str, Field(max_length=MAX_FILENAME)] | None = None
    language_code: (
        Annotated[
            str, PlainValidator(_language), WithJsonSchema({"type": "string", "enum": list(Language.values)})
        ]
        | None
    ) = None
    recording_auth_config_id: _RowId | None = None


class NetworkSignalIn(NetworkWire):
    name: Id
    value: _Truth = True


class NetworkCustomDataIn(NetworkWire):
    name: Id
    value: Annotated[
        str, PlainValidator(_custom_value), WithJsonSchema({"type": ["string", "number"], "maxLength": 255})
    ]


class NetworkCallBody(NetworkWire):
    call: NetworkCallIn
    signals: Annotated[list[NetworkSignalIn], Field(max_length=MAX_SIGNALS)] = []
    custom_data: Annotated[list[NetworkCustomDataIn], Field(max_length=MAX_CUSTOM_DATA)] = []

    def all_extras(self) -> dict[str, Any]:
        """Every key that we do not know, by where it stood: ``call.agent_name``, ``signals[0].note``."""
        parts: list[tuple[str, NetworkWire]] = [("call.", self.call)]
        parts += [(f"signals[{place}].", entry) for place, entry in enumerate(self.signals)]
        parts += [(f"custom_data[{place}].", entry) for place, entry in enumerate(self.custom_data)]
        nested = {f"{prefix}{key}": value for prefix, part in parts for key, value in part.extras().items()}
        return self.extras() | nested


class NetworkRetryBody(NetworkWire):
    """``recording_url``: where the recording is to be had now; without one, where it was before."""

    recording_url: Url | None = None
    recording_auth_config_id: _RowId | None = None


Body = TypeVar("Body", bound=NetworkWire)
Problems = dict[tuple[str | int, ...], str]


# --- What is wrong ----------------------------------------------------------------------------------------
def parse(
    model: type[Body], value: dict[str, Any], network: Network | None, further: Problems | None = None
) -> Body:
    """``value`` as ``model``; raises ApiError 403 with every problem there is, in the order of the document.

    ``further``: what was found besides, by path. Of each path one problem is told.
    """
    body, problems = None, {}
    try:
        body = model.model_validate(value, context=network)
    except ValidationError as error:
        problems = {details["loc"]: _problem(details) for details in error.errors(include_url=False)}
    for path, problem in (*(further or {}).items(), *unstorable(value)):
        problems.setdefault(path, problem)
    if body is None or problems:
        paths = sorted(problems, key=_place)
        raise record_invalid([_told(path, problems[path]) for path in paths])
    return body


def _problem(details: ErrorDetails) -> str:
    kind, context = details["type"], details.get("ctx", {})
    if kind == "wrong":
        return str(context["message"])
    if kind == "string_too_long":
        return f"must be at most {context['max_length']} characters long"
    if kind == "too_long":
        return f"must have at most {context['max_length']} elements"
    return _SHORT_PROBLEMS.get(kind, "is invalid")


_SHORT_PROBLEMS = {
    "missing": "is required",
    "string_type": "must be a string",
    "string_unicode": "must not contain unpaired surrogates",
    "list_type": "must be an array",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
}

_ORDER = {
    name: place
    for place, name in enumerate(
        (*NetworkCallBody.model_fields, *NetworkCallIn.model_fields, *NetworkSignalIn.model_fields)
    )
}


def _place(path: tuple[str | int, ...]) -> tuple[int, ...]:
    """Where a problem stands among the others; keys that we do not know come last."""
    return tuple(step if isinstance(step, int) else _ORDER.get(step, len(_ORDER)) for step in path)


def _told(path: tuple[str | int, ...], problem: str) -> str:
    """Keys that we do not know may be long, and hold what no row keeps."""
    steps = [step if isinstance(step, int) else _storable(step[:_SHOWN]) for step in path]
    return f"'{field_name(tuple(steps))}' {problem}"


def _storable(text: str) -> str:
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()

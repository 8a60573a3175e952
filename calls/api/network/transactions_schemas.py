"""The wire format of ``transactions.json``, and what is wrong with a body (network spec)."""

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema

from calls.api.network.base import record_invalid, refusal
from calls.api.network.schemas import (
    MAX_CUSTOM_DATA,
    NOT_GIVEN,
    NetworkCustomDataIn,
    NetworkSignalIn,
    NetworkWire,
    number_or_text,
    parse,
    timestamp,
    truth,
)
from calls.api.wire import wrong
from calls.finding import Wanted
from calls.models import Network
from calls.services.signals import MAX_SIGNALS, NamedSignal, NamedValue, Report
from zipingest.api.body import unstorable
from zipingest.phones import E164

VERSION = "2018-02-01"
# Any one of these is enough, and the first of them that is given decides.
_WAYS = ("transaction_id", "call_record_id", "call_start_time")
_TEN_DIGITS = re.compile(r"[0-9]{10}", re.ASCII)
# SQLite keeps 15 digits of a number.
_AMOUNT = re.compile(r"-?[0-9]{1,13}(\.[0-9]{1,2})?", re.ASCII)
_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]+)?", re.ASCII)

LIMITED = f"Signals are limited to {MAX_SIGNALS}"


# --- Values -----------------------------------------------------------------------------------------------
def _phone(value: Any) -> str:
    """In E.164, which may have blanks; ten digits are of +1."""
    text = str(value).replace(" ", "") if isinstance(value, int | str) else ""
    text = f"+1{text}" if _TEN_DIGITS.fullmatch(text) else text
    if not E164.fullmatch(text):
        raise wrong("must be a phone number in E.164 format, like +18885551212")
    return text


def _amount(value: Any) -> Decimal:
    text = _plain(value)
    if not _AMOUNT.fullmatch(text):
        raise wrong("must be a number of at most 2 decimals, without separators, like 1234.50")
    return Decimal(text)


def _seconds(value: Any) -> float:
    text = _plain(value)
    if not _SECONDS.fullmatch(text):
        raise wrong("must be a number of seconds")
    return float(text)


def _plain(value: Any) -> str:
    """A number, or the text of one, as digits without an exponent; "" of anything else."""
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")
    return str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""


_TEXT_OR_INTEGER = WithJsonSchema({"type": ["string", "integer"]})
_TEXT_OR_NUMBER = WithJsonSchema({"type": ["string", "number"]})
_Id = Annotated[str, PlainValidator(number_or_text), _TEXT_OR_INTEGER]
_Time = Annotated[datetime, PlainValidator(timestamp), _TEXT_OR_INTEGER]


# --- Bodies -----------------------------------------------------------------------------------------------
class SearchIn(NetworkWire):
    """One of the first three; the rest helps ``call_start_time`` and is ignored beside an id."""

    transaction_id: _Id | None = None
    call_record_id: _Id | None = None
    call_start_time: _Time | None = None
    calling_phone_number: Annotated[str, PlainValidator(_phone), _TEXT_OR_INTEGER] | None = None
    duration_in_seconds: Annotated[float, PlainValidator(_seconds), _TEXT_OR_NUMBER] | None = None
    advertiser_campaign_id_from_network: _Id | None = None

    def wanted(self) -> Wanted:
        return Wanted(
            cuid=self.transaction_id or self.call_record_id or "",
            started_at=self.call_start_time,
            phone=self.calling_phone_number or "",
            campaign=self.advertiser_campaign_id_from_network or "",
            duration=self.duration_in_seconds,
        )


class ReportedSignalIn(NetworkSignalIn):
    """``occurred_at_time``: now, unless it says so; of a correction, as it was."""

    partner_unique_id: _Id = ""
    occurred_at_time: _Time | None = None
    revenue: Annotated[Decimal, PlainValidator(_amount), _TEXT_OR_NUMBER] | None = None

    def named(self) -> NamedSignal:
        return NamedSignal(self.name, self.value, self.partner_unique_id, self.occurred_at_time, self.revenue)


def _decisive(search: Any) -> Any:
    """``search`` without what is ignored."""
    if not isinstance(search, dict):
        return search
    for name in ("transaction_id", "call_record_id"):
        if search.get(name) not in NOT_GIVEN:
            return {name: search[name]}
    return search


class TransactionBody(NetworkWire):
    search: Annotated[SearchIn, BeforeValidator(_decisive)]
    signals: Annotated[list[ReportedSignalIn], Field(max_length=MAX_SIGNALS)] = []
    custom_data: Annotated[list[NetworkCustomDataIn], Field(max_length=MAX_CUSTOM_DATA)] = []
    call_in_progress: Annotated[
        bool,
        PlainValidator(truth),
        WithJsonSchema({"type": ["boolean", "integer", "string"], "default": False}),
    ] = False

    def report(self) -> Report:
        return Report(
            signals=tuple(signal.named() for signal in self.signals),
            custom_data=tuple(NamedValue(custom.name, custom.value) for custom in self.custom_data),
        )


# --- What is wrong ----------------------------------------------------------------------------------------
def transaction_of(value: dict[str, Any], network: Network | None) -> TransactionBody:
    """What a body says; times without a zone are the network's, and UTC where the account is none.

    Raises ApiError 403: InvalidInput with all that is missing or twice, else RecordInvalid with all that is
    not as it should be.
    """
    # Of texts that no answer can hold is told where they stand, which parse does.
    missing = [] if unstorable(value) else [*_missing(value)]
    if missing:
        raise refusal(403, "InvalidInput", "; ".join(missing))
    signals = value.get("signals")
    if isinstance(signals, list) and len(signals) > MAX_SIGNALS:
        raise record_invalid([LIMITED])
    return parse(TransactionBody, value, network or Network())


def _missing(value: dict[str, Any]) -> Iterator[str]:
    """In the order of the spec, and in its words."""
    search = value.get("search")
    if not isinstance(search, dict) or not any(_is_given(search, way) for way in _WAYS):
        yield "transaction_id, call_record_id, or call_start_time must not be empty"
    signals, custom_data = _objects(value, "signals"), _objects(value, "custom_data")
    yield from _unsupported(signals)
    yield from (
        f"signals[{i}] 'name' is required" for i, each in signals.items() if not _is_given(each, "name")
    )
    yield from _named_twice(signals)
    for name in ("name", "value"):
        for place, entry in custom_data.items():
            if not _is_given(entry, name):
                yield f"'{name}' for custom_data[{place}] is required"


def _unsupported(signals: dict[int, dict[str, Any]]) -> Iterator[str]:
    names = {name: None for signal in signals.values() for name in signal}  # in the order of the request
    if unknown := [name for name in names if name not in ReportedSignalIn.model_fields]:
        yield f"The following params in 'signals' are not supported in this version: {', '.join(unknown)}"


def _named_twice(signals: dict[int, dict[str, Any]]) -> Iterator[str]:
    first: dict[tuple[str, str], int] = {}
    for place, signal in signals.items():
        if not _is_given(signal, "name"):
            continue
        unique_id = signal["partner_unique_id"] if _is_given(signal, "partner_unique_id") else ""
        earlier = first.setdefault((str(signal["name"]).lower(), str(unique_id)), place)
        if earlier != place:
            yield f"'name' for signals[{earlier}] and signals[{place}] must be unique"


def _objects(value: dict[str, Any], name: str) -> dict[int, dict[str, Any]]:
    """The objects of a list by their places, of as many as there may be; anything else parse tells."""
    entries = value.get(name)
    listed = entries[:MAX_SIGNALS] if isinstance(entries, list) else []
    return {place: entry for place, entry in enumerate(listed) if isinstance(entry, dict)}


def _is_given(entry: dict[str, Any], name: str) -> bool:
    return entry.get(name) not in NOT_GIVEN

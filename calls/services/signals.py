"""Signals and custom data of calls: handed in with a call, or reported of it later (network spec)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from calls import configured, finding
from calls.drafts import CallDraft, CustomDraft, SignalDraft
from calls.finding import Wanted
from calls.models import Call, CustomValue, ErasedCall, Signal
from partners.models import SubTenant
from zipingest import bulk, work
from zipingest.database import again_when_overtaken

MAX_SIGNALS = 100
_COLUMNS = ("name_id", "partner_unique_id", "occurred_at", "revenue", "value", "corrects_id")

# Which signal of a call a version is of: name and partner_unique_id.
_Key = tuple[int, str]


@dataclass(frozen=True, slots=True)
class NamedSignal:
    """A signal as somebody names it; without ``occurred_at`` it occurred as it was reported."""

    name: str
    value: bool = True
    partner_unique_id: str = ""
    occurred_at: datetime | None = None
    revenue: Decimal | None = None


@dataclass(frozen=True, slots=True)
class NamedValue:
    """What a field of custom data is to hold, as somebody names it."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Report:
    """What is said of a call at once: each signal (name and ``partner_unique_id``) once.

    ``at``: when it was said, which is now unless it says so.
    """

    signals: tuple[NamedSignal, ...] = ()
    custom_data: tuple[NamedValue, ...] = ()
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reported:
    """The signals of a report as they stand now, in its order."""

    call: Call
    signals: list[Signal]


class UnknownName(Exception):
    """The account has no such signal, or no such field: what stands at ``place`` of that part of a report."""

    def __init__(self, part: str, place: int) -> None:
        super().__init__(f"{part}[{place}]")
        self.part, self.place = part, place


class NoCallFound(Exception):
    """The account has no such call."""


class TooManySignals(Exception):
    """The call would have more than MAX_SIGNALS."""


# --- Calls just made --------------------------------------------------------------------------------------
def note_of_new(calls: Sequence[tuple[int, CallDraft]], now: datetime) -> None:
    """Write what the drafts say of calls just made, which come with their keys; part of that transaction."""
    bulk.insert_rows(
        Signal,
        ("call_id", "name_id", "partner_unique_id", "occurred_at", "value"),
        [
            (pk, signal.name_id, signal.partner_unique_id, signal.occurred_at or now, signal.value)
            for pk, draft in calls
            for signal in draft.signals
        ],
        same={"created_at": now},
    )
    bulk.insert_rows(
        CustomValue,
        ("call_id", "field_id", "value"),
        [(pk, custom.field_id, custom.value) for pk, draft in calls for custom in draft.custom_data],
        same={"changed_at": now},
    )


# --- Calls that are here ----------------------------------------------------------------------------------
@again_when_overtaken
def report(*, sub_tenant: SubTenant, wanted: Wanted, said: Report) -> Reported:
    """Note what is said of the call that is meant, all of it or nothing.

    A signal that differs from what we know of it is a new version, which corrects the one before it; the same
    once more changes nothing. Custom data replace what the field held. Raises UnknownName, NoCallFound and
    TooManySignals.

    Reports of one call wait for each other at its row; who still meets another one does it again.
    """
    drafts = _Drafts.of(sub_tenant, said)
    call = lock(finding.find(finding.open_calls(sub_tenant), wanted))
    if call is None:
        raise NoCallFound
    return Reported(call, _note(call, drafts, work.database_now()))


def note(*, call: Call, said: Report) -> None:
    """As :func:`report` of a call that is locked; part of that transaction.

    Has changed nothing where it raises UnknownName or TooManySignals.
    """
    _note(call, _Drafts.of(call.sub_tenant, said), work.database_now())


def lock(call_id: int | None) -> Call | None:
    """The call, its row locked until the transaction ends; None where there is none, or it was erased."""
    if call_id is None:
        return None
    call = Call.objects.select_for_update(no_key=True).filter(pk=call_id).first()
    # Asked once the row is ours: an erasure that it has waited for is seen.
    return None if ErasedCall.objects.filter(call=call_id).exists() else call


@dataclass(frozen=True, slots=True)
class _Drafts:
    """A report whose names were looked up."""

    signals: list[SignalDraft]
    custom_data: list[CustomDraft]
    at: datetime | None

    @classmethod
    def of(cls, sub_tenant: SubTenant, said: Report) -> "_Drafts":
        names = configured.signals_named(sub_tenant, [signal.name for signal in said.signals])
        fields = configured.fields_named(sub_tenant, [custom.name for custom in said.custom_data])
        _check_names("signals", said.signals, names)
        _check_names("custom_data", said.custom_data, fields)
        return cls(
            [_draft(names[signal.name], signal) for signal in said.signals],
            [CustomDraft(fields[custom.name], custom.value) for custom in said.custom_data],
            said.at,
        )


def _check_names(part: str, entries: Sequence[NamedSignal | NamedValue], known: Mapping[str, int]) -> None:
    for place, entry in enumerate(entries):
        if entry.name not in known:
            raise UnknownName(part, place)


def _draft(name_id: int, said: NamedSignal) -> SignalDraft:
    return SignalDraft(name_id, said.value, said.partner_unique_id, said.occurred_at, said.revenue)


def _note(call: Call, drafts: _Drafts, now: datetime) -> list[Signal]:
    """The signals of the drafts as they stand now, in their order."""
    signals = _note_signals(call.pk, drafts, now) if drafts.signals else []
    _note_custom_data(call.pk, drafts.custom_data, now)
    return signals


def _note_signals(call_id: int, drafts: _Drafts, now: datetime) -> list[Signal]:
    current = _current(call_id)
    changed = [draft for draft in drafts.signals if not _is_said(current.get(_key(draft)), draft)]
    added = sum(_key(draft) not in current for draft in changed)
    if added and len(current) + added > MAX_SIGNALS:
        raise TooManySignals
    if changed:
        _supersede([current[_key(draft)] for draft in changed if _key(draft) in current])
        rows = [_version(draft, current.get(_key(draft)), drafts.at or now) for draft in changed]
        bulk.insert_rows(Signal, _COLUMNS, rows, same={"call_id": call_id, "created_at": now})
        current = _current(call_id)
    return [current[_key(draft)] for draft in drafts.signals]


def _current(call_id: int) -> dict[_Key, Signal]:
    signals = Signal.objects.filter(call=call_id, is_current=True).select_related("name", "corrects")
    return {_key(signal): signal for signal in signals}


def _key(signal: Signal | SignalDraft) -> _Key:
    return signal.name_id, signal.partner_unique_id


def _is_said(known: Signal | None, draft: SignalDraft) -> bool:
    """Whether ``known`` says what the draft does; of when it occurred, a draft may say nothing."""
    return (
        known is not None
        and (known.value, known.revenue) == (draft.value, draft.revenue)
        and draft.occurred_at in (None, known.occurred_at)
    )


def _supersede(signals: Sequence[Signal]) -> None:
    Signal.objects.filter(pk__in=[signal.pk for signal in signals]).update(is_current=False)


def _version(draft: SignalDraft, before: Signal | None, said_at: datetime) -> bulk.Row:
    """A row of _COLUMNS. A correction that does not say when it occurred leaves that as it was."""
    return (
        draft.name_id,
        draft.partner_unique_id,
        draft.occurred_at or (before.occurred_at if before else said_at),
        None if draft.revenue is None else str(draft.revenue),
        draft.value,
        before.pk if before else None,
    )


def _note_custom_data(call_id: int, drafts: Sequence[CustomDraft], now: datetime) -> None:
    """Of a field that is named twice the last value holds."""
    wanted = {draft.field_id: draft.value for draft in drafts}
    if not wanted:
        return
    held = CustomValue.objects.filter(call=call_id, field__in=wanted).order_by()
    known = set(held.values_list("field_id", "value"))
    CustomValue.objects.bulk_create(
        [
            CustomValue(call_id=call_id, field_id=field_id, value=value, changed_at=now)
            for field_id, value in wanted.items()
            if (field_id, value) not in known
        ],
        update_conflicts=True,
        unique_fields=["call", "field"],
        update_fields=["value", "changed_at"],
    )

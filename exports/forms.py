"""What people order on the exports page: the library's filter, of a period that is named and not too long."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils import timezone

from calls.filters import RecordingFilter
from calls.forms import Option, RecordingsForm, agent_label, signal_choice
from calls.models import Agent, DispositionCode
from partners.models import SubTenant

MAX_DAYS = 31
MOST_SELECTED = 1000
# So many choices are listed of those that a search finds.
MOST_LISTED = 20
_USUAL_DAYS = 7


class OrderForm(RecordingsForm):
    """An order by filter; days are both inclusive.

    ``include_signals``: whether the manifest is to have signals and custom data as further columns; ``tell``:
    whether a mail is wanted when it has ended.
    """

    include_signals = forms.BooleanField(required=False)
    tell = forms.BooleanField(required=False)

    def __init__(self, data: QueryDict, account: SubTenant) -> None:
        super().__init__(data, account)
        for name in ("phone", "text"):
            del self.fields[name]
        for name, which in (("date_from", "first"), ("date_to", "last")):
            self.fields[name].required = True
            self.fields[name].error_messages["required"] = f"Choose the {which} day."

    def clean(self) -> dict[str, Any]:
        cleaned = {**super().clean(), "phone": "", "text": ""}
        first, last = cleaned.get("date_from"), cleaned.get("date_to")
        if first and last and last - first >= timedelta(days=MAX_DAYS):
            days = (last - first).days + 1
            self.add_error("date_to", f"At most {MAX_DAYS} days fit in one export; these are {days:,}.")
        return cleaned

    def wrong(self) -> list[str]:
        """What is wrong with it, a sentence each."""
        return [str(message) for messages in self.errors.values() for message in messages]

    def agents(self, search: str = "") -> list[Option]:
        """Those chosen, then the first by name whose name has ``search`` in it or whose number begins so."""
        rows = Agent.objects.filter(sub_tenant=self._account).order_by("name", "external_id", "pk")
        if search:
            number = Q(extension__startswith=search) | Q(external_id__startswith=search)
            rows = rows.filter(Q(name__icontains=search) | number)
        return self._listed("agent", rows, "pk", agent_label)

    def dispositions(self, search: str = "") -> list[Option]:
        """Those chosen, then the first in order that have ``search`` in them or in their label."""
        rows = DispositionCode.objects.filter(sub_tenant=self._account).order_by("code")
        if search:
            rows = rows.filter(Q(code__icontains=search) | Q(label__icontains=search))
        return self._listed("disposition", rows, "code", _code_label)

    def _listed(
        self, field: str, found: QuerySet[Any], key: str, label: Callable[[Any], str]
    ) -> list[Option]:
        chosen = {row.pk: row for row in self.cleaned_data.get(field, ())}
        rows = chosen | {row.pk: row for row in found[:MOST_LISTED]}
        return [Option(str(getattr(row, key)), label(row), row.pk in chosen) for row in rows.values()]


def with_usual_period(asked: QueryDict) -> QueryDict:
    """What was asked, of the last seven days where it names neither day."""
    if asked.get("date_from") or asked.get("date_to"):
        return asked
    today, asked = timezone.localdate(), asked.copy()
    asked["date_from"] = (today - timedelta(days=_USUAL_DAYS - 1)).isoformat()
    asked["date_to"] = today.isoformat()
    return asked


def criteria_of(wanted: RecordingFilter, *, include_signals: bool = False) -> dict[str, Any]:
    """The filter as an order remembers it: the body of the same order by machine."""
    signalled = {
        "signal_id": wanted.signal_id,
        "signal_value": None if wanted.signal_id is None else wanted.signal_value,
        "custom_field_id": wanted.custom_field_id,
        "custom_value": wanted.custom_value or None,
        "include_signals": include_signals or None,
    }
    return {
        "date_from": _utc(wanted.date_from),
        "date_to": _utc(wanted.date_to),
        "campaign_id": wanted.campaign_id,
        "agent_ids": list(wanted.agent_ids) or None,
        "disposition_codes": list(wanted.disposition_codes) or None,
        **{name: value for name, value in signalled.items() if value is not None},
    }


def query_of(criteria: Mapping[str, Any]) -> str:
    """The query string that fills the form in with what an order remembers; empty without a period."""
    if not criteria.get("date_from") or not criteria.get("date_to"):
        return ""
    days = {name: _day(criteria[name]) for name in ("date_from", "date_to")}
    asked = {
        **days,
        "campaign": criteria.get("campaign_id"),
        "agent": criteria.get("agent_ids"),
        "disposition": criteria.get("disposition_codes"),
        "signal": _signal(criteria),
        "custom_field": criteria.get("custom_field_id"),
        "custom_value": criteria.get("custom_value"),
        "include_signals": "on" if criteria.get("include_signals") else "",
    }
    return urlencode({name: value for name, value in asked.items() if value}, doseq=True)


def selected(asked: QueryDict) -> list[UUID]:
    """The calls that a selection names; what is no uuid names none."""
    return [uuid for uuid in map(_uuid, asked.getlist("uuid")[:MOST_SELECTED]) if uuid]


def _signal(criteria: Mapping[str, Any]) -> str:
    signal = criteria.get("signal_id")
    return "" if signal is None else signal_choice(signal, met=criteria.get("signal_value", True))


def _day(when: str) -> str:
    return timezone.localdate(datetime.fromisoformat(when)).isoformat()


def _utc(when: datetime | None) -> str | None:
    return when.astimezone(UTC).isoformat().replace("+00:00", "Z") if when else None


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _code_label(code: DispositionCode) -> str:
    return f"{code.code} ({code.label})" if code.label and code.label != code.code else code.code

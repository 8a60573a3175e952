"""Which recordings are meant: one filter for the lists and for exports (telesales spec)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Model

from calls.models import Agent, Campaign, CustomField, DispositionCode, SignalName
from partners.models import SubTenant


@dataclass(frozen=True, slots=True)
class RecordingFilter:
    """Calls of an account that started between ``date_from`` and ``date_to``, both inclusive.

    What is None or empty leaves a field unfiltered. ``agent_ids`` and ``campaign_id`` are our rows' ids;
    ``phone`` and ``agent_name`` are beginnings, and so is ``text``: of a call's id, the number, an agent's
    name or extension. In names, capital and small letters are one.

    ``signal_id``: of calls on which that signal was met at least once; where ``signal_value`` is False, on
    which it was reported and never met. ``custom_field_id``: of calls of which that field holds
    ``custom_value``, or anything where it is empty; a value alone may stand in any field of the account.
    """

    sub_tenant: SubTenant
    date_from: datetime | None = None
    date_to: datetime | None = None
    agent_ids: tuple[int, ...] = ()
    campaign_id: int | None = None
    disposition_codes: tuple[str, ...] = ()
    phone: str = ""
    agent_name: str = ""
    text: str = ""
    signal_id: int | None = None
    signal_value: bool = True
    custom_field_id: int | None = None
    custom_value: str = ""


def unknown_in(wanted: RecordingFilter) -> dict[str, list[str]]:
    """What the filter names that the account does not have, by field; at most one query each of five."""
    named: dict[str, tuple[Iterable[Any], type[Model], str]] = {
        "agent_ids": (wanted.agent_ids, Agent, "pk"),
        "campaign_id": (_given(wanted.campaign_id), Campaign, "pk"),
        "disposition_codes": (wanted.disposition_codes, DispositionCode, "code"),
        "signal_id": (_given(wanted.signal_id), SignalName, "pk"),
        "custom_field_id": (_given(wanted.custom_field_id), CustomField, "pk"),
    }
    unknown = {
        field: _missing(names, model._default_manager.filter(sub_tenant=wanted.sub_tenant), column)
        for field, (names, model, column) in named.items()
    }
    return {field: names for field, names in unknown.items() if names}


def _given(pk: int | None) -> tuple[int, ...]:
    return () if pk is None else (pk,)


def _missing(named: Iterable[Any], rows: Any, column: str) -> list[str]:
    wanted = list(dict.fromkeys(named))
    if not wanted:
        return []
    known = set(rows.filter(**{f"{column}__in": wanted}).values_list(column, flat=True))
    return [str(name) for name in wanted if name not in known]

"""Which recordings are meant: one filter for the lists and for exports (telesales spec)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from calls.models import Agent, Campaign, DispositionCode
from partners.models import SubTenant


@dataclass(frozen=True, slots=True)
class RecordingFilter:
    """Calls of an account that started between ``date_from`` and ``date_to``, both inclusive.

    What is None or empty leaves a field unfiltered. ``agent_ids`` and ``campaign_id`` are our rows' ids;
    ``phone`` and ``agent_name`` are beginnings, and so is ``text``: of a call's id, the number, an agent's
    name or extension. In names, capital and small letters are one.
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


def unknown_in(wanted: RecordingFilter) -> dict[str, list[str]]:
    """What the filter names that the account does not have, by field; at most one query each of three."""
    account = wanted.sub_tenant
    campaigns = () if wanted.campaign_id is None else (wanted.campaign_id,)
    unknown = {
        "agent_ids": _missing(wanted.agent_ids, Agent.objects.filter(sub_tenant=account), "pk"),
        "campaign_id": _missing(campaigns, Campaign.objects.filter(sub_tenant=account), "pk"),
        "disposition_codes": _missing(
            wanted.disposition_codes, DispositionCode.objects.filter(sub_tenant=account), "code"
        ),
    }
    return {field: names for field, names in unknown.items() if names}


def _missing(named: Iterable[Any], rows: Any, column: str) -> list[str]:
    wanted = list(dict.fromkeys(named))
    if not wanted:
        return []
    known = set(rows.filter(**{f"{column}__in": wanted}).values_list(column, flat=True))
    return [str(name) for name in wanted if name not in known]

"""How pages and mails speak of an export: what was asked, how it stands, what it left out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from django.db.models import Model, QuerySet
from django.utils.dateformat import format as date_text
from django.utils.timezone import localtime

from calls.models import Agent, Campaign, CustomField, SignalName
from exports.models import ExportJob, ExportStatus

DAY = "j M Y"
MOMENT = "j M Y, H:i"
# The tone that goes with a state (a class of the pages and of the console's labels); empty is neutral.
TONES = {
    ExportStatus.QUEUED: "info",
    ExportStatus.RUNNING: "info",
    ExportStatus.READY: "success",
    ExportStatus.FAILED: "danger",
    ExportStatus.CANCELLED: "",
    ExportStatus.EXPIRED: "",
}
_MOST_NAMED = 3
_LAST_SECOND = time(23, 59, 59)


@dataclass(frozen=True, slots=True)
class _Names:
    """Of what some exports name, by id."""

    agents: dict[int, str]
    campaigns: dict[int, str]
    signals: dict[int, str]
    fields: dict[int, str]


def asked(jobs: Sequence[ExportJob]) -> dict[int, str]:
    """What was asked for, by the job's pk; times in the current zone. At most four queries."""
    names = _names(jobs)
    return {job.pk: _asked(job.criteria, names) for job in jobs}


def moment(when: datetime | None) -> str:
    """In the current zone, to the minute; empty for None."""
    return date_text(localtime(when), MOMENT) if when else ""


def counted(number: int, one: str, many: str = "") -> str:
    """``1 recording``, ``2,000 recordings``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def left_out(expired: int, missing: int) -> str:
    """Why so many calls are not in a ZIP: ``3 past the retention period, 1 without a stored recording``."""
    parts = ((expired, "past the retention period"), (missing, "without a stored recording"))
    return ", ".join(f"{number:,} {why}" for number, why in parts if number)


def _asked(criteria: dict[str, Any], names: _Names) -> str:
    if "supplement_of" in criteria:
        return "What an earlier export left out"
    if "uuids" in criteria:
        return counted(len(criteria["uuids"]), "selected call")
    parts = [_period(criteria), *_narrowed(criteria, names)]
    return ", ".join(part for part in parts if part) or "All calls"


def _narrowed(criteria: dict[str, Any], names: _Names) -> Iterable[str]:
    campaign = criteria.get("campaign_id")
    if campaign is not None:
        yield f"campaign {names.campaigns.get(campaign, campaign)}"
    if agents := criteria.get("agent_ids"):
        yield _few("agent", [names.agents.get(agent, f"no. {agent}") for agent in agents])
    if codes := criteria.get("disposition_codes"):
        yield _few("disposition", codes)
    signal = criteria.get("signal_id")
    if signal is not None:
        met = "met" if criteria.get("signal_value", True) else "not met"
        yield f"signal {names.signals.get(signal, signal)} {met}"
    yield _custom(criteria, names)


def _custom(criteria: dict[str, Any], names: _Names) -> str:
    """``custom data “West”``, ``Region “West”``, ``any Region``."""
    field, value = criteria.get("custom_field_id"), criteria.get("custom_value")
    name = "custom data" if field is None else names.fields.get(field, f"custom-data field {field}")
    if value:
        return f"{name} “{value}”"
    return "" if field is None else f"any {name}"


def _few(noun: str, names: Sequence[str]) -> str:
    shown, more = names[:_MOST_NAMED], len(names) - _MOST_NAMED
    text = f"{noun if len(names) == 1 else noun + 's'} {', '.join(shown)}"
    return f"{text} and {more:,} more" if more > 0 else text


def _period(criteria: dict[str, Any]) -> str:
    if not criteria.get("date_from") or not criteria.get("date_to"):
        return ""
    first = localtime(datetime.fromisoformat(criteria["date_from"]))
    last = localtime(datetime.fromisoformat(criteria["date_to"]))
    if _are_whole_days(first, last):
        return _days(first, last)
    return f"{date_text(first, MOMENT)} to {date_text(last, MOMENT)}"


def _days(first: datetime, last: datetime) -> str:
    """``3 May 2026``, ``3 to 9 May 2026``, ``28 Apr to 3 May 2026``, ``28 Dec 2025 to 3 Jan 2026``."""
    end = date_text(last, DAY)
    if first.date() == last.date():
        return end
    if first.year != last.year:
        return f"{date_text(first, DAY)} to {end}"
    return f"{date_text(first, 'j' if first.month == last.month else 'j M')} to {end}"


def _are_whole_days(first: datetime, last: datetime) -> bool:
    return first.time() == time.min and last.time() >= _LAST_SECOND


def _names(jobs: Sequence[ExportJob]) -> _Names:
    agents = {agent for job in jobs for agent in (job.criteria.get("agent_ids") or ())[:_MOST_NAMED]}
    return _Names(
        _named(Agent.objects.all(), agents),
        _named(Campaign.objects.all(), _of(jobs, "campaign_id")),
        _named(SignalName.objects.all(), _of(jobs, "signal_id")),
        _named(CustomField.objects.all(), _of(jobs, "custom_field_id")),
    )


def _of(jobs: Sequence[ExportJob], field: str) -> set[int]:
    return {job.criteria[field] for job in jobs if job.criteria.get(field) is not None}


def _named(rows: QuerySet[Any, Any], pks: set[int]) -> dict[int, str]:
    found: dict[int, Model] = rows.in_bulk(pks)
    return {pk: str(row) for pk, row in found.items()}

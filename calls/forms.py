"""What people look for on the pages: the recordings' filter, in days of the viewer's zone."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Model, QuerySet
from django.http import QueryDict
from django.utils import timezone
from django.utils.functional import cached_property

from calls.filters import RecordingFilter
from calls.models import Agent, Campaign, CustomField, DispositionCode, SignalName
from partners.models import SubTenant

# Nobody reads a longer list; the text field finds the agents that are not in it.
MOST_OPTIONS = 500

_KEY = re.compile(r"\d{1,18}", re.ASCII)
_DAYS = "Enter a day between 1970 and 2100."
_BETWEEN = [MinValueValidator(date(1970, 1, 1), _DAYS), MaxValueValidator(date(2100, 1, 1), _DAYS)]
_NO_DAY = {"invalid": "Enter a day as year-month-day, such as 2026-06-30."}


class _Day(forms.DateField):
    def __init__(self) -> None:
        super().__init__(
            required=False, input_formats=["%Y-%m-%d"], error_messages=_NO_DAY, validators=_BETWEEN
        )


if TYPE_CHECKING:
    _One = forms.ModelChoiceField[Model]
    _Several = forms.ModelMultipleChoiceField[Model]
else:
    # Django's own take no type between brackets.
    _One, _Several = forms.ModelChoiceField, forms.ModelMultipleChoiceField


class _Agents(_Several):
    def clean(self, value: Any) -> Any:
        # SQLite takes no longer number, and says so by an error of its own.
        for key in value or ():
            if not _KEY.fullmatch(key):
                raise forms.ValidationError(self.error_messages["invalid_choice"], params={"value": key})
        return super().clean(value)

    def label_from_instance(self, obj: Model) -> str:
        return agent_label(cast(Agent, obj))


class _SignalMet(_One):
    """What :func:`signal_choice` writes; cleans to the signal and whether it is to be met, or to None."""

    def clean(self, value: Any) -> tuple[SignalName, bool] | None:
        key, _, met = (value or "").partition("-")
        if met not in ("", "no"):
            raise forms.ValidationError(self.error_messages["invalid_choice"])
        signal = cast("SignalName | None", super().clean(key))
        return (signal, not met) if signal else None


@dataclass(frozen=True, slots=True)
class Option:
    """One of a field's choices: what is sent, how it reads, and whether it is chosen."""

    value: str
    label: str
    is_chosen: bool


class RecordingsForm(forms.Form):
    """The filter of the account's recordings; nothing is required, and days are both inclusive.

    ``data`` is the query string: ``agent`` and ``disposition`` any number of times, every other field once.
    ``own``: of one agent, who is not asked which.
    """

    date_from = _Day()
    date_to = _Day()
    campaign = forms.ModelChoiceField(
        Campaign.objects.none(),
        required=False,
        error_messages={"invalid_choice": "There is no such campaign."},
    )
    agent = _Agents(
        Agent.objects.none(),
        required=False,
        error_messages={"invalid_choice": "There is no agent %(value)s."},
    )
    disposition = forms.ModelMultipleChoiceField(
        DispositionCode.objects.none(),
        required=False,
        to_field_name="code",
        error_messages={"invalid_choice": "There is no disposition %(value)s."},
    )
    signal = _SignalMet(
        SignalName.objects.none(),
        required=False,
        error_messages={"invalid_choice": "There is no such signal."},
    )
    custom_field = forms.ModelChoiceField(
        CustomField.objects.none(),
        required=False,
        error_messages={"invalid_choice": "There is no such field."},
    )
    custom_value = forms.CharField(required=False, max_length=255)
    phone = forms.CharField(required=False, max_length=32)
    text = forms.CharField(required=False, max_length=255)

    def __init__(self, data: QueryDict, account: SubTenant, *, own: bool = False) -> None:
        super().__init__(data)
        self._account = account
        self._asked = data
        self._rows("campaign", Campaign.objects.filter(sub_tenant=account))
        self._rows("agent", Agent.objects.filter(sub_tenant=account).order_by("name", "external_id"))
        self._rows("disposition", DispositionCode.objects.filter(sub_tenant=account).order_by("code"))
        self._rows("signal", SignalName.objects.filter(sub_tenant=account))
        self._rows("custom_field", CustomField.objects.filter(sub_tenant=account))
        if own:
            del self.fields["agent"]

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        first, last = cleaned.get("date_from"), cleaned.get("date_to")
        if first and last and last < first:
            self.add_error("date_to", "The last day is before the first.")
        return cleaned

    def filter(self) -> RecordingFilter:
        """What a valid form asks for, with days as they are in the current zone."""
        asked = self.cleaned_data
        campaign, custom_field = asked["campaign"], asked["custom_field"]
        signal, met = asked["signal"] or (None, True)
        return RecordingFilter(
            sub_tenant=self._account,
            date_from=_beginning(asked["date_from"]) if asked["date_from"] else None,
            date_to=_end(asked["date_to"]) if asked["date_to"] else None,
            agent_ids=tuple(agent.pk for agent in asked.get("agent", ())),
            campaign_id=campaign.pk if campaign else None,
            disposition_codes=tuple(code.code for code in asked["disposition"]),
            phone=asked["phone"],
            text=asked["text"],
            signal_id=signal.pk if signal else None,
            signal_value=met,
            custom_field_id=custom_field.pk if custom_field else None,
            custom_value=asked["custom_value"],
        )

    def query(self, *names: str) -> str:
        """The query string that asks the same, without what is empty; ``names``: of these fields alone."""
        fields = names or tuple(self.fields)
        return urlencode(
            [(name, value) for name in fields for value in self._asked.getlist(name) if value.strip()]
        )

    def campaigns(self) -> list[Option]:
        return self._options("campaign", "pk", self._chosen("campaign"))

    def agents(self) -> list[Option]:
        """The first of the account in order of their names, behind those that are chosen."""
        return self._options("agent", "pk", self._chosen("agent"))

    def chosen_agents(self) -> str:
        return self._in_words("agent")

    def chosen_dispositions(self) -> str:
        return self._in_words("disposition")

    def dispositions(self) -> list[Option]:
        return self._options("disposition", "code", self._chosen("disposition"))

    @cached_property
    def signals(self) -> list[Option]:
        """Each of the account's twice, met and not met: said first, as a narrow field cuts the end."""
        chosen = self.cleaned_data.get("signal")
        signals = self._offered("signal", [chosen[0]] if chosen else [])
        return [
            Option(signal_choice(signal.pk, met=met), f"{words}: {signal}", chosen == (signal, met))
            for met, words in ((True, "Met"), (False, "Not met"))
            for signal in signals
        ]

    @cached_property
    def custom_fields(self) -> list[Option]:
        return self._options("custom_field", "pk", self._chosen("custom_field"))

    def _rows(self, name: str, rows: QuerySet[Any]) -> None:
        cast(_One, self.fields[name]).queryset = rows

    def _chosen(self, name: str) -> list[Model]:
        value = self.cleaned_data.get(name)
        return [value] if isinstance(value, Model) else list(value or ())

    def _in_words(self, name: str) -> str:
        chosen = self._chosen(name)
        one = cast(_One, self.fields[name]).label_from_instance(chosen[0]) if chosen else "Any"
        return one if len(chosen) < 2 else f"{len(chosen)} chosen"

    def _options(self, name: str, key: str, chosen: Collection[Model]) -> list[Option]:
        label = cast(_One, self.fields[name]).label_from_instance
        return [
            Option(str(getattr(row, key)), label(row), row in chosen) for row in self._offered(name, chosen)
        ]

    def _offered(self, name: str, chosen: Collection[Model]) -> list[Model]:
        """The first of the field's rows, behind those that are chosen."""
        rows = (cast(_One, self.fields[name]).queryset or ())[:MOST_OPTIONS]
        return list(dict.fromkeys((*chosen, *rows)))


def signal_choice(pk: int, *, met: bool) -> str:
    """How the form names a signal: by its primary key, which is followed by ``-no`` for "not met"."""
    return f"{pk}" if met else f"{pk}-no"


def agent_label(agent: Agent) -> str:
    """The name, and the extension that tells agents of one name apart."""
    number = agent.extension or agent.external_id
    return f"{agent.name} ({number})" if agent.name else number


def _beginning(day: date) -> datetime:
    return datetime.combine(day, time.min, timezone.get_current_timezone())


def _end(day: date) -> datetime:
    """The last instant of the day; days are not always 24 hours long."""
    return _beginning(day + timedelta(days=1)) - timedelta(microseconds=1)

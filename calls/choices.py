"""Fields that choose one of an account's rows: any is taken, the first of a long list are offered."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.db.models import Model, QuerySet

from calls.forms import MOST_OPTIONS, agent_label
from calls.models import Agent

if TYPE_CHECKING:
    Choice = forms.ModelChoiceField[Any]
else:  # Django's own takes no type arguments
    Choice = forms.ModelChoiceField


class AgentField(Choice):
    def label_from_instance(self, obj: Model) -> str:
        return agent_label(cast(Agent, obj))


def offer(form: forms.Form, name: str, rows: QuerySet[Any], *, first: Iterable[Model] = ()) -> None:
    """Let the form's field take one of ``rows``; ``first`` are offered in any case."""
    field = cast(Choice, form.fields[name])
    field.queryset = rows
    offered = {row.pk: row for row in (*first, *rows[:MOST_OPTIONS])}
    named = [(pk, field.label_from_instance(row)) for pk, row in offered.items()]
    field.choices = [("", field.empty_label or ""), *named]

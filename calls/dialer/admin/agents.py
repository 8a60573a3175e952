"""Voice agents and what they must know, calling numbers, and how an account is dialled for."""

import json
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from calls.admin.filters import AccountFilter
from calls.dialer.models import CallingNumber, DialerAccount, VoiceAgent
from calls.dialer.records import MOST_NAME, PHONE_FIELD
from calls.dialer.services import agents
from partners.admin.base import ConsoleAdmin
from partners.admin.toolkit import ModelForm, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget
from zipingest.api.body import unstorable
from zipingest.phones import compact, must_be_e164

TYPES = ("string", "number", "boolean")
MOST_VARIABLES = 100
_EXAMPLE = '[{"key": "account_id", "required": true, "type": "string"}]'


class VariablesField(forms.JSONField):
    """A list of ``{"key", "required", "type"}``; what is left out is not required, and a string."""

    def __init__(self, **kwargs: Any) -> None:
        widget = UnfoldAdminTextareaWidget(
            attrs={"rows": 10, "spellcheck": "false", "placeholder": _EXAMPLE, "class": "font-mono"}
        )
        super().__init__(required=False, widget=widget, **kwargs)

    def bound_data(self, data: Any, initial: Any) -> Any:
        """What is wrong is shown as it was typed."""
        return initial if self.disabled else data

    def prepare_value(self, value: Any) -> Any:
        """One variable a line, its parts in one order: PostgreSQL keeps none."""
        if not isinstance(value, list):
            return value
        lines = ",\n  ".join(json.dumps(_ordered(each), ensure_ascii=False) for each in value)
        return f"[\n  {lines}\n]" if lines else "[]"

    def clean(self, value: Any) -> list[dict[str, Any]]:
        given = super().clean(value)
        if given is None:
            return []
        if not isinstance(given, list):
            raise ValidationError(f"This is not a list, like {_EXAMPLE}.")
        if len(given) > MOST_VARIABLES:
            raise ValidationError(f"These are more than {MOST_VARIABLES} variables.")
        if problems := [problem for place, each in enumerate(given, 1) for problem in _problems(place, each)]:
            raise ValidationError(problems)
        variables = [{"required": False, "type": "string", **each} for each in given]
        keys = [each["key"] for each in variables]
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise ValidationError(f"More than one variable is called {', '.join(twice)}.")
        return [{name: each[name] for name in ("key", "required", "type")} for each in variables]


def _problems(place: int, given: Any) -> list[str]:
    """What is wrong with a variable, as sentences that say which."""
    if not isinstance(given, dict):
        return [f"Variable {place} is not an object."]
    problems = [f"Variable {place} has an unknown part: {name}." for name in given if name not in _PARTS]
    key = given.get("key")
    if not isinstance(key, str) or not key.strip() or len(key) > MOST_NAME or unstorable(key):
        problems.append(f"Variable {place} needs a key, a text of up to {MOST_NAME} characters.")
    elif key == PHONE_FIELD:
        problems.append(f"Variable {place}: {PHONE_FIELD} is the contact's own, and always required.")
    if not isinstance(given.get("required", False), bool):
        problems.append(f"Variable {place}: required is true or false.")
    if given.get("type", "string") not in TYPES:
        problems.append(f"Variable {place}: type is {', '.join(TYPES[:-1])} or {TYPES[-1]}.")
    return problems


def _ordered(variable: dict[str, Any]) -> dict[str, Any]:
    return {name: variable[name] for name in (*_PARTS, *variable) if name in variable}


_PARTS = ("key", "required", "type")


class AgentForm(ModelForm):
    variables = VariablesField(
        help_text="What it must know of a contact, as JSON: a list of objects with key, required (true or "
        "false) and type (string, number or boolean). Contacts without a required one are refused."
    )

    class Meta:
        model = VoiceAgent
        fields = ("sub_tenant", "name", "language", "variables")
        help_texts: ClassVar = {
            "sub_tenant": "It cannot be changed later.",
            "name": "As the library shows it of its calls.",
            "language": "Such as en-US.",
        }

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        account = self.cleaned_data.get("sub_tenant") or getattr(self.instance, "sub_tenant", None)
        others = VoiceAgent.objects.filter(sub_tenant=account, name=name).exclude(pk=self.instance.pk)
        if account and others.exists():
            raise ValidationError("Another agent of the sub-tenant has this name.")
        return name


class _OfAccount(ConsoleAdmin):
    """What belongs to an account, and stays there."""

    list_select_related: ClassVar[tuple[str, ...]] = ("sub_tenant__tenant",)
    list_filter = (AccountFilter,)
    raw_id_fields: ClassVar[tuple[str, ...]] = ("sub_tenant",)
    fixed: ClassVar[tuple[str, ...]] = ("sub_tenant",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*self.fixed, *super().get_readonly_fields(request, obj)) if obj else ()


@admin.register(VoiceAgent)
class VoiceAgentAdmin(_OfAccount):
    """Who speaks in dialled calls. The schema of its variables decides which contacts are taken."""

    form = AgentForm
    list_display = ("name", "sub_tenant", "language", "wanted", "speaks_for", "created_at")
    search_fields = ("name",)
    search_help_text = "Name"
    fields = AgentForm.Meta.fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[VoiceAgent]:
        found: QuerySet[VoiceAgent] = super().get_queryset(request)
        return found.prefetch_related("numbers")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        agents.save(agent=obj)

    @admin.display(description="variables")
    def wanted(self, agent: VoiceAgent) -> SafeString | str:
        """Those that are required in full, the others in brackets."""
        names = ((each["key"] if each["required"] else f"({each['key']})",) for each in agent.variables[:8])
        more = ", …" if len(agent.variables) > 8 else ""
        return format_html("{}{}", format_html_join(", ", "{}", names), more)

    @admin.display(description="speaks for")
    def speaks_for(self, agent: VoiceAgent) -> str:
        return ", ".join(number.phone for number in agent.numbers.all())


class NumberForm(ModelForm):
    # Longer than what is stored: people write numbers with blanks and brackets.
    phone = forms.CharField(
        max_length=32,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "type": "tel"}),
        help_text="E.164, such as +12125551001. It cannot be changed later.",
    )

    class Meta:
        model = CallingNumber
        fields = ("sub_tenant", "phone", "agent", "most_at_once")
        help_texts: ClassVar = {
            "sub_tenant": "It cannot be changed later.",
            "agent": "Who speaks in calls from it; without one, nobody is called from it.",
        }

    def clean_phone(self) -> str:
        phone = compact(self.cleaned_data["phone"])
        must_be_e164(phone)
        account = self.cleaned_data.get("sub_tenant")
        if account and CallingNumber.objects.filter(sub_tenant=account, phone=phone).exists():
            raise ValidationError("The sub-tenant has this number already.")
        return phone

    def clean_agent(self) -> VoiceAgent | None:
        agent: VoiceAgent | None = self.cleaned_data["agent"]
        account = self.cleaned_data.get("sub_tenant") or getattr(self.instance, "sub_tenant", None)
        if agent and account and agent.sub_tenant_id != account.pk:
            raise ValidationError("This agent belongs to another sub-tenant.")
        return agent


@admin.register(CallingNumber)
class CallingNumberAdmin(_OfAccount):
    """Numbers that calls are made from. The id is what batches name."""

    form = NumberForm
    list_display = ("phone", "public_id", "sub_tenant", "agent", "at_once", "created_at")
    list_select_related: ClassVar[tuple[str, ...]] = ("sub_tenant__tenant", "agent")
    search_fields = ("phone", "public_id")
    search_help_text = "Number or id"
    raw_id_fields: ClassVar[tuple[str, ...]] = ("sub_tenant", "agent")
    fixed = ("sub_tenant", "phone", "public_id", "created_at")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("public_id", *NumberForm.Meta.fields, "created_at") if obj else NumberForm.Meta.fields

    @admin.display(description="calls at once")
    def at_once(self, number: CallingNumber) -> str:
        return _cap(number.most_at_once)


@admin.register(DialerAccount)
class DialerAccountAdmin(_OfAccount):
    """An account without a row is dialled for as a new row says: in UTC, without a cap of its own."""

    list_display = ("sub_tenant", "time_zone", "at_once")
    search_fields = ("sub_tenant__name",)
    search_help_text = "Name of the sub-tenant"
    fields = ("sub_tenant", "time_zone", "most_at_once")

    @admin.display(description="calls at once")
    def at_once(self, account: DialerAccount) -> str:
        return _cap(account.most_at_once)


def _cap(most: int | None) -> str:
    return str(most) if most else "the installation's"

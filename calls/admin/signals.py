import json
from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Lower
from django.forms import ValidationError
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from calls.admin.filters import AccountFilter
from calls.admin.parts import DeletableAdmin, is_used
from calls.models import Call, CustomField, CustomValue, PendingTransaction, Signal, SignalName
from partners.admin.base import (
    ReadOnlyAdmin,
    ReadOnlyInline,
    badge,
    exactly,
    link,
    moment,
    preformatted,
    unbroken,
)
from partners.admin.toolkit import ModelForm


# --- Names ------------------------------------------------------------------------------------------------
class SignalNameForm(ModelForm):
    class Meta:
        model = SignalName
        fields = ("sub_tenant", "name")
        help_texts: ClassVar = {
            "sub_tenant": "It cannot be changed once a call has the signal.",
            "name": "What requests call it, in capital or small letters. "
            "It cannot be changed once a call has the signal.",
        }

    def clean_name(self) -> str:
        # The database compares, as its unique index does.
        same = Q(lower=Lower(Value(self.cleaned_data["name"])))
        return _own_name(self, same, "The sub-tenant has a signal of this name already.")


class CustomFieldForm(ModelForm):
    class Meta:
        model = CustomField
        fields = ("sub_tenant", "name", "label")
        help_texts: ClassVar = {
            "sub_tenant": "It cannot be changed once a call has a value for the field.",
            "name": "What requests call it. It cannot be changed once a call has a value for the field.",
            "label": "How people read it; empty is the name.",
        }

    def clean_name(self) -> str:
        same = Q(name=self.cleaned_data["name"])
        return _own_name(self, same, "The sub-tenant has a field of this name already.")


def _own_name(form: ModelForm, same: Q, taken: str) -> str:
    """The form's name, unless another of the account is the same."""
    others = type(form.instance)._default_manager.alias(lower=Lower("name")).exclude(pk=form.instance.pk)
    if others.filter(same, sub_tenant=form.cleaned_data.get("sub_tenant")).exists():
        raise ValidationError(taken)
    name: str = form.cleaned_data["name"]
    return name


class NameAdmin(DeletableAdmin):
    """Names that requests use; the calls that have one say what it was."""

    list_select_related = ("sub_tenant__tenant",)
    list_filter = (AccountFilter,)
    search_fields = ("name",)
    search_help_text = "Name"
    raw_id_fields = ("sub_tenant",)
    fixed_in_use = ("sub_tenant", "name")
    in_use = "Calls have it, so that it can be neither deleted nor moved to another sub-tenant."

    @admin.display(description="has calls", boolean=True)
    def used(self, name: Any) -> bool:
        return is_used(name)


@admin.register(SignalName)
class SignalNameAdmin(NameAdmin):
    form = SignalNameForm
    list_display = ("name", "sub_tenant", "used", "created_at")
    fields = ("sub_tenant", "name")
    # Of a call's versions one is current: only those have an index by name.
    uses = (Signal.objects.filter(is_current=True), "name_id")


@admin.register(CustomField)
class CustomFieldAdmin(NameAdmin):
    form = CustomFieldForm
    list_display = ("name", "label", "sub_tenant", "used", "created_at")
    fields = ("sub_tenant", "name", "label")
    uses = (CustomValue.objects.all(), "field_id")


# --- What calls have --------------------------------------------------------------------------------------
class _OnCall(ReadOnlyInline):
    """Part of a call's page: whoever may see the call may see it."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("calls.view_call")


class SignalInline(_OnCall):
    model = Signal
    fields = ("name", "met", "revenue", "occurred_at", "partner_unique_id", "corrected")
    verbose_name_plural = "signals, as they are now"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Signal]:
        signals: QuerySet[Signal] = super().get_queryset(request)
        return signals.filter(is_current=True).select_related("name", "call")

    @admin.display(description="value")
    def met(self, signal: Signal) -> SafeString:
        return met_badge(signal)

    @admin.display(description="corrected")
    def corrected(self, signal: Signal) -> SafeString | str:
        if signal.corrects_id is None:
            return "no"
        versions = reverse("admin:calls_signal_changelist", query={"q": signal.call.uuid})
        words = f"at {moment(signal.created_at)}"
        return format_html('{}; <a href="{}" class="text-link">all versions</a>', words, versions)


class CustomValueInline(_OnCall):
    model = CustomValue
    fields = ("field", "value", "changed_at")
    verbose_name_plural = "custom data"

    def get_queryset(self, request: HttpRequest) -> QuerySet[CustomValue]:
        values: QuerySet[CustomValue] = super().get_queryset(request)
        return values.select_related("field")


@admin.register(Signal)
class SignalAdmin(ReadOnlyAdmin):
    """Every version of every signal, newest first."""

    list_display = (
        "of_call",
        "name",
        "met",
        "revenue",
        "occurred",
        "partner_unique_id",
        "version",
        "reported",
    )
    list_select_related = ("call", "name")
    list_display_links = ("name",)
    ordering = ("-id",)
    search_fields = ("transaction_id", "call")
    search_help_text = "Transaction id, call id or the call's uuid"
    fields = (
        ("of_call", "name"),
        ("met", "revenue"),
        ("occurred_at", "created_at"),
        "partner_unique_id",
        ("transaction_id", "corrects", "version"),
    )
    readonly_fields = ("of_call", "met", "version")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Signal]:
        signals: QuerySet[Signal] = super().get_queryset(request)
        return signals.defer("call__fingerprint")

    def matching(self, term: str) -> Q:
        return exactly(Signal, ("transaction_id",), term) | Q(call__in=_calls_named(term))

    @admin.display(description="call")
    def of_call(self, signal: Signal) -> SafeString | None:
        return link(signal.call)

    @admin.display(description="value")
    def met(self, signal: Signal) -> SafeString:
        return met_badge(signal)

    @admin.display(description="occurred")
    def occurred(self, signal: Signal) -> SafeString:
        return unbroken(moment(signal.occurred_at))

    @admin.display(description="reported")
    def reported(self, signal: Signal) -> SafeString:
        return unbroken(moment(signal.created_at))

    @admin.display(description="version")
    def version(self, signal: Signal) -> str:
        if not signal.is_current:
            return "corrected since"
        return "correction" if signal.corrects_id else "the only one"


def met_badge(signal: Signal) -> SafeString:
    return badge("yes", "success") if signal.value else badge("no", "")


# --- What waits for its call ------------------------------------------------------------------------------
class WaitingFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "waiting"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("yes", "waits for its call")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[PendingTransaction]
    ) -> QuerySet[PendingTransaction]:
        return queryset.filter(applied_at__isnull=True) if self.value() == "yes" else queryset


@admin.register(PendingTransaction)
class PendingTransactionAdmin(ReadOnlyAdmin):
    """Signals and custom data that came before their call did."""

    list_display = ("began", "sub_tenant", "phone", "campaign_id_from_network", "received", "came_of_it")
    list_select_related = ("sub_tenant__tenant", "call")
    list_filter = (WaitingFilter,)
    search_fields = ("call",)
    search_help_text = "Call id or uuid of the call it was applied to"
    fields = (
        ("sub_tenant", "came_of_it"),
        ("call_started_at", "duration_seconds"),
        ("phone", "campaign_id_from_network"),
        ("received_at", "applied_at"),
        "request_id",
        ("signals_sent", "custom_data_sent"),
    )
    readonly_fields = ("came_of_it", "signals_sent", "custom_data_sent")

    def get_queryset(self, request: HttpRequest) -> QuerySet[PendingTransaction]:
        pending: QuerySet[PendingTransaction] = super().get_queryset(request)
        return pending.defer("call__fingerprint")

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        # What waits is little among millions, and has an index in this order.
        waits = request.GET.get("waiting") == "yes"
        return ("sub_tenant_id", "call_started_at") if waits else ("-id",)

    def matching(self, term: str) -> Q:
        return Q(call__in=_calls_named(term))

    @admin.display(description="its call began")
    def began(self, pending: PendingTransaction) -> SafeString:
        return unbroken(moment(pending.call_started_at))

    @admin.display(description="received")
    def received(self, pending: PendingTransaction) -> SafeString:
        return unbroken(moment(pending.received_at))

    @admin.display(description="state")
    def came_of_it(self, pending: PendingTransaction) -> SafeString | None:
        if pending.call is not None:
            return link(pending.call, f"applied to {Truncator(pending.call).chars(28)}")
        return badge("waits", "info") if pending.applied_at is None else badge("given up", "warning")

    @admin.display(description="signals")
    def signals_sent(self, pending: PendingTransaction) -> SafeString:
        return preformatted(json.dumps(pending.signals, indent=2, ensure_ascii=False))

    @admin.display(description="custom data")
    def custom_data_sent(self, pending: PendingTransaction) -> SafeString:
        return preformatted(json.dumps(pending.custom_data, indent=2, ensure_ascii=False))


def _calls_named(term: str) -> list[int]:
    """Asked apart, so that each side of the condition is answered by an index of its own table."""
    calls = Call.objects.filter(exactly(Call, ("uuid", "external_id"), term)).values_list("pk", flat=True)
    return list(calls[:100])

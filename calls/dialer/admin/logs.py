from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from calls.dialer.models import RUNNING, Contact, LogStatus, PhoneLog
from calls.dialer.words import CALL_TONES
from calls.timeline import carried_by
from calls.waveform import clock
from partners.admin.base import (
    ReadOnlyAdmin,
    ReadOnlyInline,
    badge,
    exactly,
    link,
    moment,
    shortened,
    unbroken,
)
from zipingest.phones import compact


def has_phone(term: str) -> Q:
    """Contacts of the number, also as people write it."""
    typed = compact(term)
    return Q(phone__in=[typed, f"+{typed}"])


class _OfLog:
    """What is said of a call wherever it is listed."""

    @admin.display(description="outcome")
    def outcome(self, log: PhoneLog) -> SafeString:
        status = LogStatus(log.status)
        return badge(status.label, CALL_TONES.get(status, "info"))

    @admin.display(description="spoken")
    def lasted(self, log: PhoneLog) -> str:
        return clock(log.seconds) if log.seconds else ""

    @admin.display(description="carried by")
    def carried(self, log: PhoneLog) -> str:
        return carried_by(log.provider)

    @admin.display(description="call")
    def recorded(self, log: PhoneLog) -> SafeString | None:
        return link(log.call, "Call")


class PhoneLogInline(_OfLog, ReadOnlyInline):
    model = PhoneLog
    fields = ("begun_at", "outcome", "lasted", "number", "carried", "cause", "recorded")
    verbose_name_plural = "calls, newest first"
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[PhoneLog]:
        logs: QuerySet[PhoneLog] = super().get_queryset(request)
        return logs.select_related("number", "call").defer("call__fingerprint")


class RunningFilter(admin.SimpleListFilter):
    """Those that run have an index of their own."""

    title = "state"
    parameter_name = "running"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("yes", "running")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[PhoneLog]) -> QuerySet[PhoneLog]:
        return queryset.filter(status__in=RUNNING) if self.value() == "yes" else queryset


@admin.register(PhoneLog)
class PhoneLogAdmin(_OfLog, ReadOnlyAdmin):
    """Every call that was begun, whatever became of it."""

    list_display = ("name", "phone", "account", "number", "outcome", "lasted", "why", "begun")
    list_select_related = ("contact", "sub_tenant__tenant", "number")
    list_filter = (RunningFilter,)
    ordering = ("-id",)
    search_fields = ("uuid",)
    search_help_text = "Uuid of the call, contact id or phone"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("uuid", "of_contact"),
                    ("of_batch", "sub_tenant"),
                    ("outcome", "cause"),
                    ("begun_at", "answered_at"),
                    ("ended_at", "lasted"),
                    ("number", "carried"),
                    ("round", "recorded"),
                )
            },
        ),
        ("What the agent was told", {"fields": ("variables",), "classes": ["collapse"]}),
        ("Watching", {"fields": (("state", "next_attempt"), ("attempts", "last_error"))}),
    )
    readonly_fields = ("of_contact", "of_batch", "outcome", "lasted", "carried", "recorded", "next_attempt")

    def get_queryset(self, request: HttpRequest) -> QuerySet[PhoneLog]:
        logs: QuerySet[PhoneLog] = super().get_queryset(request)
        return logs.select_related("contact__batch", "sub_tenant__tenant", "number", "call").defer(
            "call__fingerprint"
        )

    def matching(self, term: str) -> Q:
        # Their keys first: a condition over both tables would use the indexes of neither.
        known = Contact.objects.filter(Q(public_id=term) | has_phone(term))
        contacts = list(known.order_by().values_list("pk", flat=True)[:100])
        return exactly(PhoneLog, self.search_fields, term) | Q(contact__in=contacts)

    @admin.display(description="call")
    def name(self, log: PhoneLog) -> SafeString:
        return unbroken(shortened(str(log.uuid), 9))

    @admin.display(description="sub-tenant")
    def account(self, log: PhoneLog) -> SafeString:
        return unbroken(shortened(str(log.sub_tenant), 28))

    @admin.display(description="phone")
    def phone(self, log: PhoneLog) -> str:
        return log.contact.phone

    @admin.display(description="contact")
    def of_contact(self, log: PhoneLog) -> SafeString | None:
        return link(log.contact)

    @admin.display(description="batch")
    def of_batch(self, log: PhoneLog) -> SafeString | None:
        return link(log.contact.batch)

    @admin.display(description="cause")
    def why(self, log: PhoneLog) -> SafeString:
        return shortened(log.cause, 40)

    @admin.display(description="asked after next")
    def next_attempt(self, log: PhoneLog) -> str:
        return moment(log.next_attempt_at)

    @admin.display(description="begun")
    def begun(self, log: PhoneLog) -> SafeString:
        return unbroken(moment(log.begun_at))

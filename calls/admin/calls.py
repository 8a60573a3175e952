from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from calls import player
from calls.admin import display
from calls.admin.actions import CallActions
from calls.admin.filters import ReceivedFilter, StateFilter
from calls.admin.pauses import PauseInline
from calls.admin.signals import CustomValueInline, SignalInline
from calls.admin.why import answers, why_page
from calls.models import Call, Customer, Source
from calls.timeline import carrier
from partners.admin.base import ReadOnlyInline, exactly, link, moment, shortened, unbroken
from zipingest.phones import compact


@admin.register(Call)
class CallAdmin(CallActions):
    list_display = (
        "name",
        "came_from",
        "sub_tenant",
        "customer_phone",
        "started",
        "state",
        "error",
        "received",
    )
    list_filter = (StateFilter, "source", ReceivedFilter, "partner")
    search_fields = ("uuid", "external_id", "customer_phone")
    search_help_text = "Call id, uuid, customer id or phone"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("external_id", "uuid"),
                    ("partner", "sub_tenant"),
                    ("customer", "customer_phone"),
                    ("direction", "our_phone"),
                    ("agent", "disposition"),
                    ("campaign", "language"),
                    ("started_at", "ended_at"),
                    ("received_at", "request_id"),
                    ("source", "carried_by", "sandbox"),
                )
            },
        ),
        (
            "Recording",
            {
                "fields": (
                    ("state", "full_error"),
                    ("run", "attempts", "next_attempt"),
                    ("source_url", "asked_for_with"),
                    "url_validity",
                    ("came_as", "kept_as"),
                    ("kept_until", "hold"),
                    ("silences", "pause_handling"),
                    "sha256",
                )
            },
        ),
        (
            "What the partner sent along",
            {
                "fields": ("callback_url", ("metadata", "custom_fields", "extras")),
                "classes": ["collapse"],
            },
        ),
    )
    readonly_fields = (
        "carried_by",
        "state",
        "full_error",
        "run",
        "attempts",
        "next_attempt",
        "source_url",
        "asked_for_with",
        "url_validity",
        "came_as",
        "kept_as",
        "kept_until",
        "hold",
        "silences",
        "pause_handling",
        "sha256",
    )
    change_form_outer_before_template = "console/player.html"
    change_form_outer_after_template = "console/timeline.html"

    def get_urls(self) -> list[URLPattern]:
        why = self.admin_site.admin_view(require_safe(self.why))
        return [path("why/", why, name="calls_call_why"), *super().get_urls()]

    def why(self, request: HttpRequest) -> HttpResponse:
        return why_page(self, request, self.matching)

    def get_inlines(self, request: HttpRequest, obj: Call | None) -> tuple[type[ReadOnlyInline], ...]:
        if obj is None:
            return ()
        pauses = (PauseInline,) if obj.source == Source.LIVE else ()
        return (*pauses, *_reported(obj))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Call]:
        calls: QuerySet[Call] = super().get_queryset(request)
        related = calls.select_related(
            "partner", "sub_tenant__tenant", "recording", "customer", "agent", "campaign"
        )
        return related.defer("recording__peaks", "fingerprint")

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        # Calls and their recordings are made in one order; the failed recordings have an index in theirs. And
        # calls come in that order too: those of a time are read off the index on it, the newest first.
        if request.GET.get("state") == "failed":
            return ("-recording__id",)
        return ("-received_at", "-id") if request.GET.get("received") else ("-id",)

    def matching(self, term: str) -> Q:
        typed = compact(term)
        phone = Q(customer_phone__in=[typed, f"+{typed}"])
        # Their ids first: a condition over both tables would use the indexes of neither.
        customers = list(Customer.objects.filter(external_id=term).values_list("pk", flat=True)[:100])
        return exactly(Call, ("uuid", "external_id"), term) | phone | Q(customer__in=customers)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        call: Call = context["original"]
        (context["answer"],) = answers(request, [call])
        context["kept_as"] = display.kept_as(display.recording_of(call))
        context["gone"] = player.why_gone(call)
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description="call id")
    def name(self, call: Call) -> SafeString:
        return unbroken(shortened(str(call), 28))

    @admin.display(description="from")
    def came_from(self, call: Call) -> SafeString:
        return unbroken(display.source_of(call))

    @admin.display(description="carried by")
    def carried_by(self, call: Call) -> SafeString | str:
        if call.source != Source.DIALER:
            return carrier(call)
        # Who was dialled is above this room: the page is named by its address alone.
        url = reverse("admin:dialer_phonelog_changelist", query={"q": call.external_id})
        return format_html('{}, <a href="{}" class="text-link">phone log</a>', carrier(call), url)

    @admin.display(description="started")
    def started(self, call: Call) -> SafeString:
        return unbroken(moment(call.started_at))

    @admin.display(description="received")
    def received(self, call: Call) -> SafeString:
        return unbroken(moment(call.received_at))

    @admin.display(description="state")
    def state(self, call: Call) -> SafeString:
        return display.state_badge(call)

    @admin.display(description="error")
    def error(self, call: Call) -> SafeString | str:
        return display.plain_error(display.recording_of(call), 60)

    @admin.display(description="error")
    def full_error(self, call: Call) -> SafeString | str:
        return display.plain_error(display.recording_of(call), 1000)

    @admin.display(description="run")
    def run(self, call: Call) -> int | None:
        recording = display.recording_of(call)
        return recording.run if recording else None

    @admin.display(description="attempts in this run")
    def attempts(self, call: Call) -> int | None:
        recording = display.recording_of(call)
        return recording.attempts if recording else None

    @admin.display(description="next attempt")
    def next_attempt(self, call: Call) -> str:
        recording = display.recording_of(call)
        return moment(recording.next_attempt_at) if recording else ""

    @admin.display(description="recording from")
    def source_url(self, call: Call) -> SafeString | str:
        return display.address_of(display.recording_of(call))

    @admin.display(description="asked for with")
    def asked_for_with(self, call: Call) -> SafeString | None:
        recording = display.recording_of(call)
        return link(recording.auth) if recording else None

    @admin.display(description="URL is valid")
    def url_validity(self, call: Call) -> SafeString | str:
        return display.url_validity(display.recording_of(call))

    @admin.display(description="came as")
    def came_as(self, call: Call) -> str:
        return display.came_as(display.recording_of(call))

    @admin.display(description="kept as")
    def kept_as(self, call: Call) -> str:
        return display.kept_as(display.recording_of(call))

    @admin.display(description="kept until")
    def kept_until(self, call: Call) -> str:
        return display.kept_until(display.recording_of(call), call.sub_tenant)

    @admin.display(description="legal hold")
    def hold(self, call: Call) -> SafeString | str | None:
        active = call.holds.filter(released_at__isnull=True).first()
        if active is None:
            return "none"
        return link(active, f"since {moment(active.placed_at)} by {active.placed_by}: {active.reason}")

    @admin.display(description="SHA-256 of what is kept")
    def sha256(self, call: Call) -> SafeString | str:
        recording = display.recording_of(call)
        return display.broken_anywhere(recording.sha256) if recording else ""

    @admin.display(description="silent where it was paused")
    def silences(self, call: Call) -> str:
        return display.silences(display.recording_of(call))

    @admin.display(description="while paused, the provider")
    def pause_handling(self, call: Call) -> str:
        recording = display.recording_of(call)
        return recording.get_pause_handling_display() if recording and recording.silences else ""


def _reported(call: Call) -> Iterator[type[ReadOnlyInline]]:
    """Tables of what was reported of the call, where something was."""
    if call.signals.exists():
        yield SignalInline
    if call.custom_values.exists():
        yield CustomValueInline

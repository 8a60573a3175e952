import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from partners import deliveries
from partners.admin.base import (
    ReadOnlyAdmin,
    ReadOnlyInline,
    Refused,
    badge,
    moment,
    preformatted,
    shortened,
    unbroken,
)
from partners.admin.pages import Question
from partners.admin.toolkit import action
from partners.models import Attempt, Delivery
from zipingest.work import WorkState

STATE_KINDS = {
    WorkState.DUE: "info",
    WorkState.LEASED: "info",
    WorkState.DONE: "success",
    WorkState.FAILED: "danger",
    WorkState.POISON: "danger",
}


def delivery_badge(delivery: Delivery) -> SafeString:
    """The state in words of a callback: one that is due after an attempt is being retried."""
    words = {WorkState.DUE: "retrying" if delivery.tries else "waiting", WorkState.DONE: "delivered"}
    state = WorkState(delivery.state)
    kind = "warning" if state == WorkState.DUE and delivery.tries else STATE_KINDS[state]
    return badge(words.get(state, state.label), kind)


class AttemptInline(ReadOnlyInline):
    model = Attempt
    fields = ("number", "started_at", "status", "duration", "error", "what_it_answered")
    verbose_name_plural = "attempts"

    @admin.display(description="duration")
    def duration(self, attempt: Attempt) -> str:
        return f"{attempt.duration_ms / 1000:.2f} s"

    @admin.display(description="answer (first 1 KiB)")
    def what_it_answered(self, attempt: Attempt) -> SafeString | str:
        return preformatted(attempt.answer) if attempt.answer else ""


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = (
        "webhook_id",
        "partner",
        "event",
        "standing",
        "last_status",
        "attempts",
        "next_attempt",
        "created",
    )
    list_select_related = ("partner",)
    list_filter = ("state", "partner")
    search_fields = ("webhook_id", "subject")
    search_help_text = "Webhook id or the call's uuid"
    fieldsets = (
        (None, {"fields": (("webhook_id", "event"), ("partner", "sub_tenant"), ("about", "run"), "url")}),
        (
            "State",
            {
                "fields": (
                    ("standing", "plain_error"),
                    ("attempts", "last_status", "next_attempt"),
                    ("created_at", "delivered_at", "request_id"),
                )
            },
        ),
        ("Body, as every attempt sends it", {"fields": ("pretty_body",)}),
    )
    readonly_fields = ("standing", "plain_error", "next_attempt", "about", "pretty_body")
    inlines = (AttemptInline,)
    actions = ("redeliver_selected",)
    actions_detail = ("redeliver",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        deliveries: QuerySet[Delivery] = super().get_queryset(request)
        return deliveries.select_related("partner", "sub_tenant__tenant")

    def has_redeliver_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("partners.change_delivery")

    def fits(self, title: str, row: Any) -> bool:
        return bool(row.has_ended)

    @action(description="Redeliver", icon="replay", permissions=["view", "redeliver"])
    def redeliver(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.ask(request, object_id, _REDELIVER, _redeliver)

    @action(description="Redeliver", permissions=["redeliver"])
    def redeliver_selected(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        begun = sum(deliveries.redeliver(delivery=delivery) for delivery in queryset)
        self.message_user(request, f"{begun} redelivered; {len(queryset) - begun} had not ended yet.")

    @admin.display(description="state")
    def standing(self, delivery: Delivery) -> SafeString:
        return delivery_badge(delivery)

    @admin.display(description="error")
    def plain_error(self, delivery: Delivery) -> SafeString:
        return shortened(delivery.last_error, 300)

    @admin.display(description="next attempt")
    def next_attempt(self, delivery: Delivery) -> SafeString:
        return unbroken(moment(delivery.next_attempt_at))

    @admin.display(description="created")
    def created(self, delivery: Delivery) -> SafeString:
        return unbroken(moment(delivery.created_at))

    @admin.display(description="call")
    def about(self, delivery: Delivery) -> SafeString | None:
        if delivery.subject is None:
            return None
        # Calls are above this room: their list, searched for the uuid, is named by its address alone.
        url = reverse("admin:calls_call_changelist", query={"q": delivery.subject})
        return format_html('<a href="{}" class="text-link">{}</a>', url, delivery.subject)

    @admin.display(description="body")
    def pretty_body(self, delivery: Delivery) -> SafeString:
        return preformatted(json.dumps(json.loads(delivery.body), indent=2, ensure_ascii=False))


def _redeliver(delivery: Delivery, _: dict[str, Any]) -> None:
    if not deliveries.redeliver(delivery=delivery):
        raise Refused("This callback has not ended yet; nothing was changed.")


_REDELIVER = Question(
    title="Redeliver callback",
    text="A new round of attempts begins at once, with the same webhook id and the same body; the attempts "
    "so far stay in the list.",
    button="Redeliver",
    done="The callback is on its way again.",
)

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from calls.models import Call, Pause
from partners.admin.base import ReadOnlyAdmin, ReadOnlyInline, exactly, link, moment, shortened, unbroken


class _YesOrNo(admin.SimpleListFilter):
    """Whether a time of the pause is known."""

    column = ""
    yes, no = "yes", "no"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("yes", self.yes), ("no", self.no)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Pause]) -> QuerySet[Pause]:
        if self.value() not in ("yes", "no"):
            return queryset
        return queryset.filter(**{f"{self.column}__isnull": self.value() == "no"})


class AlertedFilter(_YesOrNo):
    title = "alerted"
    parameter_name = "alerted"
    column = "alerted_at"


class ResumedFilter(_YesOrNo):
    title = "resumed"
    parameter_name = "resumed"
    column = "resumed_at"
    no = "never resumed"


class PauseInline(ReadOnlyInline):
    """The pauses of a live call: whoever may see the call may see them."""

    model = Pause
    fields = ("paused_at", "paused_by", "resumption", "provider_error", "alerted_at")
    verbose_name_plural = "pauses of the recording"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("calls.view_call")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Pause]:
        pauses: QuerySet[Pause] = super().get_queryset(request)
        return pauses.select_related("call")

    @admin.display(description="resumed")
    def resumption(self, pause: Pause) -> str:
        return _resumption(pause)


@admin.register(Pause)
class PauseAdmin(ReadOnlyAdmin):
    """Spans of live calls that nobody may hear."""

    list_display = ("paused_call", "paused", "paused_by", "resumption", "provider", "alerted")
    list_filter = (AlertedFilter, ResumedFilter)
    ordering = ("-id",)
    search_fields = ("call",)
    search_help_text = "Call id or the call's uuid"
    fields = (
        ("paused_call", "alerted_at"),
        ("paused_at", "paused_by"),
        ("resumption", "resumed_by"),
        "provider_error",
    )
    readonly_fields = ("paused_call", "resumption")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Pause]:
        pauses: QuerySet[Pause] = super().get_queryset(request)
        return pauses.select_related("call").defer("call__fingerprint")

    def matching(self, term: str) -> Q:
        calls = Call.objects.filter(exactly(Call, ("uuid", "external_id"), term)).values_list("pk", flat=True)
        return Q(call__in=list(calls[:100]))

    @admin.display(description="call")
    def paused_call(self, pause: Pause) -> SafeString | None:
        return link(pause.call)

    @admin.display(description="paused")
    def paused(self, pause: Pause) -> SafeString:
        return unbroken(moment(pause.paused_at))

    @admin.display(description="resumed")
    def resumption(self, pause: Pause) -> str:
        return _resumption(pause)

    @admin.display(description="provider's error")
    def provider(self, pause: Pause) -> SafeString:
        return shortened(pause.provider_error, 60)

    @admin.display(description="alerted")
    def alerted(self, pause: Pause) -> SafeString:
        return unbroken(moment(pause.alerted_at))


def _resumption(pause: Pause) -> str:
    """When, after how long and by whom; in words where it has not come."""
    if pause.resumed_at is None:
        return "not yet" if pause.call.in_progress else "never: it runs to the call's end"
    seconds = (pause.resumed_at - pause.paused_at).total_seconds()
    return f"{moment(pause.resumed_at)} by {pause.resumed_by}, after {seconds:.0f} s"

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from partners.admin.base import ReadOnlyAdmin, moment, preformatted, shortened, unbroken
from partners.models import Rejection, RejectionCount

STATUSES = (400, 401, 403, 413, 422, 429)


def field_errors(rejection: Rejection) -> list[str]:
    """What was wrong, a line per field; values never stand in it."""
    lines = (": ".join(str(part) for part in error.values()) for error in rejection.errors)
    return [line for line in lines if line]


class StatusFilter(admin.SimpleListFilter):
    """Fixed choices: to list those that occur, the table would be read."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(str(status), str(status)) for status in STATUSES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        known = self.value() in {str(status) for status in STATUSES}
        return queryset.filter(status=self.value()) if known else queryset


@admin.register(Rejection)
class RejectionAdmin(ReadOnlyAdmin):
    """Requests we refused, with why; kept for seven days."""

    list_display = ("when", "partner", "status", "why", "key_id", "asked_for", "count", "request_id")
    list_select_related = ("partner",)
    list_filter = (StatusFilter, "partner")
    search_fields = ("request_id",)
    search_help_text = "Request id"
    fields = (
        ("at", "count"),
        ("partner", "key_id"),
        ("status", "message"),
        "wrong_fields",
        ("asked_for", "address"),
        "request_id",
    )
    readonly_fields = ("wrong_fields", "asked_for")

    @admin.display(description="when")
    def when(self, rejection: Rejection) -> SafeString:
        return unbroken(moment(rejection.at))

    @admin.display(description="why")
    def why(self, rejection: Rejection) -> SafeString:
        return shortened("; ".join([rejection.message, *field_errors(rejection)]), 80)

    @admin.display(description="asked for")
    def asked_for(self, rejection: Rejection) -> str:
        return f"{rejection.method} {rejection.path}"

    @admin.display(description="fields")
    def wrong_fields(self, rejection: Rejection) -> SafeString | str:
        lines = field_errors(rejection)
        return preformatted("\n".join(lines)) if lines else ""


@admin.register(RejectionCount)
class RejectionCountAdmin(ReadOnlyAdmin):
    """How many requests of a partner were refused on a day, also those beyond what is kept one by one."""

    list_display = ("day", "partner", "status", "count")
    list_select_related = ("partner",)
    list_filter = (StatusFilter, "partner")
    fields = ("day", "partner", "status", "count")

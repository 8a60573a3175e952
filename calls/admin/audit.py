from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest

from calls.admin.filters import AccountFilter, DayFilter, chosen_day
from calls.models import AccessRecord, Call
from partners.admin.base import ReadOnlyAdmin, exactly


@admin.register(AccessRecord)
class AccessRecordAdmin(ReadOnlyAdmin):
    """Who heard or took which recording."""

    list_display = ("at", "sub_tenant", "actor", "kind", "call", "subject", "address")
    list_select_related = ("call", "sub_tenant__tenant")
    list_filter = ("kind", DayFilter, AccountFilter)
    search_fields = ("actor", "call")
    search_help_text = "Name of the person or token, call id or the call's uuid"
    fields = (
        ("at", "kind", "sub_tenant"),
        ("actor", "user"),
        ("call", "subject"),
        ("address", "request_id"),
    )

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        # A day is a stretch of the index on the time, which is the order of the ids as near as matters.
        return ("-at",) if chosen_day(request.GET.get("day")) else ("-id",)

    def matching(self, term: str) -> Q:
        # Ids first, so that each side of the condition is answered by an index of this table.
        calls = Call.objects.filter(exactly(Call, ("uuid", "external_id"), term)).values_list("pk", flat=True)
        return Q(actor=term) | Q(call__in=list(calls[:100]))

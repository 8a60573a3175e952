from django.contrib import admin
from django.db.models import Q

from calls.models import AccessRecord, Call
from partners.admin.base import ReadOnlyAdmin, exactly
from partners.models import User


@admin.register(AccessRecord)
class AccessRecordAdmin(ReadOnlyAdmin):
    """Who heard or took which recording."""

    list_display = ("at", "user", "kind", "call", "address")
    list_select_related = ("user", "call")
    list_filter = ("kind",)
    search_fields = ("user", "call")
    search_help_text = "User name, call id or the call's uuid"
    fields = (("at", "kind"), ("user", "call"), ("address", "request_id"))

    def matching(self, term: str) -> Q:
        # Ids first, so that each side of the condition is answered by an index of this table.
        users = User.objects.filter(username=term).values_list("pk", flat=True)
        calls = Call.objects.filter(exactly(Call, ("uuid", "external_id"), term)).values_list("pk", flat=True)
        return Q(user__in=list(users)) | Q(call__in=list(calls[:100]))

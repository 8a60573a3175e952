from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from calls.models import Agent, Customer, DispositionChange
from partners.admin.base import HugeTableAdmin, ReadOnlyAdmin, ReadOnlyInline


class DispositionInline(ReadOnlyInline):
    model = DispositionChange
    fields = ("changed_at", "old", "new", "changed_by", "call")
    verbose_name_plural = "history of dispositions, newest first"

    def get_queryset(self, request: HttpRequest) -> QuerySet[DispositionChange]:
        changes: QuerySet[DispositionChange] = super().get_queryset(request)
        return changes.select_related("call")


@admin.register(Customer)
class CustomerAdmin(ReadOnlyAdmin):
    list_display = ("external_id", "name", "email", "partner", "sub_tenant", "disposition", "created_at")
    list_select_related = ("partner", "sub_tenant__tenant")
    list_filter = ("partner",)
    search_fields = ("external_id",)
    search_help_text = "Customer id"
    fields = (
        ("external_id", "name", "email"),
        ("partner", "sub_tenant"),
        ("disposition", "created_at"),
        "calls",
    )
    readonly_fields = ("calls",)
    inlines = (DispositionInline,)

    @admin.display(description="calls")
    def calls(self, customer: Customer) -> SafeString:
        url = reverse("admin:calls_call_changelist", query={"q": customer.external_id})
        return format_html('<a href="{}" class="text-link">Calls of {}</a>', url, customer.external_id)


@admin.register(Agent)
class AgentAdmin(HugeTableAdmin):
    """Agents are named by partners; which user of ours one of them is, we say here."""

    list_display = ("external_id", "name", "email", "extension", "partner", "sub_tenant", "user")
    list_select_related = ("partner", "sub_tenant__tenant", "user")
    list_filter = ("partner",)
    search_fields = ("external_id",)
    search_help_text = "Agent id"
    fields = (("external_id", "name", "email"), ("partner", "sub_tenant"), "extension", "user", "created_at")
    readonly_fields = ("external_id", "name", "email", "partner", "sub_tenant", "created_at")
    raw_id_fields = ("user",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

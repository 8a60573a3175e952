from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from partners.admin.base import ConsoleAdmin
from partners.admin.toolkit import TabularInline, action
from partners.models import SubTenant, Tenant


class SubTenantInline(TabularInline):
    model = SubTenant
    fields = ("external_id", "name")
    extra = 0
    can_delete = False
    show_change_link = True
    hide_title = True


@admin.register(Tenant)
class TenantAdmin(ConsoleAdmin):
    list_display = ("name", "external_id", "created_at")
    search_fields = ("name", "external_id")
    search_help_text = "Name or tenant id"
    fields = ("name", "external_id", "created_at")
    readonly_fields = ("created_at",)
    inlines = (SubTenantInline,)


@admin.register(SubTenant)
class SubTenantAdmin(ConsoleAdmin):
    list_display = ("name", "tenant", "external_id", "retention", "created_at")
    list_select_related = ("tenant",)
    list_filter = ("tenant",)
    search_fields = ("name", "external_id")
    search_help_text = "Name or sub-tenant id"
    fields = ("tenant", "name", "external_id", "retention_days", "created_at")
    raw_id_fields = ("tenant",)
    actions_detail = ("change_retention",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        # A change deletes recordings, so it has a page of its own that shows which.
        return ("created_at", "retention_days") if obj else ("created_at",)

    @action(description="Change retention", icon="auto_delete", permissions=["change"])
    def change_retention(self, request: HttpRequest, object_id: str) -> HttpResponse:
        # Recordings are above this room: the page is named by its address alone.
        return redirect(reverse("admin:calls_retentionchange_account", args=[object_id]))

    @admin.display(description="retention", ordering="retention_days")
    def retention(self, sub_tenant: SubTenant) -> str:
        return f"{sub_tenant.retention_days} days" if sub_tenant.retention_days else "no limit"

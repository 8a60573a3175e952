from django.contrib import admin

from partners.admin.base import ConsoleAdmin
from partners.admin.toolkit import TabularInline
from partners.models import SubTenant, Tenant


class SubTenantInline(TabularInline):
    model = SubTenant
    fields = ("external_id", "name", "retention_days")
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
    readonly_fields = ("created_at",)
    raw_id_fields = ("tenant",)

    @admin.display(description="retention", ordering="retention_days")
    def retention(self, sub_tenant: SubTenant) -> str:
        return f"{sub_tenant.retention_days} days" if sub_tenant.retention_days else "no limit"

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from calls.admin import display
from calls.models import IngestBatch, IngestItem
from partners.admin.base import ReadOnlyAdmin, ReadOnlyInline


class ItemInline(ReadOnlyInline):
    model = IngestItem
    fields = ("position", "call", "outcome", "differing", "state", "error")
    per_page = 50
    verbose_name_plural = "calls of the request, in its order"

    def get_queryset(self, request: HttpRequest) -> QuerySet[IngestItem]:
        items: QuerySet[IngestItem] = super().get_queryset(request)
        return items.select_related("call__recording").defer("call__recording__peaks")

    @admin.display(description="fields that differ")
    def differing(self, item: IngestItem) -> str:
        return ", ".join(item.conflicts)

    @admin.display(description="state")
    def state(self, item: IngestItem) -> SafeString:
        return display.state_badge(item.call)

    @admin.display(description="error")
    def error(self, item: IngestItem) -> SafeString | str:
        return display.plain_error(display.recording_of(item.call), 60)


@admin.register(IngestBatch)
class IngestBatchAdmin(ReadOnlyAdmin):
    list_display = ("uuid", "partner", "sub_tenant", "received_at", "request_id")
    list_select_related = ("partner", "sub_tenant__tenant")
    list_filter = ("partner",)
    search_fields = ("uuid",)
    search_help_text = "Batch uuid"
    fields = (("uuid", "received_at"), ("partner", "sub_tenant"), "request_id")
    inlines = (ItemInline,)

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import NON_FIELD_ERRORS
from django.core.validators import RegexValidator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.safestring import SafeString

from calls.admin.filters import AccountFilter
from calls.models import Category, DispositionCode
from calls.services import codes
from partners.admin.base import HugeTableAdmin, badge
from partners.admin.toolkit import ModelForm
from partners.models import SubTenant

# As the surface and the account's own page take it; what partners send becomes a code as it came.
_WELL_FORMED = RegexValidator(r"\A[A-Z0-9_-]{1,32}\Z", "Use up to 32 of A-Z, 0-9, _ and -.")
_TONES = {Category.SUCCESS: "success", Category.CALLBACK: "info", Category.DNC: "danger"}


class CodeForm(ModelForm):
    class Meta:
        model = DispositionCode
        fields = ("sub_tenant", "code", "label", "category", "is_active")
        labels: ClassVar = {"is_active": "Active"}
        help_texts: ClassVar = {
            "code": "Up to 32 of A-Z, 0-9, _ and -. It cannot be changed later.",
            "label": "How agents and reports name it.",
            "category": "“Do not call” also keeps from being dialled whoever gets the code from now on.",
        }
        error_messages: ClassVar = {
            NON_FIELD_ERRORS: {"unique_together": "The sub-tenant has this code already."}
        }

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        _WELL_FORMED(code)
        return code


@admin.register(DispositionCode)
class DispositionCodeAdmin(HugeTableAdmin):
    """The codes of all accounts, written by ``calls.services.codes``; partners send new ones all the time."""

    form = CodeForm
    list_display = ("code", "sub_tenant", "label", "says", "is_active", "created_at")
    list_select_related = ("sub_tenant__tenant",)
    list_filter = (AccountFilter, "category", "is_active")
    ordering = ("sub_tenant_id", "code")
    search_fields = ("code",)
    search_help_text = "Code"
    raw_id_fields = ("sub_tenant",)

    def matching(self, term: str) -> Q:
        # The index of codes begins with the account: it is asked once for each.
        return Q(sub_tenant__in=SubTenant.objects.order_by(), code=term)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("calls.delete_dispositioncode")

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        # Codes are removed one by one: each is looked for among the calls.
        return {name: one for name, one in super().get_actions(request).items() if name != "delete_selected"}

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*CodeForm.Meta.fields, "created_at") if obj else CodeForm.Meta.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("sub_tenant", "code", "created_at") if obj else ()

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        # Only what a partner sent has no category.
        return super().formfield_for_choice_field(db_field, request, required=True, **kwargs)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            return super().add_view(request, form_url, extra_context)
        except codes.CodeTaken:
            # Somebody made it a moment ago; the form sees it now, and says so.
            return super().add_view(request, form_url, extra_context)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except codes.CodeInUse:
            self.message_user(request, "The code is in use: deactivate it instead.", messages.WARNING)
            return redirect("admin:calls_dispositioncode_change", object_id)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        given = {"label": obj.label, "category": Category(obj.category), "is_active": obj.is_active}
        if change:
            codes.change(code=obj, **given)
        else:
            obj.pk = codes.create(sub_tenant=obj.sub_tenant, code=obj.code, **given).pk

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        codes.remove(code=obj)

    @admin.display(description="category", ordering="category")
    def says(self, code: DispositionCode) -> SafeString | None:
        if not code.category:
            return None
        category = Category(code.category)
        return badge(category.label, _TONES.get(category, "warning"))

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from partners import keys
from partners.admin import pages
from partners.admin.base import ConsoleAdmin, badge
from partners.admin.pages import Question
from partners.admin.toolkit import UnfoldAdminCheckboxSelectMultipleWidget, action
from partners.keys import IssuedKey
from partners.models import ApiKey
from partners.models.keys import Scope, all_scopes


def key_badge(key: ApiKey) -> SafeString:
    if key.revoked_at:
        return badge("revoked", "danger")
    if key.expires_at and key.expires_at <= timezone.now():
        return badge("expired", "warning")
    return badge("usable", "success") if key.is_usable() else badge("partner inactive", "warning")


@admin.register(ApiKey)
class ApiKeyAdmin(ConsoleAdmin):
    """Keys are made, rotated and revoked by ``partners.keys``; a digest is never shown."""

    list_display = (
        "name",
        "partner",
        "scope_names",
        "sandbox",
        "standing",
        "expires_at",
        "revoked_at",
        "last_used_at",
    )
    list_select_related = ("partner",)
    list_filter = ("sandbox", "partner")
    search_fields = ("key_id", "label", "partner__name")
    search_help_text = "Key id, label or partner"
    fields = ("partner", "label", "scopes", "sub_tenant", "sandbox", "expires_at")
    raw_id_fields = ("partner", "sub_tenant")
    actions_detail = ("rotate", "revoke")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        issued = ("key_id", "created_at", "revoked_at", "last_used_at")
        return (*self.fields, *issued) if obj else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        fixed = ("partner", "sub_tenant", "sandbox", "key_id", "created_at", "revoked_at", "last_used_at")
        return fixed if obj else ()

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name != "scopes":
            return super().formfield_for_dbfield(db_field, request, **kwargs)
        return forms.MultipleChoiceField(
            choices=Scope.choices, initial=all_scopes, widget=UnfoldAdminCheckboxSelectMultipleWidget
        )

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        # The answer shows the secret, so there is no form to go on with.
        one_button = {"show_save_and_continue": False, "show_save_and_add_another": False}
        return super().add_view(request, form_url, {**(extra_context or {}), **one_button})

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        wanted = ("partner", "label", "scopes", "sub_tenant", "sandbox", "expires_at")
        obj.issued = keys.issue(**{name: getattr(obj, name) for name in wanted})
        obj.pk, obj.key_id = obj.issued.key.pk, obj.issued.key.key_id

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        return self._secret_page(request, obj.issued)

    def fits(self, title: str, row: Any) -> bool:
        return row.is_usable() if title == "Rotate" else row.revoked_at is None

    @action(description="Rotate", icon="autorenew", permissions=["change"])
    def rotate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def rotate(key: ApiKey, _: dict[str, Any]) -> HttpResponse | None:
            try:
                return self._secret_page(request, keys.rotate(key=key))
            except keys.InvalidKey:
                self.message_user(request, "A revoked or expired key cannot be rotated.", messages.ERROR)
                return None

        return self.ask(request, object_id, _ROTATE, rotate)

    @action(description="Revoke", icon="block", permissions=["change"])
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def revoke(key: ApiKey, _: dict[str, Any]) -> None:
            keys.revoke(key=key)

        return self.ask(request, object_id, _REVOKE, revoke)

    @admin.display(description="key", ordering="label")
    def name(self, key: ApiKey) -> str:
        return key.label or f"{key.key_id[:12]}…"

    @admin.display(description="scopes")
    def scope_names(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    @admin.display(description="state")
    def standing(self, key: ApiKey) -> SafeString:
        return key_badge(key)

    def _secret_page(self, request: HttpRequest, issued: IssuedKey) -> HttpResponse:
        shown = {
            "x-api-key": issued.key.key_id,
            "x-api-secret": issued.secret,
            "Both in one token": issued.single,
        }
        return pages.secrets_page(self, request, issued.key, "New API key", shown)


_ROTATE = Question(
    title="Rotate API key",
    text="A new key like this one is made and shown once on the next page. This one goes on working for a "
    "day, so that the partner can change over.",
    button="Rotate",
)
_REVOKE = Question(
    title="Revoke API key",
    text="From the next request on, this key is refused. This cannot be undone.",
    button="Revoke",
    done="The key is revoked.",
    dangerous=True,
)

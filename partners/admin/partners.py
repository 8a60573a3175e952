from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.safestring import SafeString

from partners import deliveries, provisioning, signatures
from partners.admin import pages
from partners.admin.base import ConsoleAdmin, ReadOnlyInline, link
from partners.admin.keys import key_badge
from partners.admin.pages import EndpointForm, Question, SignatureForm, change_url
from partners.admin.toolkit import TabularInline, action
from partners.models import ApiKey, Grant, Partner
from zipingest import crypto


class GrantInline(TabularInline):
    model = Grant
    fields = ("sub_tenant",)
    raw_id_fields = ("sub_tenant",)
    extra = 0
    hide_title = True
    verbose_name_plural = "may act for these sub-tenants"

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("sub_tenant__tenant", "partner")


class KeyInline(ReadOnlyInline):
    model = ApiKey
    fields = ("key", "scope_names", "standing", "expires_at", "last_used_at")
    verbose_name_plural = "API keys"

    @admin.display(description="key")
    def key(self, key: ApiKey) -> SafeString | None:
        return link(key)

    @admin.display(description="scopes")
    def scope_names(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    @admin.display(description="state")
    def standing(self, key: ApiKey) -> SafeString:
        return key_badge(key)


@admin.register(Partner)
class PartnerAdmin(ConsoleAdmin):
    list_display = ("name", "is_active", "rate_limit", "created_at")
    list_filter = ("is_active",)
    search_fields = ("name",)
    search_help_text = "Name"
    fields = ("name", "is_active", "rate_limit", "webhook_secret_rotated_at", "created_at")
    readonly_fields = ("webhook_secret_rotated_at", "created_at")
    inlines = (GrantInline, KeyInline)
    actions_detail = ("new_key", "rotate_webhook_secret", "send_test_callback", "check_signature")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        if change:
            # What the page does not show may be changed meanwhile: a rotation of secrets, or of their keys.
            obj.save(update_fields=form.changed_data)
            return
        obj.webhook_secret = crypto.encrypt(provisioning.new_webhook_secret())
        super().save_model(request, obj, form, change)

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        return self._webhook_secret_page(request, obj, obj.webhook_secrets()[0])

    def has_issue_key_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("partners.add_apikey")

    def has_send_callback_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("partners.add_delivery")

    @action(description="New key", icon="key", permissions=["view", "issue_key"])
    def new_key(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return redirect(reverse("admin:partners_apikey_add", query={"partner": object_id}))

    @action(description="Rotate webhook secret", icon="autorenew", permissions=["change"])
    def rotate_webhook_secret(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def rotate(partner: Partner, _: dict[str, Any]) -> HttpResponse:
            secret = provisioning.rotate_webhook_secret(partner=partner)
            return self._webhook_secret_page(request, partner, secret)

        return self.ask(request, object_id, _ROTATE, rotate)

    @action(description="Send test callback", icon="send", permissions=["view", "send_callback"])
    def send_test_callback(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def send(partner: Partner, given: dict[str, Any]) -> HttpResponse:
            delivery = deliveries.send_test(partner=partner, url=given["url"])
            self.message_user(request, "The test callback is on its way; this page shows what comes of it.")
            return redirect(change_url(delivery))

        return self.ask(request, object_id, _SEND_TEST, send, EndpointForm)

    @action(description="Check a signature", icon="fact_check", permissions=["view"])
    def check_signature(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Why a partner refuses a callback. Changes and keeps nothing, so the history does not tell of it."""
        partner = self.get_object(request, unquote(object_id))
        if partner is None:
            raise Http404
        form = SignatureForm(request.POST if request.method == "POST" else None)
        checked = signatures.check(partner=partner, **form.cleaned_data) if form.is_valid() else None
        return pages.signature_page(self, request, partner, form, checked)

    def _webhook_secret_page(self, request: HttpRequest, partner: Partner, secret: str) -> HttpResponse:
        return pages.secrets_page(self, request, partner, "Webhook secret", {"Webhook secret": secret})


_ROTATE = Question(
    title="Rotate webhook secret",
    text="The partner gets a new secret, shown once on the next page. For 24 hours callbacks carry the "
    "signatures of both secrets; after that only the new one's.",
    button="Rotate",
    dangerous=True,
)
_SEND_TEST = Question(
    title="Send test callback",
    text="A callback that says it is a test is signed with the partner's secret, sent to this URL, "
    "retried and recorded like any other.",
    button="Send",
)

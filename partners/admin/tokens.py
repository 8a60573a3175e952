from ipaddress import ip_network
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from partners import tokens
from partners.admin import pages
from partners.admin.base import HugeTableAdmin, badge, link
from partners.admin.pages import Question
from partners.admin.toolkit import (
    ModelForm,
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    action,
)
from partners.models import AccessToken, Right, Role


def token_badge(token: AccessToken) -> SafeString:
    if token.revoked_at:
        return badge("revoked", "danger")
    if token.expires_at and token.expires_at <= timezone.now():
        return badge("expired", "warning")
    return badge("usable", "success") if token.is_usable() else badge("user may not sign in", "warning")


class MachineTokenForm(ModelForm):
    """A token for a program; a person gets theirs by signing in."""

    name = forms.CharField(
        max_length=255,
        widget=UnfoldAdminTextInputWidget,
        help_text="What uses it, as the audit will name it.",
    )
    role = forms.ChoiceField(
        choices=[(role.value, role.label) for role in tokens.MACHINE_ROLES], widget=UnfoldAdminSelectWidget
    )
    scopes = forms.MultipleChoiceField(
        choices=Right.choices,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="It may do what is ticked, as far as its role may.",
    )
    allowed_addresses = forms.CharField(
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "placeholder": "192.0.2.0/24"}),
        help_text="Addresses or networks it may come from, one a line; empty allows all.",
    )

    class Meta:
        model = AccessToken
        fields = ("name", "sub_tenant", "role", "scopes", "expires_at", "allowed_addresses")

    def clean_allowed_addresses(self) -> list[str]:
        return [_network(line) for line in self.cleaned_data["allowed_addresses"].split()]

    def clean_expires_at(self) -> Any:
        expires_at = self.cleaned_data["expires_at"]
        if expires_at and expires_at <= timezone.now():
            raise forms.ValidationError("This time has passed.")
        return expires_at


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError as error:
        raise forms.ValidationError(f"{text}: {error}") from error


@admin.register(AccessToken)
class AccessTokenAdmin(HugeTableAdmin):
    """Tokens are made and revoked by ``partners.tokens``; a digest is never shown, and nothing is edited."""

    form = MachineTokenForm
    list_display = ("label", "holder", "acts_as", "standing", "created_at", "expires_at", "last_used_at")
    list_select_related = ("user__sub_tenant__tenant", "sub_tenant__tenant")
    list_filter = ("role",)
    search_fields = ("id", "name", "user")
    search_help_text = "Number of the token (before the |), its name, or its user's number"
    raw_id_fields = ("sub_tenant",)
    fields = ("name", "sub_tenant", "role", "scopes", "expires_at", "allowed_addresses")
    shown = (
        "label",
        "holder",
        "acts_as",
        "standing",
        "scope_names",
        "addresses",
        "created_at",
        "created_by",
        "expires_at",
        "revoked_at",
        "last_used_at",
    )
    actions_detail = ("revoke",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.shown if obj else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.shown if obj else ()

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        # Nullable in the table for the tokens of people, which are not made here.
        return super().formfield_for_foreignkey(db_field, request, required=True, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_revoke_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return super().has_change_permission(request)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        # The answer shows the secret, so there is no form to go on with.
        one_button = {"show_save_and_continue": False, "show_save_and_add_another": False}
        return super().add_view(request, form_url, {**(extra_context or {}), **one_button})

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        data = form.cleaned_data
        obj.issued = tokens.issue_to_machine(
            sub_tenant=data["sub_tenant"],
            role=Role(data["role"]),
            scopes=[Right(scope) for scope in data["scopes"]],
            name=data["name"],
            created_by=request.user,  # type: ignore[arg-type]  # only users enter the console
            expires_at=data["expires_at"],
            allowed_addresses=data["allowed_addresses"],
        )
        obj.pk = obj.issued.token.pk

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        shown = {"Authorization": f"Bearer {obj.issued.text}"}
        return pages.secrets_page(self, request, obj.issued.token, "New access token", shown)

    def fits(self, title: str, row: Any) -> bool:
        return row.revoked_at is None

    @action(description="Revoke", icon="block", permissions=["revoke"])
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def revoke(token: AccessToken, _: dict[str, Any]) -> None:
            tokens.revoke(token=token)

        return self.ask(request, object_id, _REVOKE, revoke)

    @admin.display(description="token")
    def label(self, token: AccessToken) -> str:
        return str(token)

    @admin.display(description="of")
    def holder(self, token: AccessToken) -> SafeString | str | None:
        return link(token.user) if token.user else "a machine"

    @admin.display(description="acts as")
    def acts_as(self, token: AccessToken) -> str:
        holder = token.user or token
        return f"{holder.get_role_display()} of {holder.sub_tenant}" if holder.sub_tenant else "nobody"

    @admin.display(description="state")
    def standing(self, token: AccessToken) -> SafeString:
        return token_badge(token)

    @admin.display(description="scopes")
    def scope_names(self, token: AccessToken) -> str:
        return ", ".join(token.scopes) if token.user is None else "all that the role may"

    @admin.display(description="allowed addresses")
    def addresses(self, token: AccessToken) -> str:
        return ", ".join(token.allowed_addresses) or "all"


_REVOKE = Question(
    title="Revoke access token",
    text="From the next request on, this token is refused. This cannot be undone.",
    button="Revoke",
    done="The token is revoked.",
    dangerous=True,
)

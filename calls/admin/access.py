from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from calls.admin.access_forms import DirectAccessForm, RecordingAuthForm, TrialFileForm, TrialUrlForm
from calls.admin.filters import AccountFilter
from calls.admin.parts import DeletableAdmin, SecretAdmin, is_used
from calls.models import DirectAccess, Recording, RecordingAuth
from calls.sources import trial
from partners.admin.pages import Question, change_url
from partners.admin.toolkit import action
from partners.outbound import OutboundError


@admin.register(RecordingAuth)
class RecordingAuthAdmin(SecretAdmin, DeletableAdmin):
    """How recordings on an account's hosts are asked for; requests name one by its number."""

    form = RecordingAuthForm
    list_display = ("name", "number", "sub_tenant", "method", "its_hosts", "used", "created_at")
    list_select_related = ("sub_tenant__tenant",)
    list_filter = (AccountFilter, "method")
    search_fields = ("name",)
    search_help_text = "Name"
    raw_id_fields = ("sub_tenant",)
    readonly_fields = ("number", "created_at")
    actions_detail = ("test_access",)
    in_use = "Calls were sent with it, so that it cannot be deleted."
    uses = (Recording.objects.all(), "auth_id")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        writable = [*RecordingAuthForm.Meta.fields, *self.secret_fields(request, obj)]
        return [(None, {"fields": ["number", *writable, "created_at"] if obj else writable})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*super().get_readonly_fields(request, obj), *(("sub_tenant",) if obj else ()))

    @action(description="Test access", icon="network_check", permissions=["change"])
    def test_access(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def test(auth: RecordingAuth, given: dict[str, Any]) -> HttpResponse:
            return _tell(self, request, auth, lambda: trial.try_auth(auth, given["url"]))

        return self.ask(request, object_id, _TEST_AUTH, test, TrialUrlForm)

    @admin.display(description="auth config id", ordering="pk")
    def number(self, auth: RecordingAuth) -> str:
        return str(auth.pk)

    @admin.display(description="hosts")
    def its_hosts(self, auth: RecordingAuth) -> str:
        return ", ".join(auth.hosts)

    @admin.display(description="has calls", boolean=True)
    def used(self, auth: Any) -> bool:
        return is_used(auth)


@admin.register(DirectAccess)
class DirectAccessAdmin(SecretAdmin, DeletableAdmin):
    """The stores that accounts let us read recordings from."""

    form = DirectAccessForm
    list_display = ("sub_tenant", "kind", "endpoint", "container", "base_path", "account", "created_at")
    list_select_related = ("sub_tenant__tenant",)
    list_filter = (AccountFilter, "kind")
    search_fields = ("endpoint", "container", "account")
    search_help_text = "Endpoint, bucket or container, or account"
    raw_id_fields = ("sub_tenant",)
    readonly_fields = ("created_at",)
    actions_detail = ("test_access",)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        secret = self.secret_fields(request, obj)
        return [
            (None, {"fields": ["sub_tenant", "kind", "endpoint", *(["created_at"] if obj else [])]}),
            ("Where the recordings lie", {"fields": [("container", "region"), "base_path"]}),
            ("Who we are there", {"fields": ["account", *secret, "host_key"]}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*super().get_readonly_fields(request, obj), *(("sub_tenant",) if obj else ()))

    @action(description="Test access", icon="network_check", permissions=["change"])
    def test_access(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def test(access: DirectAccess, given: dict[str, Any]) -> HttpResponse:
            return _tell(self, request, access, lambda: trial.try_direct(access, given["filename"]))

        return self.ask(request, object_id, _TEST_DIRECT, test, TrialFileForm)


def _tell(
    model_admin: SecretAdmin, request: HttpRequest, row: Model, attempt: Callable[[], str]
) -> HttpResponse:
    """Say what came of the attempt on the row's page."""
    try:
        model_admin.message_user(request, attempt(), messages.SUCCESS)
    except OutboundError as error:
        model_admin.message_user(request, f"No access: {error.reason}.", messages.ERROR)
    return redirect(change_url(row))


_TEST_AUTH = Question(
    title="Test access",
    text="The first bytes of this recording are asked for, with the secret if the URL's host is one of the "
    "config's. Nothing is stored.",
    button="Test",
)
_TEST_DIRECT = Question(
    title="Test access",
    text="We sign in to the store, and look whether the file is there if one is named. Nothing is stored.",
    button="Test",
)

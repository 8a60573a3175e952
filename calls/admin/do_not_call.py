"""The do-not-call list: hashes, which nobody reads, so a number is asked about instead of looked up."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import ADDITION, DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString

from calls.admin.filters import AccountFilter
from calls.hashes import possible_hashes
from calls.models import DoNotCall
from calls.services import do_not_call
from partners.admin.base import ReadOnlyAdmin, moment, unbroken, write_history
from partners.admin.toolkit import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget
from partners.models import SubTenant
from zipingest.phones import compact, must_be_e164

_MOST_SHOWN = 20


class NumberForm(forms.Form):
    sub_tenant = forms.ModelChoiceField(
        SubTenant.objects.select_related("tenant"), label="Sub-tenant", widget=UnfoldAdminSelectWidget
    )
    phone = forms.CharField(
        label="Number",
        max_length=32,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "type": "tel"}),
        help_text="With the country's code, such as +12125551001.",
    )

    def clean_phone(self) -> str:
        phone = compact(self.cleaned_data["phone"])
        must_be_e164(phone)
        return phone


@admin.register(DoNotCall)
class DoNotCallAdmin(ReadOnlyAdmin):
    """Which numbers must not be dialled for which account. A search for a number finds its rows."""

    list_display = ("shown_hash", "sub_tenant", "added")
    list_select_related = ("sub_tenant__tenant",)
    list_filter = (AccountFilter,)
    search_fields = ("phone_hash",)
    search_help_text = "Number, such as +12125551001"
    fields = ("sub_tenant", "phone_hash", "added_at")

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        # The index of an account's rows is in the order of the hashes.
        return ("phone_hash",) if request.GET.get("account") else ("-id",)

    def matching(self, term: str) -> Q:
        # The index begins with the account: it is asked once for each.
        hashes = possible_hashes("phone", compact(term))
        return Q(sub_tenant__in=SubTenant.objects.order_by(), phone_hash__in=hashes)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("calls.add_donotcall")

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Asks for a number, says whether it is on the list, and adds it or takes it off."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = NumberForm(request.POST or None)
        if not form.is_valid():
            return self._page(request, form)
        account, phone = form.cleaned_data["sub_tenant"], form.cleaned_data["phone"]
        if "add" in request.POST:
            self._add(request, account, phone)
        elif "remove" in request.POST:
            self._remove(request, account, phone)
        return self._page(request, form, do_not_call.marks_of(account.pk, phone).first())

    def _add(self, request: HttpRequest, account: SubTenant, phone: str) -> None:
        added = do_not_call.add(sub_tenant_id=account.pk, phone=phone)
        if added is None:
            self.message_user(request, "It was on the list already.", messages.WARNING)
            return
        write_history(request, added, ADDITION, _named(account, added.phone_hash), "Added by hand")
        self.message_user(request, f"{phone} is not called for {account} any more.", messages.SUCCESS)

    def _remove(self, request: HttpRequest, account: SubTenant, phone: str) -> None:
        if not request.user.has_perm("calls.delete_donotcall"):
            raise PermissionDenied
        known = do_not_call.marks_of(account.pk, phone).first()
        if known is None or not do_not_call.remove(sub_tenant_id=account.pk, phone=phone):
            self.message_user(request, "It was not on the list.", messages.WARNING)
            return
        write_history(request, known, DELETION, _named(account, known.phone_hash), "Taken off by hand")
        self.message_user(request, f"{phone} may be called for {account} again.", messages.SUCCESS)

    def _page(self, request: HttpRequest, form: NumberForm, known: DoNotCall | None = None) -> HttpResponse:
        is_asked = form.is_bound and form.is_valid()
        context = {
            **self.admin_site.each_context(request),
            "title": "Ask about a number",
            "opts": self.opts,
            "form": form,
            "is_asked": is_asked,
            "known": known,
            "since": moment(known.added_at) if known else "",
            "may_remove": request.user.has_perm("calls.delete_donotcall"),
            "history": _history(**form.cleaned_data) if is_asked else (),
            "back": reverse("admin:calls_donotcall_changelist"),
        }
        return TemplateResponse(request, "console/do_not_call.html", context)

    @admin.display(description="hash of the number")
    def shown_hash(self, mark: DoNotCall) -> SafeString:
        return unbroken(f"{mark.phone_hash[:24]}…")

    @admin.display(description="added")
    def added(self, mark: DoNotCall) -> SafeString:
        return unbroken(moment(mark.added_at))


def _history(sub_tenant: SubTenant, phone: str) -> Sequence[dict[str, str]]:
    """Who changed the list in this number, newest first; there too it stands as its hash."""
    names = [_named(sub_tenant, one) for one in possible_hashes("phone", phone)]
    entries: QuerySet[LogEntry] = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(DoNotCall), object_repr__in=names
    )
    found = entries.select_related("user").order_by("-pk")[:_MOST_SHOWN]
    return [
        {"at": moment(one.action_time), "who": str(one.user), "what": one.change_message} for one in found
    ]


def _named(account: SubTenant, phone_hash: str) -> str:
    return f"{phone_hash} for {account.pk}"

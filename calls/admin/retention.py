from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.views.decorators.http import require_http_methods

from calls.admin.filters import AccountFilter
from calls.models import PurgeCount, RetentionChange
from calls.services import windows
from calls.services.windows import MOST_COUNTED, Consequences
from partners.admin.base import ReadOnlyAdmin, moment, unbroken
from partners.admin.pages import change_url
from partners.admin.toolkit import UnfoldAdminTextInputWidget
from partners.models import SubTenant


class RetentionForm(forms.Form):
    days = forms.IntegerField(
        label="Days a recording is kept",
        required=False,
        min_value=1,
        max_value=36_500,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "numeric", "placeholder": "no limit"}),
        help_text="Counted from the end of the call or the storing of its recording, whichever is later. "
        "Empty keeps them without limit.",
    )
    # What the preview was about; what is saved is nothing else.
    previewed = forms.CharField(required=False, widget=forms.HiddenInput)

    @property
    def is_confirmed(self) -> bool:
        return "save" in self.data and self.cleaned_data["previewed"] == _text(self.cleaned_data["days"])


@admin.register(RetentionChange)
class RetentionChangeAdmin(ReadOnlyAdmin):
    """Who changed which account's retention; and the page on which it is changed."""

    list_display = ("sub_tenant", "before", "after", "changed_by", "changed")
    list_select_related = ("sub_tenant__tenant",)
    list_filter = (AccountFilter,)
    fields = ("sub_tenant", ("before", "after"), ("changed_by", "changed_at"))
    readonly_fields = ("before", "after")

    def get_urls(self) -> list[URLPattern]:
        change = self.admin_site.admin_view(require_http_methods(["GET", "HEAD", "POST"])(self.change))
        name = "calls_retentionchange_account"
        return [path("account/<int:pk>/", change, name=name), *super().get_urls()]

    def change(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Asks for the days, shows what they would delete, and saves them once that was confirmed."""
        if not request.user.has_perm("partners.change_subtenant"):
            raise PermissionDenied
        account = get_object_or_404(SubTenant.objects.select_related("tenant"), pk=pk)
        form = RetentionForm(request.POST or None, initial={"days": account.retention_days})
        if not form.is_valid():
            return self._page(request, account, form)
        days = form.cleaned_data["days"]
        if form.is_confirmed:
            return self._save(request, account, days)
        # A copy of what was sent, so that the hidden field now says what is shown.
        shown = RetentionForm({"days": form.data.get("days", ""), "previewed": _text(days)})
        preview = windows.consequences(sub_tenant=account, days=days)
        return self._page(request, account, shown, preview, days)

    def _save(self, request: HttpRequest, account: SubTenant, days: int | None) -> HttpResponse:
        changed = windows.change_retention(
            sub_tenant=account, days=days, changed_by=request.user.get_username()
        )
        said = f"Recordings are kept {_days(days)} from now on." if changed else "It was so already."
        self.message_user(request, said, messages.SUCCESS)
        return redirect(change_url(account))

    def _page(
        self,
        request: HttpRequest,
        account: SubTenant,
        form: RetentionForm,
        preview: Consequences | None = None,
        days: int | None = None,
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Change retention",
            "subtitle": str(account),
            "account": account,
            "form": form,
            "now_kept": _days(account.retention_days),
            "then_kept": _days(days),
            "preview": preview,
            "facts": _facts(preview) if preview else (),
            "deleted_from": moment(preview.deleted_from) if preview else "",
            "unchanged": days == account.retention_days,
            "back": change_url(account),
        }
        return TemplateResponse(request, "console/retention.html", context)

    @admin.display(description="from")
    def before(self, change: RetentionChange) -> str:
        return _days(change.old_days)

    @admin.display(description="to")
    def after(self, change: RetentionChange) -> str:
        return _days(change.new_days)

    @admin.display(description="changed")
    def changed(self, change: RetentionChange) -> SafeString:
        return unbroken(moment(change.changed_at))


@admin.register(PurgeCount)
class PurgeCountAdmin(ReadOnlyAdmin):
    """How many recordings of an account were given up on a day."""

    list_display = ("day", "sub_tenant", "recordings", "size")
    list_select_related = ("sub_tenant__tenant",)
    list_filter = (AccountFilter,)
    fields = ("day", "sub_tenant", "recordings", "size")
    readonly_fields = ("size",)

    @admin.display(description="size")
    def size(self, count: PurgeCount) -> str:
        return filesizeformat(count.bytes)


def _facts(preview: Consequences) -> list[tuple[str, str]]:
    """What the preview says, a line each."""
    return [
        ("Recordings beyond the new window", _count(preview.recordings)),
        ("of these expired already, in the present one", _count(preview.expired_before)),
        ("of these held, and kept", _count(preview.held)),
        ("of these never exported", _count(preview.never_exported)),
        ("The oldest is kept since", moment(preview.oldest)),
        ("The newest is kept since", moment(preview.newest)),
    ]


def _count(number: int) -> str:
    return f"{number:,} or more" if number >= MOST_COUNTED else f"{number:,}"


def _days(days: int | None) -> str:
    return "without limit" if days is None else f"{days:,} {'day' if days == 1 else 'days'}"


def _text(days: int | None) -> str:
    return "none" if days is None else str(days)

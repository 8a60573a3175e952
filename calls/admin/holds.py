from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.views.decorators.http import require_http_methods

from calls import expiring
from calls.admin.filters import NAMED, account_key, accounts, accounts_named, offered_accounts
from calls.models import Call, LegalHold
from calls.services import holds
from partners.admin.base import ReadOnlyAdmin, Refused, badge, exactly, link, moment, shortened, unbroken
from partners.admin.pages import Question, change_url
from partners.admin.toolkit import UnfoldAdminTextInputWidget, UnfoldBooleanWidget, action
from partners.models import SubTenant
from zipingest import work

MOST_SHOWN = 100
_REASON = "kept from expiring"


class HoldForm(forms.Form):
    reason = forms.CharField(
        max_length=500, widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "Case, and who asked for it"})
    )


class SelectedForm(forms.Form):
    """Asked between the list and the deed; sends once more what the list had sent."""

    select_across = forms.BooleanField(
        required=False,
        label="All calls that the list is filtered to, not only those ticked",
        widget=UnfoldBooleanWidget,
    )

    def __init__(self, *args: Any, chosen: QueryDict, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        ticked = chosen.getlist(ACTION_CHECKBOX_NAME)
        for name, value in {ACTION_CHECKBOX_NAME: ticked, "action": [chosen.get("action")]}.items():
            hidden = forms.Field(required=False, widget=forms.MultipleHiddenInput, initial=value)
            self.fields[name] = hidden


class HoldSelectedForm(SelectedForm, HoldForm):
    pass


class RetrySelectedForm(SelectedForm):
    asked = forms.BooleanField(widget=forms.HiddenInput, initial=True)


class ActiveFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "active"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("yes", "active"), ("no", "released")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LegalHold]) -> QuerySet[LegalHold]:
        if self.value() not in ("yes", "no"):
            return queryset
        return queryset.filter(released_at__isnull=self.value() == "yes")


@admin.register(LegalHold)
class LegalHoldAdmin(ReadOnlyAdmin):
    """Holds are placed on calls; here they are read and released."""

    list_display = ("held_call", "standing", "why", "placed_by", "placed", "released_by", "released")
    list_filter = (ActiveFilter,)
    search_fields = ("call",)
    search_help_text = "Call id or the call's uuid"
    fields = (("held_call", "standing"), "reason", ("placed_by", "placed_at"), ("released_by", "released_at"))
    readonly_fields = ("held_call", "standing")
    actions = ("release_selected",)
    actions_detail = ("release",)

    def get_urls(self) -> list[URLPattern]:
        soon = self.admin_site.admin_view(require_http_methods(["GET", "HEAD", "POST"])(self.expiring))
        return [path("expiring/", soon, name="calls_legalhold_expiring"), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[LegalHold]:
        rows: QuerySet[LegalHold] = super().get_queryset(request)
        return rows.select_related("call").defer("call__fingerprint")

    def matching(self, term: str) -> Q:
        calls = Call.objects.filter(exactly(Call, ("uuid", "external_id"), term)).values_list("pk", flat=True)
        return Q(call__in=list(calls[:100]))

    def has_release_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("calls.change_legalhold")

    def fits(self, title: str, row: Any) -> bool:
        return row.released_at is None

    @action(description="Release", icon="lock_open", permissions=["view", "release"])
    def release(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def release(hold: LegalHold, _: dict[str, Any]) -> None:
            row = LegalHold.objects.filter(pk=hold.pk)
            if not holds.release(holds=row, released_by=request.user.get_username()):
                raise Refused("This hold was released already; nothing was changed.")

        return self.ask(request, object_id, _RELEASE, release)

    @action(description="Release", permissions=["release"])
    def release_selected(self, request: HttpRequest, queryset: QuerySet[LegalHold]) -> None:
        released = holds.release(holds=queryset, released_by=request.user.get_username())
        self.message_user(request, f"{released} released; the others were so already.")

    def expiring(self, request: HttpRequest) -> HttpResponse:
        """What expires within seven days; a POST holds the calls it names."""
        if not request.user.has_perm("calls.view_call"):
            raise PermissionDenied
        may_hold = request.user.has_perm("calls.add_legalhold")
        if request.method == "POST":
            if not may_hold:
                raise PermissionDenied
            return self._hold(request)
        asked, chosen = request.GET.get(NAMED, "").strip(), account_key(request.GET.get("account"))
        account = None if asked else accounts().filter(pk=chosen).first()
        context = {
            **self.admin_site.each_context(request),
            **_expiring(accounts_named(asked) if asked else [account] if account else None),
            "title": "Expiring within 7 days",
            "offered": offered_accounts(named=asked, chosen=chosen),
            "asked": asked,
            "account": account,
            "reason": _REASON,
            "may_hold": may_hold,
        }
        return TemplateResponse(request, "console/expiring.html", context)

    def _hold(self, request: HttpRequest) -> HttpResponse:
        # One row's own button, or all that are ticked.
        chosen = [request.POST["one"]] if "one" in request.POST else request.POST.getlist("call")
        calls = Call.objects.filter(pk__in=[pk for pk in chosen if pk.isdecimal()])
        form = HoldForm(request.POST)
        if not form.is_valid():
            self.message_user(request, "Say why the calls are held.", messages.ERROR)
        else:
            hold(self, request, calls, form.cleaned_data["reason"])
        return redirect(request.get_full_path())

    @admin.display(description="call")
    def held_call(self, hold: LegalHold) -> SafeString | None:
        return link(hold.call)

    @admin.display(description="state")
    def standing(self, hold: LegalHold) -> SafeString:
        return badge("released", "") if hold.released_at else badge("active", "warning")

    @admin.display(description="reason")
    def why(self, hold: LegalHold) -> SafeString:
        return shortened(hold.reason, 60)

    @admin.display(description="placed")
    def placed(self, hold: LegalHold) -> SafeString:
        return unbroken(moment(hold.placed_at))

    @admin.display(description="released")
    def released(self, hold: LegalHold) -> SafeString:
        return unbroken(moment(hold.released_at))


def hold(model_admin: ReadOnlyAdmin, request: HttpRequest, calls: QuerySet[Call], reason: str) -> None:
    """Place the holds and say what came of it."""
    try:
        placed = holds.place(calls=calls, reason=reason, placed_by=request.user.get_username())
    except holds.TooMany:
        text = f"These are more than {holds.MOST_AT_ONCE:,} calls: narrow the filter. Nothing was changed."
        model_admin.message_user(request, text, messages.ERROR)
        return
    done = [f"{placed.placed} {'call is' if placed.placed == 1 else 'calls are'} held now"]
    done += [f"{placed.before} held before"] if placed.before else []
    done += [f"{placed.gone} not held, as the audio is gone already"] if placed.gone else []
    model_admin.message_user(
        request, "; ".join(done) + ".", messages.WARNING if placed.gone else messages.SUCCESS
    )


def _expiring(of: Iterable[SubTenant] | None) -> dict[str, Any]:
    rows = expiring.expiring(now=work.database_now(), most=MOST_SHOWN + 1, accounts=of)
    return {
        "rows": [_row(one) for one in rows[:MOST_SHOWN]],
        "has_more": len(rows) > MOST_SHOWN,
        "most": MOST_SHOWN,
    }


def _row(one: expiring.Expiring) -> dict[str, Any]:
    call = one.recording.call
    return {
        "call": call,
        "url": change_url(call),
        "started": moment(call.started_at),
        "expires": moment(one.at),
        "exported": moment(call.last_exported_at),
    }


_RELEASE = Question(
    title="Release legal hold",
    text="The account's retention applies to the call again at once: if its window and the seven days of "
    "grace have passed, its audio is deleted within the hour.",
    button="Release",
    done="The hold is released.",
    dangerous=True,
)

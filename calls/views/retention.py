"""How long the account keeps its recordings, what expires soon, and what is held."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect

from calls import expiring, selectors
from calls.expiring import Expiring, Place
from calls.models import LegalHold
from calls.services import holds, windows
from calls.services.windows import Consequences
from partners.models import Right
from partners.page_forms import PageForm
from partners.pages import MemberPage
from zipingest import work

PER_PAGE = 25
_REASON = "kept from expiring"
_LONGEST_DAYS = 36_500


class WindowForm(PageForm):
    """``previewed``: the days whose consequences were shown; what is saved is nothing else."""

    days = forms.IntegerField(
        label="Days a recording is kept",
        required=False,
        min_value=1,
        max_value=_LONGEST_DAYS,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        help_text="Counted from the end of the call or the storing of its recording, whichever is later. "
        "Empty: without limit.",
        error_messages={"invalid": "Enter a whole number of days, or nothing."},
    )
    previewed = forms.CharField(required=False, widget=forms.HiddenInput)

    @property
    def is_confirmed(self) -> bool:
        days = self.cleaned_data["days"]
        return "save" in self.data and self.cleaned_data["previewed"] == (
            "none" if days is None else str(days)
        )


class RetentionPage(MemberPage):
    """A POST shows what other days would do; one that was shown and is confirmed changes them."""

    right = Right.ACCOUNT

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(WindowForm(initial={"days": self.member.sub_tenant.retention_days}))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = WindowForm(request.POST)
        if not form.is_valid():
            return self._page(form, status=422)
        days = form.cleaned_data["days"]
        if form.is_confirmed:
            return self._save(days)
        preview = windows.consequences(sub_tenant=self.member.sub_tenant, days=days)
        return self._page(form, {"preview": preview, "counts": _counts(preview), "days": days})

    def _save(self, days: int | None) -> HttpResponse:
        windows.change_retention(sub_tenant=self.member.sub_tenant, days=days, changed_by=self.member.name)
        messages.success(self.request, f"Recordings are kept {in_words(days)} from now on.")
        return redirect("retention")

    def _page(self, form: WindowForm, shown: dict[str, Any] | None = None, status: int = 200) -> HttpResponse:
        account = self.member.sub_tenant
        context = {
            "title": "Retention",
            "form": form,
            "now_kept": in_words(account.retention_days),
            "then_kept": in_words(shown["days"]) if shown else "",
            "unchanged": shown is not None and shown["days"] == account.retention_days,
            **(shown or {}),
            **self._soon(),
            **self._held(),
        }
        return self.render("retention/retention.html", context, status=status)

    def _soon(self) -> dict[str, Any]:
        rows = expiring.expiring(
            now=work.database_now(),
            most=PER_PAGE + 1,
            accounts=[self.member.sub_tenant],
            after=_place(self.request.GET.get("after", "")),
        )
        has_more = len(rows) > PER_PAGE
        return {
            "soon": rows[:PER_PAGE],
            "soon_next": _address_of(rows[PER_PAGE - 1]) if has_more else "",
            "is_later": "after" in self.request.GET,
        }

    def _held(self) -> dict[str, Any]:
        before = self.request.GET.get("before", "")
        rows = active_holds(self).select_related("call__agent").defer("call__fingerprint").order_by("-pk")
        if before.isdecimal() and len(before) < 19:
            rows = rows.filter(pk__lt=int(before))
        found = list(rows[: PER_PAGE + 1])
        return {
            "held": found[:PER_PAGE],
            "held_next": found[PER_PAGE - 1].pk if len(found) > PER_PAGE else "",
            "is_older": "before" in self.request.GET,
        }


class HoldCall(MemberPage):
    """Holds the call that ``uuid`` names."""

    right = Right.ACCOUNT

    def post(self, request: HttpRequest) -> HttpResponse:
        calls = selectors.account_call(self.member.sub_tenant, _uuid(request.POST.get("uuid", "")))
        if not calls.exists():
            raise Http404
        placed = holds.place(calls=calls, reason=_REASON, placed_by=self.member.name)
        if placed.gone:
            messages.error(request, "The recording is gone already: there is nothing to hold.")
        else:
            messages.success(request, "The call is held: its recording does not expire.")
        return redirect("retention")


class ReleaseHold(MemberPage):
    right = Right.ACCOUNT

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        of_account = LegalHold.objects.filter(call__sub_tenant=self.member.sub_tenant)
        hold = get_object_or_404(of_account, pk=pk)
        row = LegalHold.objects.filter(pk=hold.pk)
        if holds.release(holds=row, released_by=self.member.name):
            messages.success(request, "The hold is released.")
        else:
            messages.warning(request, "The hold was released already.")
        return redirect("retention")


def in_words(days: int | None) -> str:
    return "without limit" if days is None else f"{days:,} {'day' if days == 1 else 'days'}"


def active_holds(page: MemberPage) -> QuerySet[LegalHold]:
    of_account = LegalHold.objects.filter(call__sub_tenant=page.member.sub_tenant)
    return of_account.filter(released_at__isnull=True)


def _counts(preview: Consequences) -> list[tuple[str, str]]:
    """What the preview counted, a line each."""
    counted = {
        "Recordings beyond these days": preview.recordings,
        "of these expired already": preview.expired_before,
        "of these held, and kept": preview.held,
        "of these never exported": preview.never_exported,
    }
    return [
        (name, f"{number:,} or more" if number >= windows.MOST_COUNTED else f"{number:,}")
        for name, number in counted.items()
    ]


def _address_of(row: Expiring) -> str:
    at, pk = row.place
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%S.%f}-{pk}"


def _place(text: str) -> Place | None:
    """What ``_address_of`` wrote; None where it is anything else."""
    moment, _, pk = text.partition("-")
    if not pk.isdecimal() or len(pk) > 18:
        return None
    try:
        at = datetime.strptime(moment, "%Y%m%dT%H%M%S.%f").replace(tzinfo=UTC)
    except ValueError:
        return None
    # From earlier ones the longest window could not be subtracted.
    return (at, int(pk)) if at.year >= 1970 else None


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise Http404 from error

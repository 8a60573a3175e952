from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import filesizeformat

from calls import selectors as calls
from calls.forms import Option
from calls.giving import actor_of
from calls.services import audit
from exports import selectors, words
from exports.forms import OrderForm, criteria_of, selected, with_usual_period
from exports.models import ExportJob
from exports.services import orders
from exports.views.shown import Shown
from partners.models import Right
from partners.pages import MemberPage
from zipingest import work

PER_PAGE = 20


class _Ordering(MemberPage):
    right = Right.EXPORTS

    def form(self, *, of_last_days: bool = False) -> OrderForm:
        """The form as it was filled in, checked; ``of_last_days`` where it names no period."""
        asked = self.request.POST if self.request.method == "POST" else self.request.GET
        form = OrderForm(with_usual_period(asked) if of_last_days else asked, self.member.sub_tenant)
        form.is_valid()
        return form

    def page(self, form: OrderForm, *, said: str = "", status: int = 200) -> HttpResponse:
        """``said``: why nothing was ordered."""
        context = {
            "title": "Exports",
            "form": form,
            "said": said,
            "is_refused": status != 200,
            "is_wrong": status != 200 and bool(form.errors),
            "sends_mail": settings.SENDS_MAIL,
            "address": self.member.user.email if self.member.user else "",
            **self._exports(),
        }
        return self.render("exports/exports.html", context, status)

    def _exports(self) -> dict[str, Any]:
        jobs, before = selectors.exports_of(self.member.sub_tenant), _key(self.request.GET.get("before", ""))
        found = list((jobs.filter(pk__lt=before) if before else jobs)[: PER_PAGE + 1])
        older = found[PER_PAGE - 1].pk if len(found) > PER_PAGE else None
        return {"exports": Shown.of(found[:PER_PAGE]), "older": older, "is_newest": before is None}


class ExportsPage(_Ordering):
    """The form, filled in from the query string, and the account's exports, newest first."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page(self.form(of_last_days=True))


class EstimatePart(_Ordering):
    """What the form as it stands would come to."""

    def get(self, request: HttpRequest) -> HttpResponse:
        form = self.form()
        if not form.is_valid():
            return self.render("exports/estimate.html", {"wrong": form.wrong()})
        wanted = form.filter()
        estimate = orders.estimate(calls.matching(wanted), wanted.sub_tenant, work.database_now())
        return self.render("exports/estimate.html", _in_words(estimate))


class ChoicesPart(_Ordering):
    """What can be chosen in a field of the form: what is chosen, and what the search ``q`` finds."""

    field: ClassVar[str] = ""

    def get(self, request: HttpRequest) -> HttpResponse:
        context = {"name": self.field, "options": self._options(_searchable(request.GET.get("q", "")))}
        return self.render("exports/options.html", context)

    def _options(self, search: str) -> list[Option]:
        raise NotImplementedError


class AgentsPart(ChoicesPart):
    field = "agent"

    def _options(self, search: str) -> list[Option]:
        return self.form().agents(search)


class DispositionsPart(ChoicesPart):
    field = "disposition"

    def _options(self, search: str) -> list[Option]:
        return self.form().dispositions(search)


class OrderPage(_Ordering):
    """Orders what the form says, or the calls that are selected (``uuid``, repeated)."""

    def post(self, request: HttpRequest) -> HttpResponse:
        is_selection = "uuid" in request.POST
        form = self.form(of_last_days=is_selection)
        if not is_selection and not form.is_valid():
            return self.page(form, status=422)
        try:
            job = self._selection() if is_selection else self._filtered(form)
        except orders.NothingToExport:
            return self.page(form, said=_NOTHING[is_selection], status=422)
        return redirect("exports-job", job.public_id)

    def _filtered(self, form: OrderForm) -> ExportJob:
        wanted, asked = form.filter(), form.cleaned_data
        criteria = criteria_of(wanted, include_signals=asked["include_signals"])
        return orders.order(actor=self._actor, wanted=wanted, criteria=criteria, tell=asked["tell"])

    def _selection(self) -> ExportJob:
        asked = self.request.POST
        return orders.order_calls(
            actor=self._actor,
            sub_tenant=self.member.sub_tenant,
            uuids=selected(asked),
            include_signals="include_signals" in asked,
            tell="tell" in asked,
        )

    @property
    def _actor(self) -> audit.Actor:
        return actor_of(self.request, self.member.name, self.member.user)


_NOTHING = {
    False: "No call of this choice has a recording that can be exported. Nothing was ordered.",
    True: "None of the selected calls has a recording that can be exported. Nothing was ordered.",
}


def _in_words(estimate: orders.Estimate) -> dict[str, Any]:
    left_out = estimate.matched - estimate.files
    return {
        "matched": words.counted(estimate.matched, "matching call") if estimate.matched else "",
        "files": words.counted(estimate.files, "recording") if estimate.files else "",
        "size": filesizeformat(estimate.bytes),
        "left_out": f"{left_out:,}" if left_out else "",
        "why": words.left_out(estimate.expired, estimate.missing),
    }


def _searchable(text: str) -> str:
    """No name is longer, and none has a NUL, which PostgreSQL does not even take to compare with."""
    return text.replace("\0", "").strip()[:255]


def _key(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None

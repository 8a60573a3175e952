"""The account's batches, and what its pages of batches share."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from calls.dialer import progress, selectors
from calls.dialer.words import shown
from partners.members import Reach
from partners.models import Right
from partners.pages import MemberPage

PER_PAGE = 20


class OfBatches(MemberPage):
    """Contacts are nobody's own: these pages are for those who see all of the account's calls."""

    right = Right.CALLS_READ
    reach = Reach.ALL

    @property
    def may_act(self) -> bool:
        return self.member.may(Right.CALLS_WRITE, Reach.ALL)

    def listed(self) -> dict[str, Any]:
        batches = selectors.batches_of(self.member.sub_tenant)
        before = key(self.request.GET.get("before", ""))
        found = list((batches.filter(pk__lt=before) if before else batches)[: PER_PAGE + 1])
        rows = shown(progress.courses_of(found[:PER_PAGE]))
        return {
            "rows": rows,
            "goes_on": any(row.course.goes_on for row in rows),
            "older": found[PER_PAGE - 1].pk if len(found) > PER_PAGE else None,
            "before": before,
            "may_act": self.may_act,
        }


class BatchesPage(OfBatches):
    """Newest first, each with its progress."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render("dialer/batches.html", {"title": "Batches", **self.listed()})


class BatchesPart(OfBatches):
    """The list alone, asked for as long as one of them goes on."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render("dialer/list.html", self.listed())


def key(text: str) -> int | None:
    """A row's key in an address; None where it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None

"""*Why did this call not arrive?*: one box over call id, phone, customer and request id."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from calls import timeline
from calls.admin import display
from calls.models import Call, IngestItem
from calls.standing import Standing, standing_of
from calls.timeline import Event
from partners.admin.base import ReadOnlyAdmin, moment
from partners.admin.pages import change_url
from partners.admin.rejections import field_errors
from partners.models import Partner, Rejection, RejectionCount
from zipingest import work

MOST_CALLS = 20
MOST_REJECTIONS = 20
MOST_COUNTS = 28


class WhyForm(forms.Form):
    q = forms.CharField(required=False, max_length=255)
    partner = forms.ModelChoiceField(Partner.objects.all(), required=False, empty_label="any partner")


@dataclass(frozen=True, slots=True)
class Answer:
    """A call that was found, how it stands, and what happened to it, newest last."""

    call: Call
    url: str
    source: str
    standing: Standing
    next_attempt: str
    events: list[dict[str, Any]]


def why_page(model_admin: ReadOnlyAdmin, request: HttpRequest, matching: Any) -> HttpResponse:
    """The page; ``matching`` makes of a term the condition that finds its calls."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    form = WhyForm(request.GET)
    form.full_clean()
    given = form.cleaned_data  # what is not valid, a partner that is gone, is not in it
    term, partner = given.get("q", ""), given.get("partner")
    calls = _found(model_admin, request, term, partner, matching) if term else []
    context = {
        **model_admin.admin_site.each_context(request),
        "title": "Why did this call not arrive?",
        "form": form,
        "term": term,
        "partner": partner,
        "answers": answers(request, calls[:MOST_CALLS]),
        "has_more": len(calls) > MOST_CALLS,
        "most": MOST_CALLS,
        **_refused(request, term, partner),
    }
    return TemplateResponse(request, "console/why.html", context)


def answers(request: HttpRequest, calls: Sequence[Call]) -> list[Answer]:
    """What is to be said of the calls, in as many queries for twenty as for one."""
    if not calls:
        return []
    told = timeline.timelines(calls, listens=_may(request, "calls.view_accessrecord"), staff=True)
    now = work.database_now()
    return [_answer(call, told[call.pk], now) for call in calls]


def _answer(call: Call, events: Iterable[Event], now: datetime) -> Answer:
    standing = standing_of(call, now)
    rows = [
        {"event": event, "at": moment(event.at), "url": change_url(event.row) if event.row else ""}
        for event in events
    ]
    next_at = _in_words(standing.next_attempt_at, now)
    return Answer(call, change_url(call), display.source_of(call), standing, next_at, rows)


def _in_words(at: datetime | None, now: datetime) -> str:
    if at is None:
        return ""
    minutes = round((at - now).total_seconds() / 60)
    return f"{moment(at)} (in {minutes} minutes)" if minutes > 0 else f"{moment(at)} (as soon as it can be)"


def _found(
    model_admin: ReadOnlyAdmin, request: HttpRequest, term: str, partner: Partner | None, matching: Any
) -> list[Call]:
    """One more than are shown, newest first. The ids of a request's calls first: its own index finds them."""
    items = IngestItem.objects.filter(batch__request_id=term).values_list("call_id", flat=True)
    found: QuerySet[Call] = model_admin.get_queryset(request)
    found = found.filter(matching(term) | Q(pk__in=list(items[: MOST_CALLS + 1])))
    if partner:
        found = found.filter(partner=partner)
    return list(found.order_by("-id")[: MOST_CALLS + 1])


def _refused(request: HttpRequest, term: str, partner: Partner | None) -> dict[str, Any]:
    """Refused requests: those of the request id that is searched for, and the partner's latest."""
    if not _may(request, "partners.view_rejection"):
        return {}
    rejections = Rejection.objects.select_related("partner")
    of_request = rejections.filter(request_id=term)[:MOST_REJECTIONS] if term else ()
    of_partner = rejections.filter(partner=partner)[:MOST_REJECTIONS] if partner else ()
    counts = RejectionCount.objects.filter(partner=partner)[:MOST_COUNTS] if partner else ()
    return {
        "rejections": [_rejected(one) for one in of_request],
        "latest_rejections": [_rejected(one) for one in of_partner],
        "rejection_counts": list(counts),
    }


def _rejected(rejection: Rejection) -> dict[str, Any]:
    return {
        "rejection": rejection,
        "at": moment(rejection.at),
        "errors": field_errors(rejection),
        "url": change_url(rejection),
    }


def _may(request: HttpRequest, permission: str) -> bool:
    return request.user.has_perm(permission)

"""One batch: how far it is, whom it calls, and why somebody is not called."""

from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django_htmx.http import HttpResponseClientRefresh

from calls import telephony
from calls.dialer import progress, selectors
from calls.dialer.models import Batch, Blocked, Contact, ContactStatus
from calls.dialer.selectors import Standing
from calls.dialer.services import batches, dialling
from calls.dialer.views.batches import OfBatches, key
from calls.dialer.words import Rules, ShownBatch, ShownContact, cap_of
from calls.telephony.simulator import Simulator
from zipingest.phones import compact

PER_PAGE = 50
# Failed in the document's words, and a question to a person in ours.
_UNKNOWN = "unknown"
STATUSES = [*ContactStatus.choices, (_UNKNOWN, "not known")]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which contacts are looked at; ``phone``: the beginning of theirs, as it was typed."""

    status: str
    phone: str = ""
    after: int | None = None

    @classmethod
    def of(cls, asked: QueryDict) -> Self:
        status = asked.get("status", "")
        phone = asked.get("phone", "").replace("\0", "").strip()[:32]
        return cls(status if status in dict(STATUSES) else "", phone, key(asked.get("after", "")))

    def matching(self, batch: Batch) -> QuerySet[Contact]:
        """In the order in which they were added."""
        is_unknown = self.status == _UNKNOWN
        contacts = selectors.contacts_of(batch, ContactStatus.FAILED if is_unknown else self.status)
        if is_unknown:
            contacts = contacts.filter(blocked_by=Blocked.UNKNOWN)
        if self.phone:
            contacts = contacts.filter(phone__startswith=_e164(self.phone))
        return contacts.order_by("pk")

    @property
    def query(self) -> str:
        """What the filter is in an address; "" where everybody is looked at."""
        given = (("status", self.status), ("phone", self.phone))
        return urlencode([(name, value) for name, value in given if value])


def _e164(typed: str) -> str:
    """As people write numbers, with or without plus and blanks; letters begin no number."""
    return f"+{compact(typed).replace('+', '')}"


class OfBatch(OfBatches):
    """A page of one batch of the account; of another account's it knows nothing."""

    def batch(self, batch_id: str) -> Batch:
        found = selectors.find_batch(batch_id) if "\0" not in batch_id else None
        if found is None or found.sub_tenant_id != self.member.sub_tenant.pk:
            raise Http404
        return found

    def standing(self, batch: Batch) -> dict[str, Any]:
        (course,) = progress.courses_of([batch])
        numbers = [(number, cap_of(number.most_at_once)) for number in progress.numbers_of(batch)]
        return {"shown": ShownBatch(course), "batch": batch, "numbers": numbers, **_carried()}


def _carried() -> dict[str, Any]:
    provider = telephony.configured()
    return {"provider": provider, "is_simulated": provider is not None and provider.name == Simulator.name}


class BatchPage(OfBatch):
    """Figures, rules and contacts; htmx gets the contacts alone."""

    def get(self, request: HttpRequest, batch_id: str) -> HttpResponse:
        batch = self.batch(batch_id)
        standing = Standing.of(batch)
        context = {"batch": batch, "may_act": self.may_act, **self._contacts(batch, standing)}
        if "HX-Request" in request.headers and "HX-History-Restore-Request" not in request.headers:
            return self.render("dialer/contacts.html", context)
        context |= {
            "title": batch.name,
            "waits_for_a_person": Wanted(_UNKNOWN).matching(batch).exists(),
            "rules": Rules(batch, standing.account),
            "statuses": STATUSES,
            **self.standing(batch),
        }
        return self.render("dialer/batch.html", context)

    def _contacts(self, batch: Batch, standing: Standing) -> dict[str, Any]:
        wanted = Wanted.of(self.request.GET)
        contacts = wanted.matching(batch)
        if wanted.after:
            contacts = contacts.filter(pk__gt=wanted.after)
        found = list(selectors.with_calls(contacts)[: PER_PAGE + 1])
        return {
            "wanted": wanted,
            "contacts": ShownContact.of(found[:PER_PAGE], standing),
            "more": found[PER_PAGE - 1].pk if len(found) > PER_PAGE else None,
            "here": self.request.GET.urlencode(),
        }


class StandingPart(OfBatch):
    """How far it is; once it goes on no more the whole page is loaded again, and asks no more."""

    def get(self, request: HttpRequest, batch_id: str) -> HttpResponse:
        context = self.standing(self.batch(batch_id))
        if not context["shown"].course.goes_on:
            return HttpResponseClientRefresh()
        return self.render("dialer/standing.html", context)


class _Acting(OfBatch):
    def batch(self, batch_id: str) -> Batch:
        if not self.may_act:
            raise PermissionDenied
        return super().batch(batch_id)

    def back(self, batch: Batch) -> HttpResponse:
        """To where the button was: the list, or the batch with its contacts as they were filtered."""
        if "list" in self.request.POST:
            return redirect("batches")
        query = self.request.GET.urlencode()
        return redirect(f"{reverse('batch', args=[batch.public_id])}{f'?{query}' if query else ''}")


class StartPage(_Acting):
    def post(self, request: HttpRequest, batch_id: str) -> HttpResponse:
        batch = self.batch(batch_id)
        batches.start(batch=batch)
        messages.success(request, f"“{batch.name}” is started: its contacts are called when they may be.")
        return self.back(batch)


class StopPage(_Acting):
    def post(self, request: HttpRequest, batch_id: str) -> HttpResponse:
        batch = self.batch(batch_id)
        batches.stop(batch=batch)
        messages.success(request, f"“{batch.name}” is stopped: calls that run go on to their end.")
        return self.back(batch)


class DialAgainPage(_Acting):
    """Another round for a contact that has ended."""

    def post(self, request: HttpRequest, batch_id: str, contact_id: str) -> HttpResponse:
        batch = self.batch(batch_id)
        contact = selectors.contacts_of(batch).filter(public_id=contact_id.replace("\0", "")).first()
        if contact is None:
            raise Http404
        if dialling.dial_again(contact=contact):
            messages.success(request, f"{contact.phone} is called again as soon as it may be.")
        else:
            messages.error(request, f"{contact.phone} has not come to its end. Nothing was changed.")
        return self.back(batch)

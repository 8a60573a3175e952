from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from calls import giving, selectors
from calls.giving import Kept
from calls.models import Call
from calls.timeline import timelines
from calls.views.shown import Player, Row, Said, language
from partners.members import Reach
from partners.models import Right
from partners.pages import MemberPage


class _OfCall(MemberPage):
    """A page of one call of the account: another agent's is a 403, another account's a 404."""

    right = Right.RECORDINGS_READ

    def call(self, uuid: UUID) -> Call:
        calls = giving.with_standing(selectors.account_call(self.member.sub_tenant, uuid))
        call = calls.select_related("partner", "customer", "campaign").first()
        if call is None:
            raise Http404
        if self._reach is Reach.OWN and not self._is_own(call):
            raise PermissionDenied
        return call

    def shown(self, call: Call) -> dict[str, Any]:
        row = Row.of(call)
        return {
            "call": call,
            "row": row,
            "player": Player.of(call) if row.standing.is_given else None,
            "may_download": self.member.may(Right.RECORDINGS_DOWNLOAD),
        }

    def _is_own(self, call: Call) -> bool:
        agent, user = call.agent, self.member.user
        return agent is not None and user is not None and agent.user_id == user.pk

    @property
    def _reach(self) -> Reach:
        return self.member.reach(Right.RECORDINGS_READ)


class CallPage(_OfCall):
    """Facts, player and what happened; who listened is told to those who see the whole account."""

    def get(self, request: HttpRequest, uuid: UUID) -> HttpResponse:
        call = self.call(uuid)
        events = timelines([call], listens=self._reach is Reach.ALL)[call.pk]
        context = {
            **self.shown(call),
            "title": "Call",
            "said": Said.of(call),
            "language": language(call),
            "events": events,
            "back": _back(request),
            "expires_at": Kept.of(call).expires_at,
        }
        return self.render("library/call.html", context)


class PlayerPart(_OfCall):
    """The player alone, for the foot of the library."""

    def get(self, request: HttpRequest, uuid: UUID) -> HttpResponse:
        return self.render("library/dock.html", self.shown(self.call(uuid)))


def _back(request: HttpRequest) -> str:
    """The list as it was filtered, where the call was opened from there."""
    came_from = urlsplit(request.headers.get("Referer", ""))
    library = reverse("library")
    return f"{library}?{came_from.query}" if came_from.path == library and came_from.query else library

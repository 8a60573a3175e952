"""The account's calls in progress: who speaks, whether it is recorded, and what may be done about it."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from calls import giving, selectors, telephony
from calls.models import Agent, Call
from calls.services import dispositions, live, pauses
from calls.services.audit import Actor
from calls.services.live import HangUp, NewCall, NotInProgress
from calls.telephony.port import TelephonyError
from calls.views.in_progress import MOST_SHOWN, DisposeForm, Floor, RegisterForm, offered
from partners.members import Reach
from partners.models import Right
from partners.pages import MemberPage
from zipingest import work
from zipingest.api.middleware import request_id

_HAS_ENDED = "The call has ended already."


class _Live(MemberPage):
    """What the pages of calls in progress share."""

    right = Right.CALLS_READ

    def page(
        self, register: RegisterForm | None = None, sent: DisposeForm | None = None, status: int = 200
    ) -> HttpResponse:
        may_register = self.member.may(Right.CALLS_WRITE) and (
            not self._only_own or self.own_agent is not None
        )
        context = {
            "title": "Live calls",
            "register": (register or RegisterForm(member=self.member)) if may_register else None,
            "provider": telephony.configured(),
            **self.calls(sent),
        }
        return self.render("live/live.html", context, status=status)

    def calls(self, sent: DisposeForm | None = None) -> dict[str, Any]:
        rows = Floor(self.member, work.database_now(), sent).rows()
        return {
            "rows": rows,
            "running": sum(row.call.in_progress for row in rows),
            "most": MOST_SHOWN,
            "only_own": self._only_own,
        }

    @property
    def own_agent(self) -> Agent | None:
        return Agent.objects.filter(user=self.member.user, sub_tenant=self.member.sub_tenant).first()

    @property
    def _only_own(self) -> bool:
        return self.member.reach(Right.CALLS_READ) is Reach.OWN


class LivePage(_Live):
    """The calls; a POST registers one."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page()

    def post(self, request: HttpRequest) -> HttpResponse:
        if not self.member.may(Right.CALLS_WRITE):
            raise PermissionDenied
        form = RegisterForm(request.POST, member=self.member)
        if not form.is_valid():
            return self.page(form, status=422)
        try:
            live.register(new=self._new_call(form))
        except TelephonyError as error:
            messages.error(request, f"The call could not be placed: {error.reason}.")
        else:
            messages.success(request, "The call is registered.")
        return redirect("live")

    def _new_call(self, form: RegisterForm) -> NewCall:
        given = form.cleaned_data
        agent = given["agent"] if "agent" in form.fields else self.own_agent
        if agent is None and "agent" not in form.fields:
            raise PermissionDenied
        return NewCall(
            sub_tenant=self.member.sub_tenant,
            phone=given["phone"],
            agent=agent,
            campaign=given["campaign"],
            request_id=request_id(self.request),
        )


class LiveCalls(_Live):
    """The calls alone, asked for every few seconds."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render("live/calls.html", self.calls())


class _OfLiveCall(_Live):
    """Acts on a call: another agent's is a 403, another account's a 404."""

    right = Right.CALLS_WRITE

    def call(self, uuid: UUID) -> Call:
        calls = selectors.account_call(self.member.sub_tenant, uuid).select_related("agent")
        call = calls.first()
        if call is None:
            raise Http404
        if self.member.reach(Right.CALLS_WRITE) is Reach.OWN and not self._is_own(call):
            raise PermissionDenied
        return call

    def actor(self) -> Actor:
        return giving.actor_of(self.request, self.member.name, self.member.user)

    def _is_own(self, call: Call) -> bool:
        user = self.member.user
        return call.agent is not None and user is not None and call.agent.user_id == user.pk


class SwitchRecording(_OfLiveCall):
    """Pauses or resumes, as ``to`` says; htmx gets the call as it is then."""

    def post(self, request: HttpRequest, uuid: UUID, to: str) -> HttpResponse:
        call = self.call(uuid)
        try:
            (pauses.pause if to == "pause" else pauses.resume)(call=call, actor=self.actor())
        except NotInProgress:
            if "HX-Request" not in request.headers:
                messages.error(request, _HAS_ENDED)
        if "HX-Request" not in request.headers:
            return redirect("live")
        found = selectors.account_call(self.member.sub_tenant, uuid)
        row = Floor(self.member, work.database_now()).row(found.select_related("agent", "campaign").get())
        return self.render("live/call.html", {"row": row})


class HangUpCall(_OfLiveCall):
    def post(self, request: HttpRequest, uuid: UUID) -> HttpResponse:
        call = self.call(uuid)
        if not call.in_progress:
            messages.error(request, _HAS_ENDED)
            return redirect("live")
        try:
            live.hang_up(call=call, how=HangUp())
        except TelephonyError as error:
            messages.error(request, f"The call could not be hung up: {error.reason}.")
        else:
            messages.success(request, f"The call with {call.customer_phone} is hung up.")
        return redirect("live")


class DisposeCall(_OfLiveCall):
    def post(self, request: HttpRequest, uuid: UUID) -> HttpResponse:
        call = self.call(uuid)
        form = DisposeForm(request.POST, call=call, offered=offered(self.member))
        if not form.is_valid():
            return self.page(sent=form, status=422)
        code, note = form.cleaned_data["code"], form.cleaned_data["note"]
        try:
            dispositions.dispose(call=call, code=code, note=note, actor=self.actor())
        except (dispositions.UnknownCode, dispositions.InactiveCode):
            form.add_error("code", "This disposition is not offered any more: choose another one.")
            return self.page(sent=form, status=422)
        messages.success(request, f"The call with {call.customer_phone} is disposed as {code}.")
        return redirect("live")

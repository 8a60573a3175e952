"""Doors of live calls: parse, ask, render (telesales spec, Live calls and Pause / resume)."""

from uuid import UUID

from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from calls import giving, live, selectors
from calls.api.telesales import openapi_live as openapi
from calls.api.telesales import render
from calls.api.telesales.schemas import CallsQuery, DispositionBody, HangUpBody, NewCallBody, check_known
from calls.filters import RecordingFilter
from calls.models import Agent, Call, Campaign
from calls.services import dispositions, pauses
from calls.services import live as calls_in_progress
from calls.services.audit import Actor
from calls.services.live import NewCall
from calls.telephony.port import TelephonyError
from partners.api.members import MemberViewSet
from partners.api.pagination import page_body
from partners.api.wire import invalid
from partners.members import Reach
from partners.models import Right
from zipingest.api.errors import ApiError
from zipingest.api.middleware import request_id


class LiveCallViewSet(MemberViewSet):
    """Calls while people speak, and what they came to."""

    rights = {
        **dict.fromkeys(("newest", "retrieve"), Right.CALLS_READ),
        **dict.fromkeys(("register", "hang_up", "dispose", "pause", "resume"), Right.CALLS_WRITE),
    }

    @openapi.live_calls
    def newest(self, request: Request) -> Response:
        query = self.query(CallsQuery)
        calls = live.newest(query.filter(self.member.sub_tenant), query.status)
        if self._only_own(Right.CALLS_READ):
            calls = calls.filter(agent__user=self._user_id)
        return Response(page_body(live.with_facts(calls), query, render.call_body))

    @openapi.register_call
    def register(self, request: Request) -> Response:
        body = self.body(NewCallBody)
        try:
            call, is_new = calls_in_progress.register(new=self._new_call(body))
        except TelephonyError as error:
            raise ApiError(503, f"The call could not be placed: {error.reason}.") from error
        if not is_new:
            self._check_own(call, Right.CALLS_WRITE)
        location = reverse("telesales-call", args=[call.uuid])
        status = 201 if is_new else 200
        return Response({"data": render.call_status(call)}, status=status, headers={"Location": location})

    @openapi.live_call
    def retrieve(self, request: Request, uuid: UUID) -> Response:
        self._call(uuid, Right.CALLS_READ)
        return self._answer(uuid)

    @openapi.hang_up
    def hang_up(self, request: Request, uuid: UUID) -> Response:
        call, body = self._call(uuid, Right.CALLS_WRITE), self.body(HangUpBody)
        try:
            calls_in_progress.hang_up(call=call, how=body.how)
        except calls_in_progress.NotInProgress as error:
            raise _not_in_progress("The call has ended, and otherwise than is said now.") from error
        except calls_in_progress.EndsBeforeItStarts as error:
            raise _wrong(
                "ended_at", "The ended_at field must be a time after or equal to the start."
            ) from error
        except calls_in_progress.RecordingStartMissing as error:
            message = "The recording_started_at field is required where the recording was paused."
            raise _wrong("recording_started_at", message) from error
        except TelephonyError as error:
            raise ApiError(503, f"The call could not be hung up: {error.reason}.") from error
        return self._answer(uuid)

    @openapi.dispose
    def dispose(self, request: Request, uuid: UUID) -> Response:
        call, body = self._call(uuid, Right.CALLS_WRITE), self.body(DispositionBody)
        try:
            dispositions.dispose(call=call, code=body.code, note=body.note, actor=self._actor)
        except dispositions.UnknownCode as error:
            raise _wrong("code", f"Unknown disposition code: {body.code}.") from error
        except dispositions.InactiveCode as error:
            raise _wrong("code", f"The disposition code {body.code} is not active.") from error
        return self._answer(uuid)

    @openapi.pause
    def pause(self, request: Request, uuid: UUID) -> Response:
        return self._switched(uuid, "paused")

    @openapi.resume
    def resume(self, request: Request, uuid: UUID) -> Response:
        return self._switched(uuid, "recording")

    def _switched(self, uuid: UUID, state: str) -> Response:
        call = self._call(uuid, Right.CALLS_WRITE)
        switch = pauses.pause if state == "paused" else pauses.resume
        try:
            switch(call=call, actor=self._actor)
        except calls_in_progress.NotInProgress as error:
            raise _not_in_progress("The call is not in progress.") from error
        return Response({"data": {"uuid": str(call.uuid), "recording": state}})

    def _answer(self, uuid: UUID) -> Response:
        """The call as it is now."""
        calls = live.with_facts(selectors.account_call(self.member.sub_tenant, uuid))
        return Response({"data": render.call_body(calls.get())})

    # --- Whose call it is -----------------------------------------------------------------------------------
    def _call(self, uuid: UUID, right: Right) -> Call:
        """The account's call, which the member may have. Raises ApiError 404 and 403."""
        call = selectors.account_call(self.member.sub_tenant, uuid).select_related("agent").first()
        if call is None:
            raise ApiError(404)
        self._check_own(call, right)
        return call

    def _check_own(self, call: Call, right: Right) -> None:
        if self._only_own(right) and not (call.agent and call.agent.user_id == self._user_id):
            raise ApiError(403)

    def _only_own(self, right: Right) -> bool:
        return self.member.reach(right) is Reach.OWN

    @property
    def _user_id(self) -> int:
        """Of an agent, who is always a person (partners.tokens): nobody's id where that fails."""
        return self.member.user.pk if self.member.user else 0

    @property
    def _actor(self) -> Actor:
        return giving.actor_of(self.request._request, self.member.name, self.member.user)

    # --- A new call -----------------------------------------------------------------------------------------
    def _new_call(self, body: NewCallBody) -> NewCall:
        """Raises ApiError 422 for what the account does not have, 403 for somebody else's agent."""
        account = self.member.sub_tenant
        named = () if body.agent_id is None else (body.agent_id,)
        wanted = RecordingFilter(account, agent_ids=named, campaign_id=body.campaign_id)
        check_known(wanted, agent_field="agent_id")
        return NewCall(
            sub_tenant=account,
            phone=body.phone,
            agent=self._agent(body.agent_id),
            campaign=Campaign.objects.get(pk=body.campaign_id),
            started_at=body.started_at,
            provider_call_id=body.provider_call_id or "",
            request_id=request_id(self.request._request),
        )

    def _agent(self, agent_id: int | None) -> Agent | None:
        """The one that is named; of an agent the own one, unless they name somebody else's."""
        if not self._only_own(Right.CALLS_WRITE):
            return None if agent_id is None else Agent.objects.get(pk=agent_id)
        own = Agent.objects.filter(user=self._user_id, sub_tenant=self.member.sub_tenant).first()
        if own is None:
            raise _wrong("agent_id", "You are not one of the account's agents.")
        if agent_id not in (None, own.pk):
            raise ApiError(403)
        return own


def _wrong(field: str, message: str) -> ApiError:
    return invalid([{"field": field, "message": message}])


def _not_in_progress(message: str) -> ApiError:
    return ApiError(409, message, extra={"error_code": "CALL_NOT_IN_PROGRESS"})

"""Live calls as the product itself makes them, and a client that acts on them as a member."""

import json
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.test import Client

from calls.models import Agent, Call, Campaign
from calls.services import live, pauses
from calls.services.audit import Actor
from calls.services.live import NewCall
from partners.models import Role, SubTenant
from tests.support import factories

CALLS = "/api/telesales/calls"
CODES = "/api/telesales/dispositions"
PHONE = "+12025550123"


def begin(sub_tenant: SubTenant | None = None, provider_call_id: str = "", **fields: Any) -> Call:
    """A call in progress of the account."""
    new = NewCall(
        sub_tenant=sub_tenant or factories.account(),
        phone=fields.pop("phone", PHONE),
        provider_call_id=provider_call_id,
        **fields,
    )
    return live.register(new=new)[0]


def actor(name: str = "ada") -> Actor:
    return Actor(name, "192.0.2.1")


def pause(call: Call) -> None:
    pauses.pause(call=call, actor=actor())


def resume(call: Call) -> None:
    pauses.resume(call=call, actor=actor())


@dataclass
class Member:
    """Asks with the same headers each time."""

    headers: dict[str, str]

    def get(self, path: str, query: Any = None) -> HttpResponse:
        return Client().get(path, query, headers=self.headers)

    def post(self, path: str, body: Any = None) -> HttpResponse:
        return self.send("POST", path, body)

    def send(self, method: str, path: str, body: Any = None) -> HttpResponse:
        data = b"" if body is None else json.dumps(body).encode()
        return Client().generic(method, path, data, "application/json", headers=self.headers)


def member(role: str = Role.SUPERVISOR, sub_tenant: SubTenant | None = None) -> Member:
    return Member(factories.make_member(role, sub_tenant))


def agent_member(external_id: str = "agent7") -> tuple[Member, Agent]:
    """A person in the role of an agent, and the agent they are."""
    user = factories.person(Role.AGENT)
    agent = Agent.objects.create(
        sub_tenant=user.sub_tenant, external_id=external_id, name=f"Agent {external_id}", user=user
    )
    return Member(factories.bearer(factories.tokens.issue_to_person(user=user))), agent


def campaign(sub_tenant: SubTenant | None = None) -> Campaign:
    return Campaign.objects.create(sub_tenant=sub_tenant or factories.account(), name="Spring")

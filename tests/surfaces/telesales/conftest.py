"""An account with one stored call, and clients that ask as its members."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from calls.models import Agent, Call
from partners.models import Role, User
from partners.provisioning import Provisioned
from tests.support import audio, factories, live
from tests.support.live import Member
from tests.support.recordings import store

RECORDINGS = "/api/telesales/recordings"


@dataclass
class Account:
    """``call`` (id call123) has the recording ``wav``; ``agent`` spoke on it."""

    provisioned: Provisioned
    call: Call
    agent: User
    wav: bytes
    clients: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"{RECORDINGS}/{self.call.uuid}"

    def get(
        self, path: str, query: Any = None, *, role: str = Role.SUPERVISOR, **headers: str
    ) -> HttpResponse:
        """GET as a member in that role; the same one each time."""
        return Client().get(path, query, headers=self.headers(role) | _named(headers))

    def head(self, path: str, *, role: str = Role.SUPERVISOR, **headers: str) -> HttpResponse:
        return Client().head(path, headers=self.headers(role) | _named(headers))

    def headers(self, role: str) -> dict[str, str]:
        if role not in self.clients:
            self.clients[role] = factories.make_member(role, self.call.sub_tenant)
        return self.clients[role]


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


@pytest.fixture
def account(db: None) -> Account:
    provisioned = factories.provisioned(name="Partner One")
    factories.ingest(provisioned)
    agent = factories.person(Role.AGENT, username="agent")
    Agent.objects.update(user=agent)
    call = factories.call(provisioned)
    wav = audio.wav(1.0)
    store(call, wav)
    return Account(provisioned, Call.objects.get(pk=call.pk), agent, wav)


@pytest.fixture
def supervisor(db: None) -> Member:
    return live.member()


@pytest.fixture
def simulator(settings: Any) -> None:
    settings.TELEPHONY_PROVIDER = "simulator"

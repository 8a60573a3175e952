"""Accounts to look at: a small one for a test of its own, and what larger ones are made of."""

import io
import random
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.contrib.auth.hashers import PBKDF2PasswordHasher

from calls.dialer.models import (
    RUNNING,
    Batch,
    CallingNumber,
    Contact,
    ContactStatus,
    LogStatus,
    Switch,
    VoiceAgent,
)
from calls.models import Agent, Call, Campaign, Customer, DispositionCode, Pause, Recording, Source
from partners.models import Partner, Role, SubTenant, User
from tests.browser import talk
from tests.support import dialling, factories
from zipingest import work
from zipingest.storage import default_storage
from zipingest.work import WorkState

PASSWORD = factories.PASSWORD


@dataclass
class Account:
    """An account and its people; ``calls`` are those that have ended, newest first."""

    sub_tenant: SubTenant
    admin: User
    supervisor: User
    agent: User
    speaker: Agent
    campaign: Campaign
    calls: list[Call] = field(default_factory=list)
    live: list[Call] = field(default_factory=list)
    batches: dict[str, Batch] = field(default_factory=dict)


def small(calls: int = 3) -> Account:
    """An account that nobody else has: a person of each kind, and calls of the last days by one agent."""
    tag = uuid.uuid4().hex[:6]
    sub_tenant = factories.account(f"office-{tag}", tenant=f"acme-{tag}")
    account = people(sub_tenant, tag)
    for number in range(calls):
        call = ended(account, number, started_at=hours_ago(2 + 24 * number))
        account.calls.append(call)
    return account


def people(sub_tenant: SubTenant, tag: str) -> Account:
    """An admin, a supervisor and an agent, who speaks with the extension 101."""
    agent = person(Role.AGENT, sub_tenant, f"ada.lindt.{tag}")
    speaker = speaks(sub_tenant, "101", "Ada Lindt", user=agent)
    return Account(
        sub_tenant=sub_tenant,
        admin=person(Role.ADMIN, sub_tenant, f"maria.keller.{tag}"),
        supervisor=person(Role.SUPERVISOR, sub_tenant, f"jonas.weber.{tag}"),
        agent=agent,
        speaker=speaker,
        campaign=Campaign.objects.create(sub_tenant=sub_tenant, name="Spring renewals"),
    )


def person(role: Role, sub_tenant: SubTenant, username: str, **fields: Any) -> User:
    """With PASSWORD, hashed as the product does: the server does not know the tests' quick hash."""
    email = f"{username}@example.com"
    return User.objects.create(
        username=username, email=email, role=role, sub_tenant=sub_tenant, password=_hash(), **fields
    )


def speaks(sub_tenant: SubTenant, extension: str, name: str, **fields: Any) -> Agent:
    return Agent.objects.create(
        sub_tenant=sub_tenant, external_id=extension, extension=extension, name=name, **fields
    )


def code(account: Account, code: str, label: str, category: str, **fields: Any) -> DispositionCode:
    return DispositionCode.objects.create(
        sub_tenant=account.sub_tenant, code=code, label=label, category=category, **fields
    )


# --- Batches ----------------------------------------------------------------------------------------------
def batch(account: Account, name: str, *numbers: CallingNumber, **fields: Any) -> Batch:
    """A started batch of the account that calls from the numbers."""
    partner, _ = Partner.objects.get_or_create(
        name=f"{account.sub_tenant.tenant.name} CRM", defaults={"rate_limit": 100}
    )
    made = Batch.objects.create(
        sub_tenant=account.sub_tenant, partner=partner, name=name, **{"switch": Switch.STARTED, **fields}
    )
    made.numbers.add(*numbers)
    return made


def calling_number(account: Account, phone: str, agent: str = "", **fields: Any) -> CallingNumber:
    speaks = VoiceAgent.objects.get_or_create(sub_tenant=account.sub_tenant, name=agent)[0] if agent else None
    return CallingNumber.objects.create(sub_tenant=account.sub_tenant, phone=phone, agent=speaks, **fields)


def contact(of: Batch, number: int, status: str, *calls: str, cause: str = "", **fields: Any) -> Contact:
    """A contact in ``status``, called lately with these outcomes, the first one first."""
    phone = f"+1212555{1000 + number}"
    state = WorkState.DUE if status == ContactStatus.PENDING else WorkState.DONE
    now = work.database_now()
    made = dialling.contact(of, phone, status=status, state=state, tries=len(calls), **fields)
    for place, outcome in enumerate(calls):
        begun = now - timedelta(minutes=9 - 2 * place, seconds=number % 50)
        spoke = {"answered_at": begun + timedelta(seconds=4)} if outcome == LogStatus.COMPLETED else {}
        ended = {} if outcome in RUNNING else {"ended_at": begun + timedelta(seconds=12 + number % 40)}
        dialling.log(made, status=outcome, cause=cause, begun_at=begun, **spoke, **ended)
    return made


# --- Calls ------------------------------------------------------------------------------------------------
def ended(account: Account, number: int, *, seconds: int = 12, stored: bool = True, **fields: Any) -> Call:
    """A call that has ended; with a recording that sounds like a conversation where ``stored``."""
    started = fields.pop("started_at", None) or hours_ago(number)
    call = _call(account, number, started_at=started, ended_at=started + timedelta(seconds=seconds), **fields)
    _recording(call)
    if stored:
        keep(call, talk.conversation(seconds, seed=number % 12))
    return call


def in_progress(account: Account, number: int, *, minutes: int, **fields: Any) -> Call:
    """A call that began so many minutes ago and goes on."""
    return _call(account, number, started_at=work.database_now() - timedelta(minutes=minutes), **fields)


def paused(call: Call, *, minutes: int, by: str) -> Pause:
    return Pause.objects.create(
        call=call, paused_at=work.database_now() - timedelta(minutes=minutes), paused_by=by
    )


def keep(call: Call, wav: bytes, **fields: Any) -> None:
    """Store ``wav`` as the call's recording."""
    key = f"recordings/{call.uuid}/1-1.wav"
    default_storage().put(key, io.BytesIO(wav), content_type="audio/wav")
    kept = {"state": WorkState.DONE, "key": key, "completed_at": call.ended_at, "kept_from": call.ended_at}
    Recording.objects.filter(call=call).update(**kept, **talk.facts(wav), **fields)
    call.recording.refresh_from_db()


def hours_ago(hours: float) -> datetime:
    return work.database_now() - timedelta(hours=hours)


def _call(account: Account, number: int, **fields: Any) -> Call:
    sub_tenant = account.sub_tenant
    customer, _ = Customer.objects.get_or_create(
        sub_tenant=sub_tenant, external_id=f"C-{number:05}", defaults={"name": _name(number)}
    )
    given = {
        "source": Source.LIVE,
        "external_id": f"{sub_tenant.pk}-{4000 + number}",
        "agent": account.speaker,
        "campaign": account.campaign,
        "customer": customer,
        "customer_phone": f"+4930555{number:04}",
        "received_at": fields["started_at"],
    }
    return Call.objects.create(sub_tenant=sub_tenant, **{**given, **fields})


def _recording(call: Call) -> Recording:
    return Recording.objects.create(
        call=call,
        sub_tenant=call.sub_tenant,
        source_url="https://recordings.example.com/call.wav",
        begun_at=call.ended_at,
        due_at=call.ended_at + timedelta(days=3650),
        lane=f"sub_tenant:{call.sub_tenant_id}",
    )


def _name(number: int) -> str:
    chosen = random.Random(number)
    return f"{chosen.choice(_FIRST_NAMES)} {chosen.choice(_LAST_NAMES)}"


@cache
def _hash() -> str:
    return PBKDF2PasswordHasher().encode(PASSWORD, "salt-of-the-seeds")


_FIRST_NAMES = ("Emil", "Frieda", "Oskar", "Lena", "Anton", "Clara", "Theo", "Ida", "Karl", "Mila")
_LAST_NAMES = ("Brandt", "Engel", "Fuchs", "Hahn", "Krause", "Lorenz", "Pohl", "Seidel", "Vogt", "Winter")

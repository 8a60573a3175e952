"""Whose the made-up calls are: accounts of a few partners, with people, campaigns, codes and signals."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.hashers import make_password

from calls.models import Campaign, DispositionCode, Network, SignalName
from partners import provisioning
from partners.models import EventFeed, Rejection, RejectionCount, Role, SubTenant, User
from zipingest import work

AGENTS = 50
CODES = ("", "", "", "", "interested", "sold", "call back", "no answer", "not interested", "wrong number")
# Of three accounts one keeps everything, one a year, one sixty days.
RETENTION = (None, 365, 60)
# Every tenth account is a network's.
_NETWORKS = 10
_CALLS_PER_CUSTOMER = 5
_REFUSED = ((401, "Unauthorized"), (422, "Validation failed"), (429, "Rate limit exceeded"))


@dataclass(frozen=True, slots=True)
class Owner:
    """An account of a partner; its agents and customers are numbered from ``agents`` and ``customers`` on."""

    sub_tenant: int
    partner: int
    retention_days: int | None
    agents: int
    customers: int
    customer_count: int
    campaigns: Sequence[int] = ()
    signals: Sequence[int] = ()

    @property
    def is_network(self) -> bool:
        return bool(self.campaigns)

    @property
    def lane(self) -> str:
        return f"network:{self.sub_tenant}" if self.is_network else f"partner:{self.partner}"


def make_owners(accounts: int, partners: int, calls: int) -> list[Owner]:
    """So many accounts, shared out evenly; of each a key and people, of each partner refused requests."""
    customers = max(1, calls // accounts // _CALLS_PER_CUSTOMER)
    owners = []
    for number in range(accounts):
        made = _provisioned(number, min(accounts, partners))
        of_network = number % _NETWORKS == _NETWORKS - 1
        owners.append(
            Owner(
                sub_tenant=made.sub_tenant.pk,
                partner=made.partner.pk,
                retention_days=made.sub_tenant.retention_days,
                agents=number * AGENTS + 1,
                customers=number * customers + 1,
                customer_count=customers,
                campaigns=_campaigns(made.sub_tenant) if of_network else (),
                signals=_signals(made.sub_tenant) if of_network else (),
            )
        )
    _people(owners)
    _codes(owners)
    _refusals({owner.partner for owner in owners})
    return owners


def make_feeds(owners: Iterable[Owner], events: Mapping[int, int]) -> None:
    """How far the events of each account are numbered."""
    EventFeed.objects.bulk_create(
        EventFeed(partner_id=owner.partner, sub_tenant_id=owner.sub_tenant, last=events[owner.sub_tenant])
        for owner in owners
    )


def _provisioned(number: int, partners: int) -> provisioning.Provisioned:
    made = provisioning.provision(
        name=f"Made-up partner {number % partners + 1}",
        tenant_id=f"made-up-{number // partners + 1}",
        sub_tenant_id=f"unit-{number % partners + 1}",
    )
    made.sub_tenant.retention_days = RETENTION[number % len(RETENTION)]
    made.sub_tenant.save(update_fields=["retention_days"])
    return made


def _campaigns(account: SubTenant) -> list[int]:
    Network.objects.create(sub_tenant=account, ingestion_enabled=True)
    made = [Campaign(sub_tenant=account, name=f"Campaign {n}", external_id=f"CA{n}") for n in range(5)]
    return _pks(Campaign.objects.bulk_create(made))


def _signals(account: SubTenant) -> list[int]:
    names = ("Sale", "Quote given", "Appointment set")
    return _pks(SignalName.objects.bulk_create(SignalName(sub_tenant=account, name=name) for name in names))


def _people(owners: Iterable[Owner]) -> None:
    """A person for each role in each account; none can sign in."""
    password = make_password(None)
    User.objects.bulk_create(
        User(
            username=f"{role}-{owner.sub_tenant}",
            email=f"{role}-{owner.sub_tenant}@example.com",
            sub_tenant_id=owner.sub_tenant,
            role=role,
            password=password,
        )
        for owner in owners
        for role in Role.values
    )


def _codes(owners: Iterable[Owner]) -> None:
    DispositionCode.objects.bulk_create(
        DispositionCode(sub_tenant_id=owner.sub_tenant, code=code)
        for owner in owners
        for code in filter(None, CODES)
    )


def _refusals(partners: Iterable[int]) -> None:
    """Yesterday's and today's."""
    now = work.database_now()
    said: list[tuple[Any, ...]] = [
        (partner, now - timedelta(days=days), *refused)
        for partner in sorted(partners)
        for days in (1, 0)
        for refused in _REFUSED
    ]
    Rejection.objects.bulk_create(
        Rejection(
            partner_id=partner,
            at=at,
            status=status,
            message=message,
            method="POST",
            path="/api/v1/partner/ingest/batch-call",
            address="192.0.2.7",
        )
        for partner, at, status, message in said
    )
    RejectionCount.objects.bulk_create(
        RejectionCount(partner_id=partner, day=at.date(), status=status, count=7)
        for partner, at, status, _ in said
    )


def _pks(rows: Iterable[Any]) -> list[int]:
    return [row.pk for row in rows]

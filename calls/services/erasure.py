"""Erasing a customer: who they were and what was said goes, that calls took place stays (telesales spec).

One commit takes the personal data, ends what is at work on the calls, and writes down what is left to do; the
stored objects are deleted afterwards, call by call, by whoever asked and else by the hourly tidying. A number
that must not be dialled survives as a keyed hash.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Lower
from django.db.models.lookups import Exact

from calls import hashes, keeping
from calls.models import (
    Call,
    Customer,
    DoNotCall,
    ErasedCall,
    Erasure,
    IdentifierKind,
    Recording,
    Source,
)
from calls.services import do_not_call, holds, purge, scrubbing
from partners.models import Partner, SubTenant
from zipingest import work
from zipingest.work import WorkState

log = structlog.get_logger(__name__)

_NAMED = 10
_AT_ONCE = 100

# Told of the calls (primary keys) in the erasing transaction: whatever else holds them must give them up.
_hooks: list[Callable[[Sequence[int]], None]] = []


class NobodyFound(Exception):
    """No customer and no call of the account goes by the identifier."""


class Refused(Exception):
    """Some of the calls must stay as they are for now; nothing was erased."""

    says = "These calls stay"

    def __init__(self, names: Sequence[str], count: int) -> None:
        self.names, self.count = names, count
        more = f" and {count - len(names)} more" if count > len(names) else ""
        super().__init__(f"{self.says} {', '.join(names)}{more}: nothing was erased.")


class Held(Refused):
    says = "A legal hold is on"


class InProgress(Refused):
    """A recording that comes once they have ended would not be erased."""

    says = "People still speak in"


@dataclass(frozen=True, slots=True)
class Identity:
    """By what a customer is known in an account; ``partner`` narrows it to one partner's customers.

    Ids are the partners' own: the same id may mean somebody else at another partner.
    """

    sub_tenant: SubTenant
    kind: IdentifierKind
    value: str
    partner: Partner | None = None

    @classmethod
    def of(
        cls, sub_tenant: SubTenant, kind: IdentifierKind, value: str, partner: Partner | None = None
    ) -> Self:
        """With the value in the form it is compared in."""
        return cls(sub_tenant, kind, normalised(kind, value), partner)


@dataclass(frozen=True, slots=True)
class Found:
    """Primary keys of what an identity means: its customers, and all calls of theirs."""

    customers: list[int]
    calls: list[int]


def on_erase(hook: Callable[[Sequence[int]], None]) -> None:
    """Have ``hook`` called with the primary keys of erased calls, within the erasing transaction."""
    if hook not in _hooks:
        _hooks.append(hook)


def normalised(kind: IdentifierKind, value: str) -> str:
    """A phone as E.164 (``+`` and digits), an e-mail in lower case, an id without spaces around it."""
    if kind == IdentifierKind.PHONE:
        return "+" + "".join(sign for sign in value if sign.isdecimal())
    return value.strip().lower() if kind == IdentifierKind.EMAIL else value.strip()


def find(who: Identity) -> Found:
    """What ``who`` means: by a phone, those who called from it, with the calls they made from others too."""
    if who.value in ("", "+"):  # many have no e-mail
        return Found([], [])
    calls = Call.objects.filter(_within(who)).order_by()
    customers = Customer.objects.filter(_within(who)).order_by()
    by_phone: list[tuple[int, int | None]] = []
    if who.kind == IdentifierKind.PHONE:
        by_phone = list(calls.filter(customer_phone=who.value).values_list("pk", "customer"))
    people = set(customers.filter(_known_by(who)).values_list("pk", flat=True))
    people |= {customer for _, customer in by_phone if customer is not None}
    theirs = set(calls.filter(customer__in=people).values_list("pk", flat=True))
    return Found(sorted(people), sorted(theirs | {call for call, _ in by_phone}))


def check(found: Found) -> None:
    """Raises Held or InProgress where one of the calls keeps them from being erased."""
    calls = Call.objects.filter(pk__in=found.calls).order_by("pk")
    _refuse(calls.filter(keeping.held()), Held)
    in_progress = calls.filter(source=Source.LIVE, ended_at__isnull=True, recording__isnull=True)
    _refuse(in_progress, InProgress)


def erase(*, who: Identity, asked_by: str) -> Erasure:
    """Take the personal data of the customer and their calls; the objects go with :func:`carry_on`.

    Raises NobodyFound, Held and InProgress, and then has changed nothing.
    """
    with transaction.atomic():
        found = _lock(who)
        if not found.customers and not found.calls:
            raise NobodyFound
        check(found)
        erasure = _proof(who, found, asked_by)
        _keep_from_dialling(who.sub_tenant, found)
        # Nobody can make such an id beforehand to be in the way of an erasure.
        erasure.deliveries = scrubbing.scrub(found.customers, found.calls, f"erased-{secrets.token_hex(6)}-")
        erasure.save(update_fields=["deliveries"])
        ErasedCall.objects.bulk_create([ErasedCall(erasure=erasure, call_id=pk) for pk in found.calls])
        for hook in _hooks:
            hook(found.calls)
    log.info("customer_erased", erasure=erasure.pk, customers=erasure.customers, calls=erasure.calls)
    return erasure


def resume() -> None:
    """Carry every unfinished erasure to its end. Raises zipingest.storage.StorageError."""
    for erasure in Erasure.objects.filter(finished_at__isnull=True).order_by("pk"):
        while not carry_on(erasure=erasure):
            pass


def carry_on(*, erasure: Erasure) -> bool:
    """Delete the objects of the next calls of the erasure, at most 100; whether it is finished.

    Can be done again, and by two at once. Raises zipingest.storage.StorageError.
    """
    left = ErasedCall.objects.filter(erasure=erasure, objects_deleted_at__isnull=True)
    for erased in left.select_related("call").order_by("pk")[:_AT_ONCE]:
        purge.delete_audio(erased.call)
        ErasedCall.objects.filter(pk=erased.pk).update(objects_deleted_at=work.database_now())
    if left.exists():
        return False
    unfinished = Erasure.objects.filter(pk=erasure.pk, finished_at__isnull=True)
    if unfinished.update(finished_at=work.database_now()):
        log.info("erasure_finished", erasure=erasure.pk)
    return True


def must_not_be_called(sub_tenant: SubTenant, phone: str) -> bool:
    """Whether the number (E.164) is marked for the account as not to be dialled."""
    possible = hashes.possible_hashes("phone", phone)
    return DoNotCall.objects.filter(sub_tenant=sub_tenant, phone_hash__in=possible).exists()


def _lock(who: Identity) -> Found:
    """Customers first: calls being taken in for them are seen, or wait. Then the calls, against holds."""
    customers = Customer.objects.filter(pk__in=find(who).customers).order_by("pk")
    list(customers.select_for_update().values_list("pk", flat=True))
    found = find(who)
    holds.lock(Call.objects.filter(pk__in=found.calls))
    return found


def _refuse(calls: QuerySet[Call], refusal: type[Refused]) -> None:
    if count := calls.count():
        raise refusal([str(call) for call in calls[:_NAMED]], count)


def _known_by(who: Identity) -> Q:
    """The customer's column; capital and small letters of an e-mail are one."""
    if who.kind == IdentifierKind.EMAIL:
        return Q(Exact(Lower("email"), Lower(Value(who.value))))
    return Q(external_id=who.value)


def _proof(who: Identity, found: Found, asked_by: str) -> Erasure:
    stored = Recording.objects.filter(call__in=found.calls, state=WorkState.DONE, purged_at__isnull=True)
    return Erasure.objects.create(
        sub_tenant=who.sub_tenant,
        kind=who.kind,
        identifier_hash=hashes.keyed_hash(who.kind, who.value),
        asked_by=asked_by,
        asked_at=work.database_now(),
        customers=len(found.customers),
        calls=len(found.calls),
        recordings=stored.count(),
        deliveries=0,
    )


def _keep_from_dialling(sub_tenant: SubTenant, found: Found) -> None:
    """Every number of a customer, or of a call, that stands as do_not_call stays known as such."""
    calls = Call.objects.filter(pk__in=found.calls)
    refused = calls.filter(disposition__iexact=do_not_call.WORD) | calls.filter(
        customer__disposition__iexact=do_not_call.WORD
    )
    phones = refused.order_by().values_list("customer_phone", flat=True).distinct()
    do_not_call.mark(sub_tenant_id=sub_tenant.pk, phones=phones, now=work.database_now())


def _within(who: Identity) -> Q:
    mine = Q(sub_tenant=who.sub_tenant)
    return mine & Q(partner=who.partner) if who.partner else mine

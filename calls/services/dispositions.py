"""Dispositions: the customer's current one, its history, and the codes an account has seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from calls.models import Call, Category, Customer, DispositionChange, DispositionCode
from calls.services import do_not_call
from calls.services.audit import Actor
from partners.models import Partner, SubTenant
from zipingest import bulk, work


@dataclass(frozen=True, slots=True)
class Change:
    """A customer's disposition became ``new``, because of a call where there is one; keys of both."""

    customer_id: int
    call_id: int | None
    old: str
    new: str


class UnknownCustomer(Exception):
    """No call was ever ingested for this customer of this partner, in this sub-tenant."""


class UnknownCode(Exception):
    """The account has no such code."""


class InactiveCode(Exception):
    """The account has the code, and does not offer it any more."""


@transaction.atomic
def set_by_partner(
    *, partner: Partner, sub_tenant: SubTenant, customer_id: str, code: str | None, request_id: str = ""
) -> None:
    """Give the customer and their latest call the disposition ``code``; None changes nothing.

    Raises UnknownCustomer.
    """
    customers = Customer.objects.filter(partner=partner, sub_tenant=sub_tenant, external_id=customer_id)
    customer = customers.first()
    if customer is None:
        raise UnknownCustomer
    if code is None:
        return
    # Held until the commit, so that the history's *from* is what the customer really had.
    old = customers.select_for_update(no_key=True).get().disposition
    latest = Call.objects.filter(customer=customer).order_by("-started_at").only("pk").first()
    if latest is not None:
        Call.objects.filter(pk=latest.pk).update(disposition=code)
    customers.update(disposition=code)
    note(
        [Change(customer.pk, latest.pk if latest else None, old, code)],
        sub_tenant=sub_tenant,
        changed_by=str(partner),
        request_id=request_id,
        now=work.database_now(),
    )


@transaction.atomic
def dispose(*, call: Call, code: str, note: str = "", actor: Actor) -> None:
    """Give the call and its customer the disposition ``code``, with a note for the history.

    Raises UnknownCode and InactiveCode.
    """
    known = DispositionCode.objects.filter(sub_tenant=call.sub_tenant_id, code=code).first()
    if known is None:
        raise UnknownCode
    if not known.is_active:
        raise InactiveCode
    now = work.database_now()
    customer = None
    if call.customer_id is not None:
        customer = Customer.objects.select_for_update(no_key=True).get(pk=call.customer_id)
    Call.objects.filter(pk=call.pk).update(disposition=code)
    if customer is not None:
        _change(customer, call, code, note, actor, now)
    if known.category == Category.DNC or code.lower() == do_not_call.WORD:
        do_not_call.mark(sub_tenant_id=call.sub_tenant_id, phones=[call.customer_phone], now=now)


def _change(customer: Customer, call: Call, code: str, note: str, actor: Actor, now: datetime) -> None:
    """The same code again is worth a line of history only with a note."""
    if customer.disposition != code or note:
        DispositionChange.objects.create(
            customer=customer,
            call=call,
            old=customer.disposition,
            new=code,
            note=note,
            changed_by=actor.name,
            changed_at=now,
            request_id=actor.request_id,
        )
    Customer.objects.filter(pk=customer.pk).update(disposition=code)


def note(
    changes: Sequence[Change], *, sub_tenant: SubTenant, changed_by: str, request_id: str, now: datetime
) -> None:
    """Write what has become of customers into the history, remember the codes, and who must not be called.

    Three statements, and two more where somebody must not be. Runs in the caller's transaction, which holds
    the customers locked. No history where ``new`` is ``old``.
    """
    bulk.insert_rows(
        DispositionChange,
        ("customer_id", "call_id", "old", "new"),
        [(each.customer_id, each.call_id, each.old, each.new) for each in changes if each.new != each.old],
        same={"changed_by": changed_by, "changed_at": now, "request_id": request_id},
    )
    bulk.insert_rows(
        DispositionCode,
        ("code",),
        [(code,) for code in sorted({each.new for each in changes} - {""})],
        same={"sub_tenant_id": sub_tenant.pk},
        ignore_conflicts=True,
    )
    _keep_from_dialling(changes, sub_tenant, now)


def _keep_from_dialling(changes: Sequence[Change], sub_tenant: SubTenant, now: datetime) -> None:
    """Mark the numbers of the calls whose new disposition says so, by its category or its text."""
    codes = {each.new for each in changes} - {""}
    category = {"sub_tenant_id": sub_tenant.pk, "category": Category.DNC}
    found = bulk.find_rows(DispositionCode, ("code",), where=category, key="code", among=codes)
    refusing = {code for (code,) in found} | {code for code in codes if code.lower() == do_not_call.WORD}
    calls = [each.call_id for each in changes if each.new in refusing and each.call_id]
    if calls:
        phones = Call.objects.filter(pk__in=calls).order_by().values_list("customer_phone", flat=True)
        do_not_call.mark(sub_tenant_id=sub_tenant.pk, phones=phones, now=now)

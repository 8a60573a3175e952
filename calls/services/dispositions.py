"""Dispositions: the customer's current one, its history, and the codes an account has seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from calls.models import Call, Customer, DispositionChange, DispositionCode
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
    latest = Call.objects.filter(customer=customer).order_by("-started_at").only("pk").first()
    if latest is not None:
        Call.objects.filter(pk=latest.pk).update(disposition=code)
    # Held until the commit, so that the history's *from* is what the customer really had.
    old = customers.select_for_update(no_key=True).get().disposition
    customers.update(disposition=code)
    note(
        [Change(customer.pk, latest.pk if latest else None, old, code)],
        sub_tenant=sub_tenant,
        changed_by=str(partner),
        request_id=request_id,
        now=work.database_now(),
    )


def note(
    changes: Sequence[Change], *, sub_tenant: SubTenant, changed_by: str, request_id: str, now: datetime
) -> None:
    """Write what has become of customers into the history, and remember the codes, in two statements.

    Runs in the caller's transaction, which holds the customers locked. No history where ``new`` is ``old``.
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

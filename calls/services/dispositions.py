"""Dispositions: the customer's current one, its history, and the codes an account has seen."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from calls.models import Call, Customer, DispositionChange, DispositionCode
from partners.models import Partner, SubTenant
from zipingest import work


@dataclass(frozen=True, slots=True)
class NewDisposition:
    """The customer now has ``code``, because of ``call`` where there is one."""

    customer: Customer
    code: str
    call: Call | None = None


class UnknownCustomer(Exception):
    """No call was ever ingested for this customer of this partner, in this sub-tenant."""


@transaction.atomic
def set_by_partner(
    *, partner: Partner, sub_tenant: SubTenant, customer_id: str, code: str | None, request_id: str = ""
) -> None:
    """Give the customer and their latest call the disposition ``code``; None changes nothing.

    Raises UnknownCustomer.
    """
    customer = Customer.objects.filter(
        partner=partner, sub_tenant=sub_tenant, external_id=customer_id
    ).first()
    if customer is None:
        raise UnknownCustomer
    if code is None:
        return
    latest = Call.objects.filter(customer=customer).order_by("-started_at").only("pk").first()
    if latest is not None:
        Call.objects.filter(pk=latest.pk).update(disposition=code)
    record(
        sub_tenant=sub_tenant,
        new=[NewDisposition(customer, code, latest)],
        changed_by=str(partner),
        request_id=request_id,
    )


def record(*, sub_tenant: SubTenant, new: Sequence[NewDisposition], changed_by: str, request_id: str) -> None:
    """Set the customers' dispositions in the order given, with a history row for every real change.

    Runs in the caller's transaction, in at most four statements whatever the number.
    """
    if not new:
        return
    customers = _locked({entry.customer.pk for entry in new})
    now = work.database_now()
    changes = []
    for entry in new:
        customer = customers[entry.customer.pk]
        if customer.disposition == entry.code:
            continue
        changes.append(
            DispositionChange(
                customer=customer,
                call=entry.call,
                old=customer.disposition,
                new=entry.code,
                changed_by=changed_by,
                changed_at=now,
                request_id=request_id,
            )
        )
        customer.disposition = entry.code
    DispositionChange.objects.bulk_create(changes)
    Customer.objects.bulk_update({change.customer for change in changes}, ["disposition"])
    _remember_codes(sub_tenant, {entry.code for entry in new})


def _locked(pks: set[int]) -> dict[int, Customer]:
    """Held until the commit, so that the history's *from* is what the customer really had."""
    rows = Customer.objects.select_for_update().filter(pk__in=pks).order_by("pk")
    return {row.pk: row for row in rows}


def _remember_codes(sub_tenant: SubTenant, codes: set[str]) -> None:
    DispositionCode.objects.bulk_create(
        [DispositionCode(sub_tenant=sub_tenant, code=code) for code in sorted(codes - {""})],
        ignore_conflicts=True,
    )

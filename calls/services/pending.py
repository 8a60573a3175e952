"""What is reported of a call before it is here (``call_in_progress``, network spec): kept until it is."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet

from calls import finding
from calls.finding import Wanted
from calls.models import Call, PendingTransaction
from calls.services import signals
from calls.services.signals import NamedSignal, NamedValue, NoCallFound, Report, TooManySignals, UnknownName
from partners.models import SubTenant
from zipingest import work

log = structlog.get_logger(__name__)

# An applied one is kept as long, for whoever asks what became of it.
KEPT = timedelta(days=7)
# How many are applied as a call arrives; the rest of so many is left to the hourly tidying.
_AT_ONCE = 100


def report(*, sub_tenant: SubTenant, wanted: Wanted, said: Report, request_id: str = "") -> None:
    """As :func:`calls.services.signals.report`, but a call that is only known by its time may come later.

    Raises UnknownName, TooManySignals, and of a call that is asked for by its id NoCallFound.
    """
    try:
        signals.report(sub_tenant=sub_tenant, wanted=wanted, said=said)
    except NoCallFound:
        if wanted.cuid or wanted.started_at is None:
            raise
        _keep(sub_tenant, wanted, said, wanted.started_at, request_id)


def apply_to_new(*, sub_tenant: SubTenant, calls: Mapping[int, datetime]) -> None:
    """Apply what has waited for calls just made, by their keys when they began; part of that transaction.

    In the order in which it came; one statement where nothing has waited.
    """
    began = [Q(call_started_at__range=finding.around(started_at)) for started_at in calls.values()]
    near = _waiting().filter(reduce(or_, began), sub_tenant=sub_tenant)
    made = Call.objects.filter(pk__in=calls)
    for waiting in near.order_by("pk")[:_AT_ONCE]:
        _apply(waiting, made)


def apply_waiting() -> None:
    """Apply what waits for a call that is here, by whichever way it came; in a transaction each.

    A call and a report of it that came in the same moment may not have seen each other.
    """
    for pk in list(_waiting().order_by("pk").values_list("pk", flat=True)):
        with transaction.atomic():
            for waiting in _waiting().filter(pk=pk):
                _apply(waiting, finding.open_calls(waiting.sub_tenant))


def forget_old() -> int:
    """Delete what came more than seven days ago; how many rows."""
    old = PendingTransaction.objects.filter(received_at__lt=work.database_now() - KEPT)
    if count := old.filter(applied_at__isnull=True).count():
        log.warning("pending_transactions_too_old", count=count)
    deleted: int = old.delete()[0]
    return deleted


def _keep(sub_tenant: SubTenant, wanted: Wanted, said: Report, started_at: datetime, request_id: str) -> None:
    now = work.database_now()
    PendingTransaction.objects.create(
        sub_tenant=sub_tenant,
        call_started_at=started_at,
        phone=wanted.phone,
        duration_seconds=wanted.duration,
        campaign_id_from_network=wanted.campaign,
        signals=[_written(signal) for signal in said.signals],
        custom_data=[{"name": custom.name, "value": custom.value} for custom in said.custom_data],
        request_id=request_id,
        received_at=now,
    )


def _waiting() -> QuerySet[PendingTransaction]:
    return PendingTransaction.objects.filter(applied_at__isnull=True).select_related("sub_tenant")


def _apply(waiting: PendingTransaction, calls: QuerySet[Call]) -> None:
    """Apply it to the one of ``calls`` that it means, if it does.

    What the call cannot take (a name that is gone, too many signals) is given up: nobody could be told.
    """
    pk = finding.find(calls, _wanted(waiting))
    # The call before what waits for it, which is the order of erasures.
    call = signals.lock(pk)
    if call is None or not _still_waits(waiting):
        return
    try:
        signals.note(call=call, said=_said(waiting))
        waiting.call = call
    except (UnknownName, TooManySignals) as error:
        log.warning("pending_transaction_given_up", pending=waiting.pk, reason=type(error).__name__)
    waiting.applied_at = work.database_now()
    waiting.save(update_fields=["call", "applied_at"])


def _still_waits(waiting: PendingTransaction) -> bool:
    """Whether nobody else has applied it; nobody will until the transaction ends."""
    rows = PendingTransaction.objects.filter(pk=waiting.pk, applied_at__isnull=True)
    return rows.select_for_update().first() is not None


# --- As it is stored --------------------------------------------------------------------------------------
def _written(signal: NamedSignal) -> dict[str, Any]:
    """With its name, which support can read."""
    return {
        "name": signal.name,
        "value": signal.value,
        "partner_unique_id": signal.partner_unique_id,
        "occurred_at": signal.occurred_at.isoformat() if signal.occurred_at else None,
        "revenue": None if signal.revenue is None else str(signal.revenue),
    }


def _said(waiting: PendingTransaction) -> Report:
    return Report(
        signals=tuple(_read(written) for written in waiting.signals),
        custom_data=tuple(NamedValue(each["name"], each["value"]) for each in waiting.custom_data),
        at=waiting.received_at,
    )


def _read(written: Mapping[str, Any]) -> NamedSignal:
    occurred_at, revenue = written["occurred_at"], written["revenue"]
    return NamedSignal(
        name=written["name"],
        value=written["value"],
        partner_unique_id=written["partner_unique_id"],
        occurred_at=datetime.fromisoformat(occurred_at) if occurred_at else None,
        revenue=Decimal(revenue) if revenue else None,
    )


def _wanted(waiting: PendingTransaction) -> Wanted:
    return Wanted(
        started_at=waiting.call_started_at,
        phone=waiting.phone,
        campaign=waiting.campaign_id_from_network,
        duration=waiting.duration_seconds,
    )

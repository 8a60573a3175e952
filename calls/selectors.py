"""Reads that more than one door needs."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import Prefetch, Q, QuerySet

from calls.models import Call, IngestBatch, IngestItem, Outcome, Source, Stage
from partners.models import Delivery, Partner, SubTenant
from zipingest.work import WorkState

# How the public names of a call's state read in the recording's row.
_STATES: dict[str, Q] = {
    "queued": Q(recording__state=WorkState.DUE),
    "fetching": Q(recording__state=WorkState.LEASED, recording__stage=Stage.FETCHING),
    "processing": Q(recording__state=WorkState.LEASED, recording__stage=Stage.PROCESSING),
    "completed": Q(recording__state=WorkState.DONE),
    "failed": Q(recording__state__in=[WorkState.FAILED, WorkState.POISON]),
}
CALL_STATES = tuple(_STATES)


def partner_calls(partner: Partner, sub_tenant: SubTenant) -> QuerySet[Call]:
    """The partner's own calls in this sub-tenant, with what their status shows."""
    differing = IngestItem.objects.exclude(conflicts=[]).only("call_id", "conflicts", "outcome")
    return (
        Call.objects.filter(partner=partner, sub_tenant=sub_tenant, source=Source.PARTNER)
        .select_related("recording")
        .defer("recording__peaks")
        .prefetch_related(Prefetch("ingest_items", differing, to_attr="differing_items"))
    )


def in_state(calls: QuerySet[Call], state: str) -> QuerySet[Call]:
    """Those of ``calls`` whose public state is ``state`` (one of CALL_STATES)."""
    return calls.filter(_STATES[state])


def received_since(calls: QuerySet[Call], since: datetime) -> QuerySet[Call]:
    return calls.filter(received_at__gte=since)


def conflicts_of(call: Call) -> list[str]:
    """Fields in which a later request for the same id differed, of a call from :func:`partner_calls`."""
    items: Iterable[IngestItem] = getattr(call, "differing_items", [])
    return sorted({name for item in items if item.outcome != Outcome.ACCEPTED for name in item.conflicts})


def latest_callbacks(calls: Iterable[Call]) -> dict[UUID, Delivery]:
    """The newest callback of each call that has one, in one query."""
    found = Delivery.objects.filter(subject__in=[call.uuid for call in calls]).order_by("run").defer("body")
    return {delivery.subject: delivery for delivery in found if delivery.subject is not None}


def partner_batch(partner: Partner, sub_tenant: SubTenant, uuid: UUID) -> IngestBatch | None:
    return IngestBatch.objects.filter(partner=partner, sub_tenant=sub_tenant, uuid=uuid).first()


def calls_of_batch(batch: IngestBatch) -> list[Call]:
    """The calls of the batch in input order; one that stood in it twice comes twice."""
    calls = partner_calls(batch.partner, batch.sub_tenant).filter(ingest_items__batch=batch).distinct()
    by_pk = {call.pk: call for call in calls}
    return [by_pk[pk] for pk in batch.items.order_by("position").values_list("call_id", flat=True)]

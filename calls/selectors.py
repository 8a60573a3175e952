"""Reads that more than one door needs."""

import re
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import Case, Exists, OuterRef, Prefetch, Q, QuerySet, When

from calls.filters import RecordingFilter
from calls.models import (
    Agent,
    Call,
    CustomField,
    CustomValue,
    IngestBatch,
    IngestItem,
    Outcome,
    Signal,
    Source,
    Stage,
)
from partners.models import Delivery, Partner, SubTenant, User
from zipingest.phones import compact
from zipingest.work import WorkState

_HEX = re.compile(r"[0-9a-f]{1,32}", re.ASCII)
# How the public names of a call's state read in the recording's row.
_STATES: dict[str, Q] = {
    "queued": Q(recording__state=WorkState.DUE),
    "fetching": Q(recording__state=WorkState.LEASED, recording__stage=Stage.FETCHING),
    "processing": Q(recording__state=WorkState.LEASED, recording__stage=Stage.PROCESSING),
    "completed": Q(recording__state=WorkState.DONE),
    # SQLite finds the index of such rows by the very words of its condition, and never by IN.
    "failed": Q(recording__state=WorkState.FAILED) | Q(recording__state=WorkState.POISON),
}
CALL_STATES = tuple(_STATES)
# So many calls are read by their keys in some milliseconds; of more, a page is soon found newest first.
_FEW = 2000
# Of these a lane's recordings in an account stand newest first in an index (recording_own_due, …_failed).
_IN_LANES = ("queued", "failed")


def partner_calls(partner: Partner, sub_tenant: SubTenant) -> QuerySet[Call]:
    """The partner's own calls in this sub-tenant, newest first, with what their status shows."""
    return _with_status(Call.objects.filter(_own(partner, sub_tenant))).order_by("-pk")


def newest_calls(
    partner: Partner,
    sub_tenant: SubTenant,
    *,
    state: str | None = None,
    since: datetime | None = None,
    before: int | None = None,
) -> QuerySet[Call]:
    """The same calls, in ``state`` (of CALL_STATES), received ``since``, with a pk below ``before``.

    A page costs what it holds: it is read off an index of the newest. (Exceptions: few of what was received
    since, among many of the state; few completed, behind many others.)
    """
    calls = (_in_lane if state in _IN_LANES else partner_calls)(partner, sub_tenant)
    if state:
        calls = in_state(calls, state)
    if since:
        calls = received_since(calls, since)
    if before is not None:
        # PostgreSQL carries no inequality over a join: one side would be read from its newest.
        calls = calls.filter(pk__lt=before, recording__call__lt=before)
    return calls


def partner_call(partner: Partner, sub_tenant: SubTenant, external_id: str) -> QuerySet[Call]:
    """The one of that id among the partner's own, or none; bare of what its status shows."""
    return Call.objects.filter(_own(partner, sub_tenant), external_id=external_id)


def account_call(sub_tenant: SubTenant, uuid: UUID) -> QuerySet[Call]:
    """The account's call of that uuid, or none."""
    return Call.objects.filter(sub_tenant=sub_tenant, uuid=uuid)


def network_call(sub_tenant: SubTenant, uuid: UUID) -> Call | None:
    """The call of that uuid that came to the account by the network surface, with what its status shows."""
    return _with_status(account_call(sub_tenant, uuid).filter(source=Source.NETWORK)).first()


def uuid_of(call_id: int) -> UUID:
    """The public id of a call that is known to be there."""
    return Call.objects.values_list("uuid", flat=True).get(pk=call_id)


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


def matching(wanted: RecordingFilter) -> QuerySet[Call]:
    """The account's calls that the filter means, newest first, read off call_sub_tenant_started.

    Whether a recording is stored and may be given out is another question: see keeping.available.
    """
    calls = Call.objects.filter(sub_tenant=wanted.sub_tenant).order_by("-started_at", "-pk")
    if wanted.date_from:
        calls = calls.filter(started_at__gte=wanted.date_from)
    if wanted.date_to:
        calls = calls.filter(started_at__lte=wanted.date_to)
    if wanted.agent_ids:
        calls = calls.filter(agent__in=wanted.agent_ids)
    if wanted.campaign_id is not None:
        calls = calls.filter(campaign=wanted.campaign_id)
    if wanted.disposition_codes:
        calls = calls.filter(disposition__in=wanted.disposition_codes)
    if wanted.phone:
        calls = calls.filter(_phone_begins(wanted.phone))
    if wanted.agent_name:
        named = Q(name__istartswith=wanted.agent_name)
        calls = calls.filter(agent__in=_agents(wanted.sub_tenant, named))
    if wanted.text:
        named = Q(name__istartswith=wanted.text) | Q(extension__startswith=wanted.text)
        calls = calls.filter(_ids_begin(wanted.text) | Q(agent__in=_agents(wanted.sub_tenant, named)))
    if wanted.signal_id is not None:
        calls = calls.filter(_reported(wanted.signal_id, wanted.signal_value))
    if wanted.custom_field_id is not None or wanted.custom_value:
        calls = calls.filter(_held(wanted))
    return calls


def spoken_by(calls: QuerySet[Call], user: User | None) -> QuerySet[Call]:
    """Those of ``calls`` whose agent is ``user``; read off call_agent_started, which a join would hide."""
    return calls.filter(agent=Agent.objects.filter(user=user).values("pk")[:1])


def _reported(signal_id: int, value: bool) -> Q:
    """That the signal was met, or that it was reported and never met; read off signal_met."""
    current = Signal.objects.filter(name=signal_id, is_current=True)
    reported = _marked(current.filter(value=value))
    return reported if value else reported & ~Q(Exists(current.filter(value=True, call=OuterRef("pk"))))


def _held(wanted: RecordingFilter) -> Q:
    """Read off custom_value_held, which the fields lead: all of the account's where none is named."""
    fields = [wanted.custom_field_id]
    if wanted.custom_field_id is None:
        fields = list(CustomField.objects.filter(sub_tenant=wanted.sub_tenant).values_list("pk", flat=True))
    held = CustomValue.objects.filter(field__in=fields)
    return _marked(held.filter(value=wanted.custom_value) if wanted.custom_value else held)


def _marked(marks: "QuerySet[Signal] | QuerySet[CustomValue]") -> Q:
    """That one of ``marks`` is of the call.

    Few are asked apart: the planner takes a name and its value for independent, so it expects a signal that
    is often reported to be often met too, and would walk all calls to find the few where it was.
    """
    few = list(marks.order_by().values_list("call", flat=True)[: _FEW + 1])
    return Q(pk__in=few) if len(few) <= _FEW else Q(Exists(marks.filter(call=OuterRef("pk"))))


def _ids_begin(text: str) -> Q:
    return Q(external_id__startswith=text) | _uuid_begins(text) | _phone_begins(text)


def _agents(sub_tenant: SubTenant, named: Q) -> list[int]:
    """Asked apart: with their ids the whole is read off the calls' indexes, which a join would forbid."""
    return list(Agent.objects.filter(named, sub_tenant=sub_tenant).values_list("pk", flat=True))


def _own(partner: Partner, sub_tenant: SubTenant) -> Q:
    return Q(partner=partner, sub_tenant=sub_tenant, source=Source.PARTNER)


def _in_lane(partner: Partner, sub_tenant: SubTenant) -> QuerySet[Call]:
    """The partner's own calls, newest first, by way of their recordings' lane and account.

    PostgreSQL does not know that these recordings' calls are all the partner's: it would expect next to none
    to be, and read them all. Of a CASE it expects half.
    """
    own = Case(When(_own(partner, sub_tenant), then=True), default=False)
    lane = Q(recording__lane=f"partner:{partner.pk}", recording__sub_tenant=sub_tenant)
    calls = Call.objects.filter(own, lane)
    return _with_status(calls).order_by("-recording__call_id")


def _with_status(calls: QuerySet[Call]) -> QuerySet[Call]:
    differing = IngestItem.objects.exclude(conflicts=[]).only("call_id", "conflicts", "outcome")
    return (
        calls.select_related("recording")
        .defer("recording__peaks")
        .prefetch_related(Prefetch("ingest_items", differing, to_attr="differing_items"))
    )


def _phone_begins(text: str) -> Q:
    """Also as people write numbers; in a query string an unescaped plus is a blank."""
    typed = compact(text)
    if not typed:
        return Q(customer_phone__startswith=text)
    return Q(customer_phone__startswith=typed) | Q(customer_phone__startswith=f"+{typed}")


def _uuid_begins(text: str) -> Q:
    """A range, as the column is no text."""
    digits = text.replace("-", "").lower()
    if not _HEX.fullmatch(digits):
        return Q(pk__in=[])
    return Q(uuid__gte=UUID(digits.ljust(32, "0")), uuid__lte=UUID(digits.ljust(32, "f")))

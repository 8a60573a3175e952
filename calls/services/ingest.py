"""Taking calls in: everything of a request in one transaction, each call once."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, OperationalError, transaction

from calls.drafts import CallDraft, differing_fields
from calls.models import Agent, Call, Customer, IngestBatch, IngestItem, Outcome, Recording, Source
from calls.services import dispositions, people, recordings
from calls.services.dispositions import NewDisposition
from partners.models import Partner, SubTenant
from zipingest import work

_TRIES = 5


@dataclass(frozen=True, slots=True)
class Origin:
    """Who hands the calls in, and under which request."""

    partner: Partner
    sub_tenant: SubTenant
    sandbox: bool = False
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Ingested:
    """``duplicates``: how many of the request's calls were known before, or stood in it twice."""

    batch_uuid: uuid.UUID
    duplicates: int


class HeldByOtherSubTenant(Exception):
    """Ids that the partner has used in another sub-tenant; ``positions`` are theirs in the request."""

    def __init__(self, positions: list[int]) -> None:
        super().__init__(positions)
        self.positions = positions


class _Overtaken(Exception):
    """A parallel request has changed what this one had read."""


def ingest_batch(*, origin: Origin, drafts: list[CallDraft]) -> Ingested:
    """Store the calls and make their recordings due, or change nothing.

    A call whose id is known changes nothing and is noted with the fields that differ; one that had failed
    and comes with another recording URL is taken up again. Raises HeldByOtherSubTenant.

    The unique constraints decide between parallel requests: who loses is rolled back and does it again,
    now with the winner's rows in sight.
    """
    for left in reversed(range(_TRIES)):
        try:
            with transaction.atomic():
                return _ingest(origin, drafts)
        except (IntegrityError, OperationalError, _Overtaken):
            if not left:
                raise
    raise AssertionError("the last try returns or raises")


def _ingest(origin: Origin, drafts: list[CallDraft]) -> Ingested:
    now = work.database_now()
    calls = _known_calls(origin, drafts)
    again = _first_of_each([draft for draft in drafts if _is_another_try(draft, calls)])
    fresh = _first_of_each([draft for draft in drafts if draft.external_id not in calls])
    _take_up(again, calls, now)
    calls |= _create_calls(origin, fresh, now)
    items = [_item(position, draft, calls[draft.external_id]) for position, draft in enumerate(drafts)]
    _mark(items, drafts, fresh, Outcome.ACCEPTED)
    _mark(items, drafts, again, Outcome.TAKEN_UP)
    batch = IngestBatch.objects.create(
        partner=origin.partner,
        sub_tenant=origin.sub_tenant,
        request_id=origin.request_id,
        received_at=now,
    )
    for item in items:
        item.batch = batch
    IngestItem.objects.bulk_create(items)
    work.nudge(Recording)
    return Ingested(batch.uuid, duplicates=len(drafts) - len(fresh))


def _known_calls(origin: Origin, drafts: list[CallDraft]) -> dict[str, Call]:
    ids = {draft.external_id for draft in drafts}
    found = (
        Call.objects.filter(partner=origin.partner, source=Source.PARTNER, external_id__in=ids)
        .select_related("recording")
        .only("external_id", "sub_tenant", "fingerprint", "recording__state", "recording__run")
    )
    known = {str(call.external_id): call for call in found}
    elsewhere = {id_ for id_, call in known.items() if call.sub_tenant_id != origin.sub_tenant.pk}
    if elsewhere:
        raise HeldByOtherSubTenant([i for i, draft in enumerate(drafts) if draft.external_id in elsewhere])
    return known


def _first_of_each(drafts: list[CallDraft]) -> list[CallDraft]:
    first: dict[str, CallDraft] = {}
    for draft in drafts:
        first.setdefault(draft.external_id, draft)
    # One order for everybody, so that parallel requests wait for each other instead of deadlocking.
    return sorted(first.values(), key=lambda draft: draft.external_id)


def _create_calls(origin: Origin, drafts: list[CallDraft], now: datetime) -> dict[str, Call]:
    if not drafts:
        return {}
    owner = people.Owner(origin.sub_tenant, origin.partner)
    agents = people.known_as(Agent, owner, [draft.agent for draft in drafts])
    customers = people.known_as(Customer, owner, [draft.customer for draft in drafts])
    calls = [
        _call(origin, draft, agents[draft.agent.external_id], customers[draft.customer.external_id], now)
        for draft in drafts
    ]
    Call.objects.bulk_create(calls)
    Recording.objects.bulk_create(
        _recording(call, draft.recording_url, now) for call, draft in zip(calls, drafts, strict=True)
    )
    dispositions.record(
        sub_tenant=origin.sub_tenant,
        new=[
            NewDisposition(call.customer, draft.customer.disposition, call)
            for call, draft in zip(calls, drafts, strict=True)
            if draft.customer.disposition and call.customer
        ],
        changed_by=str(origin.partner),
        request_id=origin.request_id,
    )
    return {draft.external_id: call for draft, call in zip(drafts, calls, strict=True)}


def _call(origin: Origin, draft: CallDraft, agent: Agent, customer: Customer, now: datetime) -> Call:
    return Call(
        source=Source.PARTNER,
        sub_tenant=origin.sub_tenant,
        partner=origin.partner,
        external_id=draft.external_id,
        started_at=draft.started_at,
        ended_at=draft.ended_at,
        customer_phone=draft.customer_phone,
        agent=agent,
        customer=customer,
        disposition=draft.customer.disposition or "",
        callback_url=draft.callback_url,
        metadata=draft.metadata,
        custom_fields=draft.custom_fields,
        extras=draft.extras,
        fingerprint=draft.fingerprint,
        sandbox=origin.sandbox,
        request_id=origin.request_id,
        received_at=now,
    )


def _recording(call: Call, url: str, now: datetime) -> Recording:
    return Recording(
        call=call,
        begun_at=now,
        due_at=now,
        lane=f"partner:{call.partner_id}",
        **recordings.source_of(url),
    )


def _is_another_try(draft: CallDraft, known: dict[str, Call]) -> bool:
    """Whether it brings another URL for a call that failed with the one it has."""
    call = known.get(draft.external_id)
    if call is None or call.recording.state not in recordings.FAILED:
        return False
    return "recording_url" in differing_fields(call.fingerprint, draft.fingerprint)


def _take_up(drafts: list[CallDraft], known: dict[str, Call], now: datetime) -> None:
    """Begin a new run of each draft's call from its URL, in four statements whatever the number."""
    if not drafts:
        return
    calls = {known[draft.external_id].pk: known[draft.external_id] for draft in drafts}
    failed = Recording.objects.filter(call__in=calls, state__in=recordings.FAILED)
    held = {row.call_id: row for row in failed.select_for_update().order_by("pk").only("call_id")}
    if len(held) < len(drafts):
        raise _Overtaken
    for draft in drafts:
        call = known[draft.external_id]
        call.fingerprint["recording_url"] = draft.fingerprint["recording_url"]
        for column, value in recordings.source_of(draft.recording_url).items():
            setattr(held[call.pk], column, value)
    Call.objects.bulk_update(calls.values(), ["fingerprint"])
    Recording.objects.bulk_update(held.values(), recordings.SOURCE_COLUMNS)
    Recording.objects.filter(call__in=calls).update(**recordings.new_run(now))


def _item(position: int, draft: CallDraft, call: Call) -> IngestItem:
    conflicts = differing_fields(call.fingerprint, draft.fingerprint)
    outcome = Outcome.CONFLICT if conflicts else Outcome.DUPLICATE
    return IngestItem(position=position, call=call, outcome=outcome, conflicts=conflicts)


def _mark(
    items: list[IngestItem], drafts: list[CallDraft], marked: list[CallDraft], outcome: Outcome
) -> None:
    wanted = {id(draft) for draft in marked}
    for item, draft in zip(items, drafts, strict=True):
        if id(draft) in wanted:
            item.outcome = outcome

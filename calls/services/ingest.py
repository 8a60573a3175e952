"""Taking calls in: everything of a request in one transaction, each call once."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from calls.drafts import NOBODY, CallDraft, differing_fields
from calls.models import Agent, Call, Customer, IngestBatch, IngestItem, Outcome, Recording, Source
from calls.services import dispositions, pending, people, recordings, signals
from partners.models import Partner, SubTenant
from zipingest import bulk, work
from zipingest.database import Overtaken, again_when_overtaken

_CALL_COLUMNS = (
    "external_id",
    "started_at",
    "ended_at",
    "customer_phone",
    "agent_id",
    "customer_id",
    "disposition",
    "campaign_id",
    "our_phone",
    "direction",
    "language",
    "callback_url",
    "metadata",
    "custom_fields",
    "extras",
    "fingerprint",
)
_ITEM_COLUMNS = ("position", "call_id", "outcome", "conflicts")
# The fields of a draft that say where the recording is.
_RECORDING_FIELDS = ("recording_url", "auth_id")


@dataclass(frozen=True, slots=True)
class Origin:
    """Who hands the calls in, by which surface, and under which request."""

    partner: Partner
    sub_tenant: SubTenant
    sandbox: bool = False
    request_id: str = ""
    source: Source = Source.PARTNER

    @property
    def unique_in(self) -> dict[str, Any]:
        """Among which calls an id is one call: the partner's, or the network's whoever sends them."""
        if self.source == Source.PARTNER:
            return {"partner_id": self.partner.pk, "source": self.source}
        return {"sub_tenant_id": self.sub_tenant.pk, "source": self.source}

    @property
    def owner(self) -> people.Owner:
        """Whose people the calls name: of a phone alone, the account's."""
        return people.Owner(self.sub_tenant, self.partner if self.source == Source.PARTNER else None)

    @property
    def lane(self) -> str:
        """Within which recordings take turns."""
        whose = self.partner.pk if self.source == Source.PARTNER else self.sub_tenant.pk
        return f"{self.source}:{whose}"


@dataclass(frozen=True, slots=True)
class IngestedItem:
    """What came of an element of the request; ``conflicts`` are fields that differ from the call we hold."""

    position: int
    call_id: int
    outcome: Outcome
    conflicts: list[str]


@dataclass(frozen=True, slots=True)
class Ingested:
    """``duplicates``: how many of the request's calls were known before, or stood in it twice."""

    batch_uuid: uuid.UUID
    duplicates: int
    items: list[IngestedItem]


class HeldByOtherSubTenant(Exception):
    """Ids that the partner has used in another sub-tenant; ``positions`` are theirs in the request."""

    def __init__(self, positions: list[int]) -> None:
        super().__init__(positions)
        self.positions = positions


@dataclass(frozen=True, slots=True)
class _Known:
    """A call that is stored."""

    pk: int
    fingerprint: dict[str, str]


@again_when_overtaken
def ingest_batch(*, origin: Origin, drafts: list[CallDraft]) -> Ingested:
    """Store the calls and make their recordings due, or change nothing.

    A call whose id is known changes nothing and is noted with the fields that differ; one that had failed
    and comes with another recording URL is taken up again. Raises HeldByOtherSubTenant.

    The unique constraints decide between parallel requests: who loses is rolled back and does it again,
    now with the winner's rows in sight.
    """
    now = work.database_now()
    known = _known_calls(origin, drafts)
    fresh = _first_of_each(draft for draft in drafts if draft.external_id not in known)
    again = _first_of_each(_failed_before(known, drafts)) if known else []
    _take_up(again, known, now)
    known |= _create_calls(origin, fresh, now)
    items = _items(drafts, known, fresh, again)
    batch_uuid = _note_batch(origin, items, now)
    work.nudge(Recording)
    return Ingested(batch_uuid, duplicates=len(drafts) - len(fresh), items=items)


def _known_calls(origin: Origin, drafts: list[CallDraft]) -> dict[str, _Known]:
    rows = bulk.find_rows(
        Call,
        ("external_id", "sub_tenant_id", "id", "fingerprint"),
        where=origin.unique_in,
        key="external_id",
        among={draft.external_id for draft in drafts},
    )
    elsewhere = {id_ for id_, sub_tenant_id, *_ in rows if sub_tenant_id != origin.sub_tenant.pk}
    if elsewhere:
        raise HeldByOtherSubTenant([i for i, draft in enumerate(drafts) if draft.external_id in elsewhere])
    return {id_: _Known(pk, fingerprint) for id_, _, pk, fingerprint in rows}


def _first_of_each(drafts: Iterable[CallDraft]) -> list[CallDraft]:
    first: dict[str, CallDraft] = {}
    for draft in drafts:
        first.setdefault(draft.external_id, draft)
    # One order for everybody, so that parallel requests wait for each other instead of deadlocking.
    return [first[external_id] for external_id in sorted(first)]


# --- New calls --------------------------------------------------------------------------------------------
def _create_calls(origin: Origin, drafts: list[CallDraft], now: datetime) -> dict[str, _Known]:
    if not drafts:
        return {}
    spoke = [draft.agent for draft in drafts if draft.agent is not NOBODY]
    agents = people.known_as(Agent, origin.owner, spoke)
    customers = people.known_as(Customer, origin.owner, [draft.customer for draft in drafts])
    pks = _insert_calls(origin, drafts, agents, customers, now)
    _insert_recordings(origin, drafts, pks, now)
    signals.note_of_new([(pks[draft.external_id], draft) for draft in drafts], now)
    if origin.source == Source.NETWORK:
        begun = {pks[draft.external_id]: draft.started_at for draft in drafts}
        pending.apply_to_new(sub_tenant=origin.sub_tenant, calls=begun)
    dispositions.note(
        _changes(drafts, customers, pks),
        sub_tenant=origin.sub_tenant,
        changed_by=str(origin.partner),
        request_id=origin.request_id,
        now=now,
    )
    return {draft.external_id: _Known(pks[draft.external_id], draft.fingerprint) for draft in drafts}


def _insert_calls(
    origin: Origin,
    drafts: list[CallDraft],
    agents: Mapping[str, people.Known],
    customers: Mapping[str, people.Known],
    now: datetime,
) -> dict[str, int]:
    """Keys of the new calls by external id."""
    rows = [
        (
            draft.external_id,
            draft.started_at,
            draft.ended_at,
            draft.customer_phone,
            agents[draft.agent.external_id].pk if draft.agent is not NOBODY else None,
            customers[draft.customer.external_id].pk,
            draft.customer.disposition or "",
            draft.campaign_id,
            draft.our_phone,
            draft.direction,
            draft.language,
            draft.callback_url,
            draft.metadata,
            draft.custom_fields,
            draft.extras,
            draft.fingerprint,
        )
        for draft in drafts
    ]
    same = {
        "source": origin.source,
        "sub_tenant_id": origin.sub_tenant.pk,
        "partner_id": origin.partner.pk,
        "sandbox": origin.sandbox,
        "request_id": origin.request_id,
        "received_at": now,
    }
    return dict(bulk.insert_rows(Call, _CALL_COLUMNS, rows, same=same, returning=("external_id", "id")))


def _insert_recordings(
    origin: Origin, drafts: list[CallDraft], pks: Mapping[str, int], now: datetime
) -> None:
    bulk.insert_rows(
        Recording,
        ("call_id", *recordings.SOURCE_COLUMNS),
        [(pks[draft.external_id], *_source_of(draft)) for draft in drafts],
        same={
            "sub_tenant_id": origin.sub_tenant.pk,
            "begun_at": now,
            "due_at": now,
            "lane": origin.lane,
        },
    )


def _source_of(draft: CallDraft) -> tuple[Any, ...]:
    return tuple(recordings.source_of(draft.recording_url, draft.auth_id).values())


def _changes(
    drafts: list[CallDraft], customers: Mapping[str, people.Known], pks: Mapping[str, int]
) -> list[dispositions.Change]:
    """What each draft that names a disposition has made of its customer's, one after the other."""
    current: dict[int, str] = {}
    changes = []
    for draft in drafts:
        customer, code = customers[draft.customer.external_id], draft.customer.disposition
        if code:
            old = current.get(customer.pk, customer.before.get("disposition", ""))
            changes.append(dispositions.Change(customer.pk, pks[draft.external_id], old, code))
            current[customer.pk] = code
    return changes


# --- Known calls ------------------------------------------------------------------------------------------
def _failed_before(known: dict[str, _Known], drafts: list[CallDraft]) -> list[CallDraft]:
    """The drafts that bring another recording for a call that failed with the one it has."""
    others = [draft for draft in drafts if _brings_another_recording(known, draft)]
    if not others:
        return []
    # Read anew, at one moment: a parallel request may have taken the call up with this very recording.
    rows = Call.objects.filter(pk__in={known[draft.external_id].pk for draft in others}).values_list(
        "external_id", "pk", "fingerprint", "recording__state"
    )
    failed = set()
    for external_id, pk, fingerprint, state in rows:
        known[str(external_id)] = _Known(pk, fingerprint)
        if state in recordings.FAILED:
            failed.add(external_id)
    return [
        draft for draft in others if draft.external_id in failed and _brings_another_recording(known, draft)
    ]


def _brings_another_recording(known: Mapping[str, _Known], draft: CallDraft) -> bool:
    call = known.get(draft.external_id)
    return call is not None and any(
        call.fingerprint.get(name) != draft.fingerprint.get(name) for name in _RECORDING_FIELDS
    )


def _take_up(drafts: list[CallDraft], known: Mapping[str, _Known], now: datetime) -> None:
    """Begin a new run of each draft's call from its recording, in four statements whatever the number."""
    if not drafts:
        return
    calls = {known[draft.external_id].pk: draft for draft in drafts}
    begun = Recording.objects.filter(call__in=calls, state__in=recordings.FAILED)
    held = begun.select_for_update().order_by("pk").values_list("call_id", flat=True)
    if len(held) < len(drafts):
        raise Overtaken
    fingerprints = []
    for draft in drafts:
        call = known[draft.external_id]
        for name in _RECORDING_FIELDS:
            call.fingerprint.pop(name, None)
        call.fingerprint.update(
            {name: draft.fingerprint[name] for name in _RECORDING_FIELDS if name in draft.fingerprint}
        )
        fingerprints.append((call.pk, call.fingerprint))
    bulk.update_rows(Call, "id", ("fingerprint",), fingerprints)
    sources = [(pk, *_source_of(draft)) for pk, draft in calls.items()]
    bulk.update_rows(Recording, "call_id", recordings.SOURCE_COLUMNS, sources)
    begun.update(**recordings.new_run(now))


# --- The request ------------------------------------------------------------------------------------------
def _items(
    drafts: list[CallDraft], known: Mapping[str, _Known], fresh: list[CallDraft], again: list[CallDraft]
) -> list[IngestedItem]:
    outcomes = dict.fromkeys(map(id, fresh), Outcome.ACCEPTED) | dict.fromkeys(
        map(id, again), Outcome.TAKEN_UP
    )
    items = []
    for position, draft in enumerate(drafts):
        call = known[draft.external_id]
        conflicts = differing_fields(call.fingerprint, draft.fingerprint)
        outcome = outcomes.get(id(draft), Outcome.CONFLICT if conflicts else Outcome.DUPLICATE)
        items.append(IngestedItem(position, call.pk, outcome, conflicts))
    return items


def _note_batch(origin: Origin, items: list[IngestedItem], now: datetime) -> uuid.UUID:
    batch_uuid = uuid.uuid4()
    ((batch_id,),) = bulk.insert_rows(
        IngestBatch,
        ("uuid",),
        [(batch_uuid,)],
        same={
            "partner_id": origin.partner.pk,
            "sub_tenant_id": origin.sub_tenant.pk,
            "request_id": origin.request_id,
            "received_at": now,
        },
        returning=("id",),
    )
    rows = [(item.position, item.call_id, item.outcome, item.conflicts) for item in items]
    bulk.insert_rows(IngestItem, _ITEM_COLUMNS, rows, same={"batch_id": batch_id})
    return batch_uuid

"""Adding contacts to a batch, a thousand at a time, each chunk stored whole or not at all (dialer spec)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction

from calls.dialer.models import ACTIVE, Batch, Contact, ContactStatus, Enqueue, EnqueuedChunk
from calls.dialer.records import Record, split
from calls.dialer.services import batches, outcomes, turns
from zipingest import bulk, work

log = structlog.get_logger(__name__)

CHUNK = 1000
# So long a request that comes again is known by its body.
KNOWN_FOR = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class FailedChunk:
    """``number`` counts from 1; ``error`` is fit for the one who sent it."""

    number: int
    error: str


@dataclass(frozen=True, slots=True)
class Enqueued:
    """``contact_ids``: public ids of the records that are stored, in the order of the request."""

    contact_ids: list[str]
    failed: list[FailedChunk]


@dataclass(frozen=True, slots=True)
class _Found:
    """A contact of the batch that has the phone of a record."""

    pk: int
    public_id: str
    status: str


def add(*, batch: Batch, records: Sequence[Record], digest: str) -> Enqueued:
    """Store the records, and start the batch unless somebody stopped it.

    ``digest`` names the request's body: sent again within KNOWN_FOR, only the chunks that failed are done.
    Of a phone that stands in it several times the last record counts, and its chunk stores it.
    """
    enqueue = _known_or_new(batch, digest)
    last = {record.phone: place for place, record in enumerate(records)}
    ids: dict[str, str] = {}
    failed = []
    for number, chunk in enumerate(split(records, CHUNK), start=1):
        first = (number - 1) * CHUNK
        own = [record for place, record in enumerate(chunk, first) if last[record.phone] == place]
        try:
            stored = _stored(enqueue, batch, number, own)
        except (DatabaseError, InterfaceError) as error:
            log.exception("chunk_failed", batch=batch.public_id, chunk=number)
            failed.append(FailedChunk(number, _words(error)))
            _recover()
        else:
            ids.update(zip([record.phone for record in own], stored, strict=True))
    if ids:
        work.nudge(Contact)
    return Enqueued([ids[record.phone] for record in records if record.phone in ids], failed)


def insert_new(*, batch: Batch, records: Sequence[Record], now: datetime) -> dict[str, str]:
    """A contact, due now, of each phone that the batch does not have; their public ids by phone.

    Part of a transaction.
    """
    rows = [(record.phone, record.variables, record.time_zone) for record in records]
    same = {
        "batch_id": batch.pk,
        "sub_tenant_id": batch.sub_tenant_id,
        "lane": turns.lane_of(batch),
        "due_at": now,
        "created_at": now,
        "updated_at": now,
    }
    made = bulk.insert_rows(
        Contact,
        ("phone", "variables", "time_zone"),
        rows,
        same=same,
        ignore_conflicts=True,
        returning=("phone", "public_id"),
    )
    return dict(made)


def forget_old() -> int:
    """Delete what is remembered of requests that are not known any more; how many."""
    old = Enqueue.objects.filter(first_at__lt=work.database_now() - KNOWN_FOR)
    return old.delete()[1].get(Enqueue._meta.label, 0)


# --- The request ------------------------------------------------------------------------------------------
def _known_or_new(batch: Batch, digest: str) -> Enqueue:
    now = work.database_now()
    enqueue, _ = Enqueue.objects.get_or_create(batch=batch, digest=digest, defaults={"first_at": now})
    if enqueue.first_at <= now - KNOWN_FOR:
        with transaction.atomic():
            # Of two at once, one begins anew and the other finds it begun.
            if Enqueue.objects.filter(pk=enqueue.pk, first_at=enqueue.first_at).update(first_at=now):
                enqueue.chunks.all().delete()
    return enqueue


def _recover() -> None:
    """A connection that was lost must not fail the chunks that follow."""
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()


def _words(error: Exception) -> str:
    """Nothing of what the database says: it may quote a contact."""
    if isinstance(error, OperationalError | InterfaceError):
        return "Database connection error"
    return "Database error"


# --- A chunk ----------------------------------------------------------------------------------------------
@transaction.atomic
def _stored(enqueue: Enqueue, batch: Batch, number: int, records: Sequence[Record]) -> list[str]:
    """Public ids of the records. Raises DatabaseError, and then nothing of the chunk is stored."""
    # The same body at the same time: one request waits here until the other's chunk is done.
    Enqueue.objects.select_for_update(no_key=True).get(pk=enqueue.pk)
    known = EnqueuedChunk.objects.filter(enqueue=enqueue, number=number).first()
    if known is not None:
        return list(known.contact_ids)
    ids = _write(batch, {record.phone: record for record in records})
    stored = [ids[record.phone] for record in records]
    EnqueuedChunk.objects.create(enqueue=enqueue, number=number, contact_ids=stored)
    batches.start_unless_stopped(batch=batch)
    return stored


def _write(batch: Batch, records: Mapping[str, Record]) -> dict[str, str]:
    """Public ids by phone."""
    _one_at_a_time(batch)
    now = work.database_now()
    ids = insert_new(batch=batch, records=list(records.values()), now=now)
    if len(ids) < len(records):
        known = _known(batch, records.keys() - ids.keys())
        _renew(known, records, now)
        ids |= {phone: contact.public_id for phone, contact in known.items()}
    return ids


def _known(batch: Batch, phones: Collection[str]) -> dict[str, _Found]:
    """Contacts of the phones, locked in the order of the phones."""
    rows = Contact.objects.select_for_update(no_key=True).filter(batch=batch, phone__in=list(phones))
    found = rows.order_by("phone").values_list("phone", "pk", "public_id", "status")
    return {phone: _Found(pk, public_id, status) for phone, pk, public_id, status in found}


def _one_at_a_time(batch: Batch) -> None:
    """Until the transaction ends: of two who add the same phones, in whatever order, one finds the other's.

    It is no row's lock, because a call that is begun waits for contact and batch in that order.
    """
    if connection.vendor == "postgresql":  # SQLite has one writer anyway
        with connection.cursor() as cursor:
            key = f"{Batch._meta.db_table}:{batch.pk}"
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [key])


def _renew(known: Mapping[str, _Found], records: Mapping[str, Record], now: datetime) -> None:
    """Pending ones are as their records say; ended ones too, in a new round; those being called, after it."""
    active, waiting, ended = [], [], []
    for phone, contact in known.items():
        record = records[phone]
        if contact.status in ACTIVE:
            active.append((contact.pk, record.variables, now))
            continue
        waiting.append((contact.pk, record.variables, record.time_zone, now))
        if contact.status != ContactStatus.PENDING:
            ended.append(contact.pk)
    bulk.update_rows(Contact, "id", ("next_variables", "updated_at"), active)
    bulk.update_rows(Contact, "id", ("variables", "time_zone", "updated_at"), waiting)
    if ended:
        Contact.objects.filter(pk__in=ended).update(**outcomes.new_round(now), next_variables=None)

"""A batch made of a file: all of its contacts or none."""

from collections.abc import Iterator
from itertools import islice

from django.db import transaction

from calls.dialer.models import Batch, Contact
from calls.dialer.records import Record
from calls.dialer.services import batches, enqueueing
from calls.dialer.services.batches import BatchDraft
from partners.models import Partner, SubTenant
from zipingest import work


@transaction.atomic
def create(
    *,
    sub_tenant: SubTenant,
    partner: Partner,
    draft: BatchDraft,
    records: Iterator[Record],
    request_id: str = "",
) -> Batch:
    """The batch, started, with a contact for each record; no phone stands in two. Raises UnknownNumbers."""
    batch = batches.create(sub_tenant=sub_tenant, partner=partner, draft=draft, request_id=request_id)
    now = work.database_now()
    while chunk := list(islice(records, enqueueing.CHUNK)):
        enqueueing.insert_new(batch=batch, records=chunk, now=now)
    batches.start_unless_stopped(batch=batch)
    work.nudge(Contact)
    return batch

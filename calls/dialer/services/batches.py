"""Batches: made, started, stopped and deleted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time

from django.db import transaction
from django.db.models.functions import Now

from calls.dialer.models import Batch, CallingNumber, Contact, Switch
from partners.models import Partner, SubTenant
from zipingest import work


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchDraft:
    """What a batch is to be. ``numbers``: public ids; ``hours``: from, to; ``allowed_days``: 0 is Sunday."""

    name: str
    numbers: Sequence[str]
    retry: int = 0
    delay: int = 0
    time_zone: str = ""
    hours: tuple[time, time] | None = None
    allowed_days: Sequence[int] = ()
    callback_url: str = ""


class UnknownNumbers(Exception):
    """Ids that no calling number of the account has; ``positions`` are theirs in the draft."""

    def __init__(self, positions: list[int]) -> None:
        super().__init__(positions)
        self.positions = positions


@transaction.atomic
def create(*, sub_tenant: SubTenant, partner: Partner, draft: BatchDraft, request_id: str = "") -> Batch:
    """A batch without contacts. Raises UnknownNumbers."""
    numbers = _numbers(sub_tenant, draft)
    start, end = draft.hours or (None, None)
    batch = Batch.objects.create(
        sub_tenant=sub_tenant,
        partner=partner,
        name=draft.name,
        retry=draft.retry,
        delay=draft.delay,
        time_zone=draft.time_zone,
        hours_start=start,
        hours_end=end,
        allowed_days=sorted(set(draft.allowed_days)),
        callback_url=draft.callback_url,
        request_id=request_id,
    )
    batch.numbers.add(*numbers)
    return batch


def start(*, batch: Batch) -> None:
    """Dial its contacts from now on, also those it is given later."""
    with transaction.atomic():
        Batch.objects.filter(pk=batch.pk).update(switch=Switch.STARTED, updated_at=Now())
        work.nudge(Contact)


def start_unless_stopped(*, batch: Batch) -> None:
    """What a batch does by itself once it has contacts; part of the transaction that gives it some."""
    Batch.objects.filter(pk=batch.pk, switch=Switch.IDLE).update(switch=Switch.STARTED, updated_at=Now())


def stop(*, batch: Batch) -> None:
    """Begin no further call; those that run go on to their end."""
    Batch.objects.filter(pk=batch.pk).update(switch=Switch.STOPPED, updated_at=Now())


def delete(*, batch: Batch) -> None:
    """Begin no further call and show it no more; what was called stays in the library."""
    Batch.objects.filter(pk=batch.pk).update(deleted_at=Now(), updated_at=Now())


def _numbers(sub_tenant: SubTenant, draft: BatchDraft) -> list[CallingNumber]:
    own = CallingNumber.objects.filter(sub_tenant=sub_tenant, public_id__in=draft.numbers)
    known = {number.public_id: number for number in own}
    if unknown := [place for place, number in enumerate(draft.numbers) if number not in known]:
        raise UnknownNumbers(unknown)
    return list(known.values())

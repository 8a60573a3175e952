"""Reads of batches and contacts: how far a batch is, and why a contact is not being dialled."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from django.conf import settings
from django.db.models import Count, Prefetch, QuerySet

from calls.dialer import hours
from calls.dialer.models import (
    ENDED,
    Batch,
    Blocked,
    CallingNumber,
    Contact,
    ContactStatus,
    DialerAccount,
    PhoneLog,
    Switch,
    VoiceAgent,
)
from calls.dialer.services import turns
from calls.dialer.services.turns import Room
from partners.models import SubTenant
from zipingest import work
from zipingest.work import WorkState

_ROWS = 1000
_PUBLIC_ID = re.compile(r"[0-9a-f]{24}", re.ASCII)


# --- Batches ----------------------------------------------------------------------------------------------
def batches_of(sub_tenant: SubTenant, search: str = "") -> QuerySet[Batch]:
    """The account's, newest first; ``search``: only those with it in their name."""
    batches = Batch.objects.filter(sub_tenant=sub_tenant, deleted_at__isnull=True).order_by("-id")
    return batches.filter(name__icontains=search) if search else batches


def find_batch(public_id: str) -> Batch | None:
    """Anybody's batch of that id that is not deleted; the id may be any text."""
    if not _PUBLIC_ID.fullmatch(public_id):
        return None
    return Batch.objects.filter(public_id=public_id, deleted_at__isnull=True).first()


def agents_of(numbers: Iterable[CallingNumber]) -> list[VoiceAgent]:
    """Each of those who may speak in calls from the numbers, once."""
    return list({number.agent.pk: number.agent for number in numbers if number.agent}.values())


@dataclass(frozen=True, slots=True)
class Progress:
    """Contacts of a batch by status; ``between_tries``: those pending that have been called in this round."""

    by_status: Counter[str]
    between_tries: int

    @property
    def total(self) -> int:
        return self.by_status.total()

    @property
    def picked(self) -> int:
        """Called at least once in their round, or taken out of it."""
        return self.total - self.by_status[ContactStatus.PENDING] + self.between_tries

    @property
    def ended(self) -> int:
        return sum(self.by_status[status] for status in ENDED)

    @property
    def is_complete(self) -> bool:
        return 0 < self.total == self.ended


def progress_of(batches: Collection[Batch]) -> dict[int, Progress]:
    """By the key of each batch. Two queries, answered from indexes alone."""
    contacts = Contact.objects.filter(batch__in=[batch.pk for batch in batches]).order_by()
    by_status: dict[int, Counter[str]] = {batch.pk: Counter() for batch in batches}
    for pk, status, count in contacts.values_list("batch", "status").annotate(Count("pk")):
        by_status[pk][status] = count
    tried = contacts.filter(status=ContactStatus.PENDING, tries__gt=0)
    between = dict(tried.values_list("batch").annotate(Count("batch")))
    return {pk: Progress(counts, between.get(pk, 0)) for pk, counts in by_status.items()}


# --- Contacts ---------------------------------------------------------------------------------------------
def contacts_of(batch: Batch, status: str = "") -> QuerySet[Contact]:
    """Of any status unless one is named."""
    contacts = Contact.objects.filter(batch=batch)
    return contacts.filter(status=status) if status else contacts


def with_calls(contacts: QuerySet[Contact]) -> QuerySet[Contact]:
    """``contacts`` with their calls, the first one first, in one query more."""
    calls = PhoneLog.objects.select_related("call").order_by("pk")
    return contacts.prefetch_related(Prefetch("phone_logs", queryset=calls))


def all_contacts(batch: Batch) -> Iterator[Contact]:
    """With their calls, in the order in which they were added, read a thousand at a time."""
    last, contacts = 0, with_calls(contacts_of(batch).order_by("pk"))
    while page := list(contacts.filter(pk__gt=last)[:_ROWS]):
        yield from page
        last = page[-1].pk


def variable_names(batch: Batch, most: int) -> list[str]:
    """The names of the contacts' variables as they come, ``most`` of them."""
    names: dict[str, Any] = {}
    variables = contacts_of(batch).order_by("pk").values_list("variables", flat=True)
    for each in variables.iterator(chunk_size=_ROWS):
        names |= dict.fromkeys(each)
        if len(names) >= most:
            break
    return list(names)[:most]


# --- Why a contact is not dialled -------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Standing:
    """What all contacts of a batch share of the question, at one moment."""

    batch: Batch
    account: DialerAccount
    now: datetime
    has_provider: bool
    has_numbers: bool
    has_room: bool

    @classmethod
    def of(cls, batch: Batch) -> Self:
        """Some queries, whatever the number of contacts."""
        numbers = turns.numbers_of(batch)
        account = DialerAccount.objects.filter(sub_tenant=batch.sub_tenant_id).first()
        room = Room.now([batch.sub_tenant_id]).for_any(batch.sub_tenant_id, numbers)
        return cls(
            batch=batch,
            account=account or DialerAccount(sub_tenant_id=batch.sub_tenant_id),
            now=work.database_now(),
            has_provider=bool(settings.TELEPHONY_PROVIDER),
            has_numbers=bool(numbers),
            has_room=room,
        )


@dataclass(frozen=True, slots=True)
class Waiting:
    """``blocked_by`` is "" where nothing keeps the contact; ``next_attempt_at`` None where nobody can say."""

    blocked_by: str
    next_attempt_at: datetime | None = None


def waiting(contact: Contact, standing: Standing) -> Waiting:
    """Why the contact is not being dialled at this moment, and when it may be."""
    if contact.state != WorkState.DUE:
        return Waiting(contact.blocked_by)
    if reason := _of_batch(standing):
        return Waiting(reason)
    return _of_contact(contact, standing)


def blocked_by(contact: Contact, standing: Standing) -> str:
    return waiting(contact, standing).blocked_by


def _of_batch(standing: Standing) -> str:
    """What keeps all of the batch until somebody does something about it."""
    if standing.batch.deleted_at is not None:
        return Blocked.DELETED
    if standing.batch.switch != Switch.STARTED:
        return Blocked.STOPPED
    if not standing.has_provider:
        return Blocked.NO_PROVIDER
    return "" if standing.has_numbers else Blocked.NO_NUMBER


def _of_contact(contact: Contact, standing: Standing) -> Waiting:
    due = max(contact.due_at, standing.now)
    opening = hours.hours_of(contact, standing.batch, standing.account).next_allowed(due)
    if opening is None:
        return Waiting(Blocked.NEVER)
    if opening > due or (due > standing.now and contact.blocked_by == Blocked.HOURS):
        return Waiting(Blocked.HOURS, opening)
    if not standing.has_room or (due > standing.now and contact.blocked_by == Blocked.NUMBER_BUSY):
        return Waiting(Blocked.NUMBER_BUSY, due)
    return Waiting(Blocked.DELAY if due > standing.now else Blocked.TURN, due)

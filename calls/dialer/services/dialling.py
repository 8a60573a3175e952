"""Dialling a contact: whether it may be called now, from which number, and asking the provider to do it.

The call is a row before the provider is asked, with an id that we have chosen. A worker that dies in between
leaves a row that is watched (watching.py): nobody is called again because of it.
"""

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F

from calls import telephony
from calls.dialer import hours
from calls.dialer.models import (
    Batch,
    Blocked,
    Contact,
    ContactStatus,
    DialerAccount,
    LogStatus,
    PhoneLog,
)
from calls.dialer.services import outcomes, turns
from calls.services import do_not_call
from calls.telephony.port import NotDone, Provider, TelephonyError
from zipingest import work
from zipingest.work import Lease, WorkState

log = structlog.get_logger(__name__)

# A begun call is asked after so long later; until half of it has passed the provider may be asked to make it.
WATCHED_AFTER = timedelta(seconds=30)
_BUSY_PAUSE = timedelta(seconds=2)
_A_DAY = timedelta(days=1)


def register_work() -> None:
    work.register(
        work.Kind(
            model=Contact,
            perform=work.each(dial),
            give_up=_give_up,
            task="calls.dialer.tasks.dial",
            lane_cap=settings.DIALER_BEGINNING_PER_BATCH,
            target_cap=1,
            lanes=turns.in_turn,
        )
    )


def dial(lease: Lease) -> None:
    """Call the leased contact, or put down why it is not called now."""
    contact = Contact.objects.select_related("batch", "sub_tenant").get(pk=lease.pk)
    now = work.database_now()
    if _must_not_be_called(contact):
        lease.finish(status=ContactStatus.CANCELLED, blocked_by=Blocked.DNC, updated_at=now)
        return
    opening = hours.hours_of(contact, contact.batch, _account(contact)).next_allowed(now)
    if opening != now:
        reason = Blocked.HOURS if opening else Blocked.NEVER
        lease.put_back(due_at=opening or now + _A_DAY, blocked_by=reason, updated_at=now)
        return
    begun = _begin(lease, contact, now)
    if begun is not None:
        _originate(begun)


def _must_not_be_called(contact: Contact) -> bool:
    return do_not_call.marks_of(contact.sub_tenant_id, contact.phone).exists()


def _account(contact: Contact) -> DialerAccount:
    return DialerAccount.objects.get_or_create(sub_tenant_id=contact.sub_tenant_id)[0]


# --- Beginning a call -------------------------------------------------------------------------------------
@transaction.atomic
def _begin(lease: Lease, contact: Contact, now: datetime) -> PhoneLog | None:
    """The call that is going to be made, committed before anybody is asked to make it; None: not now."""
    # One at a time in an account: two who count at once would both find the last place.
    DialerAccount.objects.select_for_update().get(sub_tenant_id=contact.sub_tenant_id)
    batch = Batch.objects.get(pk=contact.batch_id)
    # As it is now: since it was read, a request may have brought other variables.
    contact = Contact.objects.select_for_update(no_key=True).get(pk=contact.pk)
    provider = telephony.configured()
    if not batch.is_dialled or provider is None:
        lease.put_back()
        return None
    number = turns.Room.now([contact.sub_tenant_id]).number_for(
        contact.sub_tenant_id, turns.numbers_of(batch)
    )
    if number is None:
        lease.put_back(due_at=now + _BUSY_PAUSE, blocked_by=Blocked.NUMBER_BUSY)
        return None
    begun = PhoneLog.objects.create(
        contact=contact,
        sub_tenant_id=contact.sub_tenant_id,
        number=number,
        round=contact.round,
        provider=provider.name,
        variables=contact.variables,
        begun_at=now,
        due_at=now + WATCHED_AFTER,
        lane=f"account:{contact.sub_tenant_id}",
    )
    lease.finish(status=ContactStatus.QUEUED, blocked_by="", tries=F("tries") + 1, updated_at=now)
    Batch.objects.filter(pk=batch.pk).update(dialled_at=now)
    return begun


def _originate(begun: PhoneLog) -> None:
    """Ask the provider. Where nobody knows whether it did, the call is watched."""
    contact, provider = begun.contact, telephony.provider(begun.provider)
    if work.database_now() > begun.begun_at + WATCHED_AFTER / 2:
        outcomes.note_failed(begun.uuid, "we were too slow to ask for the call")
        return
    try:
        _ask(provider, begun)
    except NotDone as error:
        outcomes.note_failed(begun.uuid, error.reason)
    except TelephonyError as error:
        log.warning("originate_unsure", contact=contact.public_id, reason=error.reason)
    else:
        outcomes.note_ringing(begun.uuid)


def _ask(provider: Provider, begun: PhoneLog) -> None:
    with structlog.contextvars.bound_contextvars(call=str(begun.uuid)):
        provider.originate(to=begun.contact.phone, caller_id=begun.number.phone, call_id=str(begun.uuid))


def _give_up(lease: Lease, reason: str) -> None:
    lease.fail(reason, status=ContactStatus.FAILED, updated_at=work.database_now())


# --- By hand ----------------------------------------------------------------------------------------------
def dial_again(*, contact: Contact) -> bool:
    """Another round for a contact that has ended, be its outcome unknown; False where it has not."""
    now = work.database_now()
    with transaction.atomic():
        ended = Contact.objects.filter(pk=contact.pk, state__in=[WorkState.DONE, WorkState.FAILED]).exclude(
            phone_logs__status__in=[LogStatus.ORIGINATING, LogStatus.RINGING, LogStatus.IN_PROGRESS]
        )
        changed = ended.update(**outcomes.new_round(now))
        work.nudge(Contact)
    return bool(changed)

"""What becomes of a call: told by the provider's events, by asking it, or by its refusal.

Every note is conditional on what the row says, so that told twice, late or in another order it changes
nothing that it must not.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.urls import reverse

from calls.dialer.models import (
    ENDED,
    RETRIED,
    RUNNING,
    Blocked,
    Contact,
    ContactStatus,
    LogStatus,
    PhoneLog,
)
from calls.services import dialled
from calls.services.dialled import DialledCall
from calls.telephony.port import Ending
from partners import deliveries
from zipingest import work
from zipingest.work import RELEASED, WorkState

log = structlog.get_logger(__name__)

CALL_COMPLETED = "call.completed"
_OF_ENDING = {
    Ending.ANSWERED: LogStatus.COMPLETED,
    Ending.BUSY: LogStatus.BUSY,
    Ending.NO_ANSWER: LogStatus.NO_ANSWER,
    Ending.FAILED: LogStatus.FAILED,
}


# --- While it goes on -------------------------------------------------------------------------------------
def note_ringing(call: UUID) -> None:
    """The provider has taken the call on."""
    _advance(call, (LogStatus.ORIGINATING,), LogStatus.RINGING)


def note_answered(call: UUID, at: datetime) -> None:
    _advance(call, (LogStatus.ORIGINATING, LogStatus.RINGING), LogStatus.IN_PROGRESS, answered_at=at)


@transaction.atomic
def _advance(call: UUID, before: tuple[LogStatus, ...], status: LogStatus, **fields: Any) -> None:
    if PhoneLog.objects.filter(uuid=call, status__in=before).update(status=status, **fields):
        Contact.objects.filter(phone_logs__uuid=call).update(status=status, updated_at=work.database_now())


# --- Its end ----------------------------------------------------------------------------------------------
def note_failed(call: UUID, reason: str) -> None:
    """The call was certainly not made."""
    note_ended(call, at=work.database_now(), ending=Ending.FAILED, cause=reason)


@transaction.atomic
def note_ended(call: UUID, *, at: datetime, ending: Ending, cause: str = "") -> bool:
    """The call is over; False where that is known, or it is none of ours."""
    ended = _running(call)
    if ended is None:
        return False
    if ending == Ending.ANSWERED and ended.answered_at is None:
        ended.answered_at = ended.begun_at
    ended.status, ended.cause = _OF_ENDING[ending], cause[:255]
    ended.ended_at = max(at, ended.answered_at or ended.begun_at)
    if ending == Ending.ANSWERED:
        ended.call = dialled.store(dialled=_dialled(ended))
    _close(ended)
    _go_on(ended)
    return True


@transaction.atomic
def note_unknown(call: UUID) -> bool:
    """Nobody knows what became of the call: nobody is called again for it but by a person."""
    lost = _running(call)
    if lost is None:
        return False
    lost.status, lost.ended_at = LogStatus.UNKNOWN, work.database_now()
    _close(lost)
    Contact.objects.filter(pk=lost.contact_id).update(
        status=ContactStatus.FAILED,
        blocked_by=Blocked.UNKNOWN,
        last_error="the provider does not know what became of the call",
        updated_at=lost.ended_at,
    )
    work.nudge(Contact)
    log.warning("call_outcome_unknown", call=str(call))
    return True


def _running(call: UUID) -> PhoneLog | None:
    """The row, locked, of a call whose end is not known yet."""
    rows = PhoneLog.objects.select_for_update(of=("self",), no_key=True).filter(uuid=call)
    return (
        rows.filter(status__in=RUNNING)
        .select_related("contact__batch__partner", "contact__sub_tenant", "number__agent__agent")
        .first()
    )


def _close(ended: PhoneLog) -> None:
    """Nothing is left to be watched; whoever is at it writes under an epoch that is gone."""
    PhoneLog.objects.filter(pk=ended.pk).update(
        state=WorkState.DONE,
        lease_epoch=F("lease_epoch") + 1,
        status=ended.status,
        cause=ended.cause,
        answered_at=ended.answered_at,
        ended_at=ended.ended_at,
        call=ended.call,
        **RELEASED,
    )


def _dialled(ended: PhoneLog) -> DialledCall:
    contact, agent = ended.contact, ended.number.agent
    assert ended.ended_at is not None, "it has ended"
    return DialledCall(
        sub_tenant=contact.sub_tenant,
        partner=contact.batch.partner,
        provider=ended.provider,
        call_id=str(ended.uuid),
        customer_phone=contact.phone,
        our_phone=ended.number.phone,
        agent=agent.agent if agent else None,
        started_at=ended.begun_at,
        ended_at=ended.ended_at,
        request_id=contact.batch.request_id,
    )


# --- What comes next --------------------------------------------------------------------------------------
def _go_on(ended: PhoneLog) -> None:
    """Another try, another round, or the end, of which the batch's endpoint is told."""
    contact = Contact.objects.select_for_update(no_key=True).get(pk=ended.contact_id)
    contact.batch, now = ended.contact.batch, work.database_now()
    status = ContactStatus(ended.status)
    if status in RETRIED and contact.tries <= contact.batch.retry:
        again = now + timedelta(seconds=contact.batch.delay)
        fields: dict[str, Any] = {"status": ContactStatus.PENDING, "state": WorkState.DUE, "due_at": again}
    else:
        _tell(ended)
        fields = {"status": status}
        if contact.next_variables is not None:
            fields = new_round(now) | {"variables": contact.next_variables, "next_variables": None}
    Contact.objects.filter(pk=contact.pk).update(**fields, updated_at=now)
    work.nudge(Contact)  # for this one, and for those that waited for its number


def new_round(now: datetime) -> dict[str, Any]:
    """The columns of a contact that is asked for anew."""
    return {
        "status": ContactStatus.PENDING,
        "state": WorkState.DUE,
        "due_at": now,
        "round": F("round") + 1,
        "tries": 0,
        "attempts": 0,
        "expiries": 0,
        "blocked_by": "",
        "last_error": "",
        **RELEASED,
    }


def _tell(ended: PhoneLog) -> None:
    """Owe the callback; it names the contact by the id that adding it was answered with."""
    contact, batch = ended.contact, ended.contact.batch
    if not batch.callback_url:
        return
    deliveries.owe(
        partner=batch.partner,
        sub_tenant=contact.sub_tenant,
        event=CALL_COMPLETED,
        url=batch.callback_url,
        payload=_payload(ended),
        subject=ended.uuid,
        request_id=batch.request_id,
    )


def _payload(ended: PhoneLog) -> Mapping[str, Any]:
    contact = ended.contact
    assert ended.ended_at is not None, "it has ended"
    return {
        "event": CALL_COMPLETED,
        "batchId": contact.batch.public_id,
        "callId": contact.public_id,
        "phoneNumber": contact.phone,
        "callStatus": ended.status,
        "callDuration": round(ended.seconds, 3),
        "recordingUrl": recording_url(ended),
        "variables": ended.variables,
        "timestamp": ended.ended_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }


def recording_url(ended: PhoneLog) -> str | None:
    """Our own address, which takes a key of this surface; None where nobody answered."""
    if ended.call is None:
        return None
    return f"{settings.PUBLIC_URL}{reverse('dialer-recording', args=[ended.call.uuid.hex])}"


__all__ = ["ENDED", "new_round", "note_answered", "note_ended", "note_failed", "note_ringing", "note_unknown"]

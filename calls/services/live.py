"""Live calls: registered while people speak, and hung up (telesales spec, Live calls).

The telephony provider is asked outside of transactions. A call that we place is a row before it is a call, so
that none is carried that nobody can hang up.
"""

from dataclasses import astuple, dataclass
from datetime import datetime

import structlog
from django.db import IntegrityError, transaction

from calls import telephony
from calls.drafts import CustomerDraft
from calls.models import Agent, Call, Campaign, Customer, PauseHandling, Recording, Source
from calls.services import people, recordings
from calls.telephony.port import Ended, TelephonyError, UnknownCall
from partners.models import SubTenant
from zipingest import work

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class NewCall:
    """A call that begins. ``provider_call_id``: of one that is carried already; else we place it.

    ``phone`` is E.164; ``started_at`` is aware, now where it is not given.
    """

    sub_tenant: SubTenant
    phone: str
    agent: Agent | None = None
    campaign: Campaign | None = None
    started_at: datetime | None = None
    provider_call_id: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class HangUp:
    """What is known of a call's end; ``pauses``: what whoever recorded it did while it was paused."""

    ended_at: datetime | None = None
    recording_url: str | None = None
    recording_started_at: datetime | None = None
    pauses: PauseHandling | None = None


class NotInProgress(Exception):
    """The call has ended, or has ended otherwise than is said now."""


class RecordingStartMissing(Exception):
    """The call was paused: without the recording's beginning nobody knows where in it."""


class EndsBeforeItStarts(Exception):
    """The end is before the call's beginning, or before that of its recording."""


# --- The beginning ----------------------------------------------------------------------------------------
def register(*, new: NewCall) -> tuple[Call, bool]:
    """The call, and whether it is new: one whose id the account knows stays as it is.

    The unique constraint decides between parallel requests. Raises TelephonyError, and then keeps nothing.
    """
    if not new.provider_call_id:
        return _place(new), True
    known = _known(new)
    if known is not None:
        return known, False
    provider = _carrier(new.provider_call_id)
    try:
        return _store(new, provider, new.provider_call_id), True
    except IntegrityError:
        known = _known(new)
        if known is None:
            raise
        return known, False


def _known(new: NewCall) -> Call | None:
    calls = Call.objects.filter(sub_tenant=new.sub_tenant, source=Source.LIVE)
    return calls.select_related("agent").filter(external_id=new.provider_call_id).first()


def _carrier(provider_call_id: str) -> str:
    provider = telephony.configured()
    return provider.name if provider and provider.carries(provider_call_id) else ""


def _place(new: NewCall) -> Call:
    """Registered, and where there is a provider called by it."""
    provider = telephony.configured()
    call = _store(new, provider.name if provider else "", None)
    if provider is None:
        return call
    try:
        call.external_id = provider.originate(to=new.phone)
    except TelephonyError:
        call.delete()
        raise
    if not Call.objects.filter(pk=call.pk, ended_at__isnull=True).update(external_id=call.external_id):
        provider.hangup(call.external_id)  # somebody has hung it up before it rang
    return call


@transaction.atomic
def _store(new: NewCall, provider: str, external_id: str | None) -> Call:
    now = work.database_now()
    owner = people.Owner(new.sub_tenant, None)
    customer = people.known_as(Customer, owner, [CustomerDraft(new.phone)])[new.phone]
    return Call.objects.create(
        source=Source.LIVE,
        sub_tenant=new.sub_tenant,
        external_id=external_id,
        provider=provider,
        started_at=new.started_at or now,
        customer_phone=new.phone,
        customer_id=customer.pk,
        agent=new.agent,
        campaign=new.campaign,
        request_id=new.request_id,
        received_at=now,
    )


# --- The end ----------------------------------------------------------------------------------------------
def hang_up(*, call: Call, how: HangUp) -> None:
    """End the call, and have its recording fetched where there is one; a pause that is open stays open.

    Said again, it changes nothing as long as what is given is what is known. Raises NotInProgress,
    RecordingStartMissing, EndsBeforeItStarts, TelephonyError, and then has changed nothing here.
    """
    ended = _end_at_provider(call, how) if call.in_progress else None
    with transaction.atomic():
        held = lock(call)
        if not held.in_progress:
            _refuse_others(held, how)
            return
        _check(held, how)
        held.ended_at = how.ended_at or _moment(held, ended)
        held.save(update_fields=["ended_at"])
        _owe_recording(held, how, ended)
    log.info("live_call_ended", call=str(call.uuid))


def lock(call: Call) -> Call:
    """The row as it is now, which nobody else changes before the caller's commit."""
    return Call.objects.select_for_update(no_key=True).get(pk=call.pk)


def _end_at_provider(call: Call, how: HangUp) -> Ended | None:
    _check(call, how)  # before anybody is cut off
    if not call.provider or not call.external_id:
        return None
    try:
        return telephony.provider(call.provider).hangup(call.external_id)
    except UnknownCall:
        # Lost over there: it must be possible to end it here.
        log.warning("provider_lost_call", call=str(call.uuid), provider=call.provider)
        return None


def _check(call: Call, how: HangUp) -> None:
    for begun in (call.started_at, how.recording_started_at):
        if begun and how.ended_at and how.ended_at < begun:
            raise EndsBeforeItStarts
    if how.recording_url and how.recording_started_at is None and call.pauses.exists():
        raise RecordingStartMissing


def _moment(call: Call, ended: Ended | None) -> datetime:
    return max(call.started_at, ended.at if ended else work.database_now())


def _refuse_others(call: Call, how: HangUp) -> None:
    recording: Recording | None = getattr(call, "recording", None)
    known = HangUp(call.ended_at)
    if recording is not None:
        handling = PauseHandling(recording.pause_handling)
        known = HangUp(call.ended_at, recording.source_url, recording.started_at, handling)
    pairs = zip(astuple(how), astuple(known), strict=True)
    if any(given is not None and given != kept for given, kept in pairs):
        raise NotInProgress


def _owe_recording(call: Call, how: HangUp, ended: Ended | None) -> None:
    if how.recording_url:
        handling = how.pauses or PauseHandling.IGNORED
        _make_recording(call, how.recording_url, how.recording_started_at, handling)
    elif ended is not None and ended.recording_started_at is not None:
        provider = telephony.provider(call.provider)
        url = provider.recording_url(str(call.external_id))
        _make_recording(call, url, ended.recording_started_at, provider.pause_handling)


def _make_recording(call: Call, url: str, started_at: datetime | None, handling: PauseHandling) -> None:
    now = work.database_now()
    Recording.objects.create(
        call=call,
        sub_tenant_id=call.sub_tenant_id,
        lane=f"sub_tenant:{call.sub_tenant_id}",
        begun_at=now,
        due_at=now,
        started_at=started_at,
        pause_handling=handling,
        **recordings.source_of(url),
    )
    work.nudge(Recording)

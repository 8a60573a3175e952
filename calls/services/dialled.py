"""A call that was dialled and answered becomes a call like any other, with its recording."""

from dataclasses import dataclass
from datetime import datetime

from calls import telephony
from calls.drafts import CustomerDraft
from calls.models import Agent, Call, Customer, Direction, Recording, Source
from calls.services import people, recordings
from partners.models import Partner, SubTenant
from zipingest import work


@dataclass(frozen=True, slots=True)
class DialledCall:
    """``call_id``: the provider's; phones are E.164, times aware."""

    sub_tenant: SubTenant
    partner: Partner
    provider: str
    call_id: str
    customer_phone: str
    our_phone: str
    agent: Agent | None
    started_at: datetime
    ended_at: datetime
    request_id: str = ""


def store(*, dialled: DialledCall) -> Call:
    """Take the call in, and have its recording fetched; part of the transaction that notes its end."""
    now = work.database_now()
    owner = people.Owner(dialled.sub_tenant, None)
    phone = dialled.customer_phone
    customer = people.known_as(Customer, owner, [CustomerDraft(phone)])[phone]
    call = Call.objects.create(
        source=Source.DIALER,
        sub_tenant=dialled.sub_tenant,
        partner=dialled.partner,
        external_id=dialled.call_id,
        provider=dialled.provider,
        started_at=dialled.started_at,
        ended_at=dialled.ended_at,
        customer_phone=phone,
        our_phone=dialled.our_phone,
        direction=Direction.OUTBOUND,
        customer_id=customer.pk,
        agent=dialled.agent,
        request_id=dialled.request_id,
        received_at=now,
    )
    _owe_recording(call, dialled, now)
    return call


def _owe_recording(call: Call, dialled: DialledCall, now: datetime) -> None:
    url = telephony.provider(dialled.provider).recording_url(dialled.call_id)
    Recording.objects.create(
        call=call,
        sub_tenant=dialled.sub_tenant,
        lane=f"dialer:{dialled.sub_tenant.pk}",
        begun_at=now,
        due_at=now,
        **recordings.source_of(url),
    )
    work.nudge(Recording)

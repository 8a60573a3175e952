"""Who is dialled, when and in which order: do-not-call, hours, caps, turns of batches, and the callback."""

import json
from datetime import timedelta
from typing import Any

import pytest

from calls.dialer.models import (
    Blocked,
    CallingNumber,
    Contact,
    ContactStatus,
    DialerAccount,
    PhoneLog,
    Switch,
)
from calls.dialer.services import batches, dialling
from calls.models import DispositionCode
from calls.services import audit, dispositions, do_not_call, live
from calls.services.live import NewCall
from partners.models import Delivery
from tests.dialer.conftest import talked
from tests.support import dialling as dialled
from tests.support import factories
from zipingest import work

pytestmark = pytest.mark.django_db


def begun() -> list[str]:
    """The phones that were called, in their order."""
    return list(PhoneLog.objects.order_by("pk").values_list("contact__phone", flat=True))


def test_a_number_on_the_do_not_call_list_is_never_dialled() -> None:
    of = dialled.batch()
    contact = dialled.contact(of)
    do_not_call.mark(sub_tenant_id=of.sub_tenant_id, phones=[contact.phone], now=work.database_now())
    dialled.dial_all()
    contact.refresh_from_db()
    assert (contact.status, contact.blocked_by) == (ContactStatus.CANCELLED, Blocked.DNC)
    assert begun() == []


def test_a_customer_disposed_do_not_call_is_on_the_list() -> None:
    of = dialled.batch()
    contact = dialled.contact(of)
    call, _ = live.register(new=NewCall(sub_tenant=of.sub_tenant, phone=contact.phone, provider_call_id="1"))
    DispositionCode.objects.create(sub_tenant=of.sub_tenant, code="do_not_call")
    dispositions.dispose(call=call, code="do_not_call", actor=audit.Actor("ada", "192.0.2.1"))
    dialled.dial_all()
    assert begun() == []


def test_outside_its_hours_a_contact_waits_for_the_next_opening(settings: Any) -> None:
    now = work.database_now()
    closed = {
        "hours_start": (now + timedelta(hours=2)).time(),
        "hours_end": (now + timedelta(hours=3)).time(),
    }
    contact = dialled.contact(dialled.batch(**closed), "+1234567890", time_zone="UTC")
    dialled.dial_all()
    contact.refresh_from_db()
    assert (contact.status, contact.blocked_by) == (ContactStatus.PENDING, Blocked.HOURS)
    assert timedelta(hours=1, minutes=59) < contact.due_at - now < timedelta(hours=2, seconds=1)


def test_an_account_makes_no_more_calls_than_it_may() -> None:
    of = dialled.batch()
    DialerAccount.objects.create(sub_tenant=of.sub_tenant, most_at_once=2)
    for number in range(4):
        dialled.contact(of, f"+1212555110{number}")
    dialled.dial_all()
    assert len(begun()) == 2


def test_batches_take_turns_however_many_contacts_the_first_has(settings: Any) -> None:
    owner = factories.provisioned()
    first, second = dialled.batch(owner), dialled.batch(owner, name="Later")
    for number in range(6):
        dialled.contact(first, f"+1212555120{number}")
    for number in range(2):
        dialled.contact(second, f"+1310555120{number}")
    settings.DIALER_RUNNING_PER_NUMBER = 4
    dialled.dial_all()
    assert sorted(phone[:5] for phone in begun()) == ["+1212", "+1212", "+1310", "+1310"]


def test_another_accounts_calls_take_no_room() -> None:
    ours, theirs = dialled.batch(), dialled.batch(factories.provisioned(sub_tenant="theirs"))
    for of in (ours, theirs):
        DialerAccount.objects.create(sub_tenant=of.sub_tenant, most_at_once=1)
        dialled.contact(of)
    dialled.dial_all()
    assert len(begun()) == 2


def test_a_stopped_batch_goes_on_where_it_stood_when_it_is_started(settings: Any) -> None:
    settings.DIALER_RUNNING_PER_NUMBER = 1
    of = dialled.batch()
    contacts = [dialled.contact(of, f"+1212555130{number}") for number in range(3)]
    dialled.dial_all()
    batches.stop(batch=of)
    talked()
    assert dialled.dial_all() == 0
    batches.start(batch=of)
    dialled.run_until_ended(*contacts)
    assert {contact.status for contact in contacts} == {ContactStatus.COMPLETED}
    assert len(begun()) == 3


def test_a_number_that_nobody_speaks_for_is_not_called_from() -> None:
    of = dialled.batch()
    dialled.contact(of)
    CallingNumber.objects.update(agent=None)
    assert dialled.dial_all() == 0


def test_the_end_of_a_contacts_round_is_told_once_and_signed() -> None:
    of = dialled.batch(callback_url="https://partner.example.com/hook", retry=1, delay=0)
    contact = dialled.contact(of, "+12125550002", variables={"account_id": "ACC-1"})
    dialled.run_until_ended(contact)
    delivery = Delivery.objects.get()
    log = PhoneLog.objects.last()
    assert json.loads(delivery.body) == {
        "event": "call.completed",
        "batchId": of.public_id,
        "callId": contact.public_id,
        "phoneNumber": contact.phone,
        "callStatus": "busy",
        "callDuration": 0.0,
        "recordingUrl": None,
        "variables": {"account_id": "ACC-1"},
        "timestamp": log.ended_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    assert (delivery.partner, delivery.subject) == (of.partner, log.uuid)


def test_what_came_while_it_was_called_is_for_the_next_round() -> None:
    contact = dialled.contact(dialled.batch(), variables={"try": 1})
    dialled.dial_all()
    Contact.objects.filter(pk=contact.pk).update(next_variables={"try": 2})
    dialled.run_until_ended(contact)
    assert [(log.round, log.variables) for log in PhoneLog.objects.all()] == [
        (1, {"try": 1}),
        (2, {"try": 2}),
    ]


def test_a_person_has_a_contact_dialled_again_once_its_call_is_over() -> None:
    contact = dialled.contact(dialled.batch())
    dialled.dial_all()
    assert not dialling.dial_again(contact=contact), "its call runs"
    dialled.run_until_ended(contact)
    assert dialling.dial_again(contact=contact)
    dialled.run_until_ended(contact)
    assert [log.round for log in PhoneLog.objects.all()] == [1, 2]


def test_nobody_is_dialled_where_nobody_carries_calls(settings: Any) -> None:
    settings.TELEPHONY_PROVIDER = ""
    dialled.contact(dialled.batch(switch=Switch.STARTED))
    assert dialled.dial_all() == 0

"""Dialling: a call is a row before it is a call, and what comes of it is known, or a person is asked."""

import pytest

from calls.dialer.models import Blocked, Contact, ContactStatus, LogStatus, PhoneLog, Switch
from calls.models import Call, Direction, Recording, Source
from tests.support import dialling

pytestmark = pytest.mark.django_db


def test_an_answered_call_becomes_a_call_with_its_recording() -> None:
    contact = dialling.contact(dialling.batch(), variables={"name": "Sarah"})
    dialling.run_until_ended(contact)

    (log,) = PhoneLog.objects.all()
    assert (contact.status, log.status) == (ContactStatus.COMPLETED, LogStatus.COMPLETED)
    call = Call.objects.get()
    assert (call.source, call.direction, call.customer_phone) == (
        Source.DIALER,
        Direction.OUTBOUND,
        contact.phone,
    )
    assert call.our_phone == dialling.NUMBER
    assert Recording.objects.get().source_url == f"simulator:{log.uuid}"


@pytest.mark.parametrize(
    ("phone", "status"),
    [
        ("+12125550001", ContactStatus.NO_ANSWER),
        ("+12125550002", ContactStatus.BUSY),
        ("+12125550003", ContactStatus.FAILED),
    ],
)
def test_what_nobody_answered_is_tried_as_often_as_the_batch_says(phone: str, status: ContactStatus) -> None:
    contact = dialling.contact(dialling.batch(retry=1, delay=0), phone)
    dialling.run_until_ended(contact)
    assert contact.status == status
    assert [log.status for log in PhoneLog.objects.all()] == [status, status]
    assert not Call.objects.exists()


def test_a_stopped_batch_is_not_dialled() -> None:
    contact = dialling.contact(dialling.batch(switch=Switch.STOPPED))
    assert dialling.dial_all() == 0
    assert not PhoneLog.objects.exists()
    assert Contact.objects.get(pk=contact.pk).status == ContactStatus.PENDING


def test_no_more_calls_run_than_a_number_may_make(settings: pytest.FixtureRequest) -> None:
    settings.DIALER_RUNNING_PER_NUMBER = 2
    of = dialling.batch()
    for number in range(5):
        dialling.contact(of, f"+1212555100{number}")
    dialling.dial_all()
    assert PhoneLog.objects.count() == 2
    assert not Contact.objects.exclude(blocked_by="").exclude(blocked_by=Blocked.NUMBER_BUSY).exists()

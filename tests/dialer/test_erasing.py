"""A customer who is erased is nobody's contact any more, and is not dialled."""

import json

import pytest

from calls.dialer.models import Contact, ContactStatus, PhoneLog
from calls.models import IdentifierKind
from calls.services.erasure import Identity, erase
from partners.models import Delivery
from tests.support import dialling
from tests.support.stored import everything_stored

pytestmark = pytest.mark.django_db
PHONE = "+12125551234"


def test_nothing_of_them_is_left_in_any_batch_and_nobody_dials_them() -> None:
    of = dialling.batch(callback_url="https://partner.example.com/hook")
    contact = dialling.contact(of, PHONE, variables={"name": "Sarah Planted"})
    other = dialling.contact(of, "+12125559999", variables={"name": "Somebody"})
    dialling.run_until_ended(contact, other)
    later = dialling.batch(name="Later")
    waiting = dialling.contact(later, PHONE, variables={"name": "Sarah Planted"})

    erase(who=Identity.of(of.sub_tenant, IdentifierKind.PHONE, PHONE), asked_by="eve")

    held = json.dumps(everything_stored(), default=str)
    assert PHONE not in held
    assert "Sarah Planted" not in held
    waiting.refresh_from_db()
    assert waiting.status == ContactStatus.CANCELLED
    assert dialling.dial_all() == 0
    assert Contact.objects.get(pk=other.pk).variables == {"name": "Somebody"}
    assert PhoneLog.objects.count() == 2
    assert Delivery.objects.filter(body="{}").count() == 1

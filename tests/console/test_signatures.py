"""The page that says why a partner refuses a callback: it tells staff, and keeps nothing."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from standardwebhooks import Webhook

from partners import deliveries
from partners.models import Delivery
from tests.console.conftest import World, staff
from tests.pages.exports import words
from tests.support.stored import everything_stored
from zipingest import crypto


def page(world: World) -> str:
    return reverse("admin:partners_partner_check_signature", args=[world.partner.pk])


def received(world: World) -> dict[str, str]:
    """The failed call's callback as its receiver has it, in the fields of the form."""
    now, delivery = datetime.now(UTC), world.delivery
    signature = Webhook(secret(world)).sign(delivery.webhook_id, now, delivery.body)
    seconds = int(now.timestamp())
    lines = f"webhook-id: {delivery.webhook_id}\nwebhook-timestamp: {seconds}\nwebhook-signature: {signature}"
    return {"headers": lines, "body": delivery.body}


def secret(world: World) -> str:
    return crypto.decrypt(world.partner.webhook_secret)


def test_it_says_what_is_wrong_and_leads_to_the_callback(world: World, support: Client) -> None:
    given = received(world)
    answer = support.post(page(world), given)
    assert "Valid with the current secret" in words(answer)
    assert reverse("admin:partners_delivery_change", args=[world.delivery.pk]) in answer.content.decode()
    assert "a newline at the end" in words(
        support.post(page(world), given | {"body": given["body"] + "\r\n"})
    )
    late = words(support.post(page(world), given | {"received_at": "2026-03-01 09:00:00"}))
    assert "The clock is off by" in late
    assert "This field is required" in words(support.post(page(world), {"headers": "", "body": ""}))


def test_a_newline_inside_the_body_is_taken_as_it_came(world: World, support: Client) -> None:
    Delivery.objects.update(body='{\n"call_id": "call-0"}')
    world.delivery.refresh_from_db()
    given = received(world)
    browsers = given | {"body": given["body"].replace("\n", "\r\n")}
    assert "Valid with the current secret" in words(support.post(page(world), browsers))


def test_nothing_is_kept_and_no_secret_shown(
    world: World, support: Client, caplog: pytest.LogCaptureFixture, capfd: Any
) -> None:
    given, before = received(world), everything_stored()
    answer = support.post(page(world), given)
    assert everything_stored() == before
    assert secret(world)[6:].rstrip("=") not in answer.content.decode()
    logged = caplog.text + "".join(capfd.readouterr())
    assert "check_signature" in logged
    assert not any(part in logged for part in (world.delivery.webhook_id, "v1,", "call_id"))


def test_what_is_pasted_must_come_by_post_and_from_the_page(world: World) -> None:
    client = staff("ada")
    assert "Valid" not in words(client.get(page(world), received(world)))
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client.cookies
    assert strict.post(page(world), received(world)).status_code == 403


def test_who_may_not_see_callbacks_gets_no_link_to_one(world: World) -> None:
    client = staff("limited", "nothing")
    world.group.permissions.set(Permission.objects.filter(codename="view_partner"))
    answer = client.post(page(world), received(world))
    assert "Valid with the current secret" in words(answer)
    assert reverse("admin:partners_delivery_change", args=[world.delivery.pk]) not in answer.content.decode()


def test_a_test_callback_is_checked_too(world: World, support: Client) -> None:
    world.delivery = deliveries.send_test(partner=world.partner, url="https://partner.example.com/test")
    assert "Valid with the current secret" in words(support.post(page(world), received(world)))

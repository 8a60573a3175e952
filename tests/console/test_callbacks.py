"""Callbacks in the console: what was sent, what came back, and sending it again."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from calls.models import Call
from partners.models import Attempt, Delivery
from tests.console.conftest import World, ingest_calls, owe
from zipingest.work import WorkState

DELIVERIES = reverse("admin:partners_delivery_changelist")


def state(delivery: Delivery) -> str:
    return Delivery.objects.get(pk=delivery.pk).state


def test_the_page_shows_the_body_and_every_attempt(world: World, support: Client) -> None:
    Attempt.objects.create(
        delivery=world.delivery,
        number=1,
        started_at=timezone.now(),
        duration_ms=1234,
        status=502,
        error="the endpoint answered 502",
        answer="<b>Bad Gateway</b>",
    )

    text = support.get(reverse("admin:partners_delivery_change", args=[world.delivery.pk])).content.decode()

    assert "&quot;call_id&quot;: &quot;call-0&quot;" in text
    assert "the endpoint answered 502" in text
    assert "1.23 s" in text
    assert "&lt;b&gt;Bad Gateway&lt;/b&gt;" in text


def test_a_callback_is_found_by_its_id_and_by_its_calls_uuid(world: World, support: Client) -> None:
    for term in (world.delivery.webhook_id, str(world.failed.uuid)):
        found = support.get(DELIVERIES, {"q": term}).context["cl"].result_list
        assert list(found) == [world.delivery]


def test_the_call_it_is_about_is_one_click_away(world: World, support: Client) -> None:
    text = support.get(reverse("admin:partners_delivery_change", args=[world.delivery.pk])).content.decode()

    calls = reverse("admin:calls_call_changelist", query={"q": world.failed.uuid})
    assert calls in text
    assert list(support.get(calls).context["cl"].result_list) == [world.failed]


def test_redeliver_begins_a_new_round(world: World, support: Client) -> None:
    support.post(reverse("admin:partners_delivery_redeliver", args=[world.delivery.pk]))

    assert state(world.delivery) == WorkState.DUE


def test_a_callback_under_way_is_not_redelivered(world: World, support: Client) -> None:
    Delivery.objects.filter(pk=world.delivery.pk).update(state=WorkState.LEASED)

    answer = support.post(reverse("admin:partners_delivery_redeliver", args=[world.delivery.pk]), follow=True)

    assert "has not ended yet" in answer.content.decode()
    assert state(world.delivery) == WorkState.LEASED


def test_many_callbacks_are_redelivered_from_the_list(world: World, support: Client) -> None:
    waiting = owe(world.partner, world.stored, WorkState.DUE)
    ticked = {"action": "redeliver_selected", "_selected_action": [world.delivery.pk, waiting.pk]}

    answer = support.post(DELIVERIES, ticked, follow=True)

    assert "1 redelivered; 1 had not ended yet" in answer.content.decode()
    assert state(world.delivery) == WorkState.DUE


def test_a_test_callback_is_owed_to_the_url_given(world: World, support: Client) -> None:
    send = reverse("admin:partners_partner_send_test_callback", args=[world.partner.pk])

    support.post(send, {"url": "https://partner.example.com/test"})

    owed = Delivery.objects.get(event="test")
    assert (owed.url, owed.partner, owed.state) == (
        "https://partner.example.com/test",
        world.partner,
        WorkState.DUE,
    )


@pytest.mark.parametrize("url", ["", "http://partner.example.com/", "https://", "not a url"])
def test_it_refuses_a_test_callback_to(url: str, world: World, support: Client) -> None:
    send = reverse("admin:partners_partner_send_test_callback", args=[world.partner.pk])

    answer = support.post(send, {"url": url})

    assert answer.context["form"].errors["url"]
    assert not Delivery.objects.filter(event="test").exists()


def test_the_list_takes_as_many_queries_for_forty_as_for_one(world: World, support: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            support.get(DELIVERIES)
        return len(captured)

    one = queries()
    ingest_calls(world.partner, world.sub_tenant, range(2, 42))
    for call in Call.objects.exclude(pk=world.failed.pk):
        owe(world.partner, call, WorkState.DONE)

    assert queries() == one

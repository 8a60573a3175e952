"""Callbacks: signed so that the public library accepts them, tried until taken, every try kept."""

import json
import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from standardwebhooks import Webhook, WebhookVerificationError

from partners import deliveries, provisioning
from partners.models import Attempt, Delivery, Partner
from tests.support.factories import provisioned
from tests.support.partner_server import PartnerServer
from tests.support.services import free_port
from zipingest import work
from zipingest.work import WorkState

pytestmark = pytest.mark.django_db

PAYLOAD = {"call_id": "call 1", "status": "completed", "meta": {"name": "Zoë"}}


@pytest.fixture
def server():
    with PartnerServer() as server:
        yield server


@pytest.fixture
def partner():
    return provisioned()


def owe(partner, url, **options):
    options = {"event": deliveries.CALL_PROCESSED, "payload": PAYLOAD, **options}
    return deliveries.owe(partner=partner.partner, sub_tenant=partner.sub_tenant, url=url, **options)


def attempt(delivery):
    """The callback after one more try, whenever that was due."""
    Delivery.objects.filter(pk=delivery.pk).update(due_at=work.database_now())
    assert work.run_one(Delivery)
    delivery.refresh_from_db()
    return delivery


def seconds_until_next(delivery):
    return (delivery.next_attempt_at - work.database_now()).total_seconds()


def verified(request, secret):
    """What the public library makes of a request; it raises where the signature is not good."""
    return Webhook(secret).verify(request.body, dict(request.headers.items()))


# --- What is sent -----------------------------------------------------------------------------------------
def test_the_public_library_verifies_what_is_sent(server, partner):
    delivery = attempt(owe(partner, server.serve("/hook", status=200)))
    (request,) = server.requests
    assert verified(request, partner.webhook_secret) == PAYLOAD
    assert request.method == "POST"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["webhook-id"] == delivery.webhook_id
    assert delivery.state == WorkState.DONE
    assert delivery.delivered_at is not None


def test_the_signature_covers_the_body(server, partner):
    attempt(owe(partner, server.serve("/hook")))
    (request,) = server.requests
    with pytest.raises(WebhookVerificationError):
        Webhook(partner.webhook_secret).verify(request.body + b" ", dict(request.headers.items()))


def test_another_partners_secret_verifies_nothing(server, partner):
    attempt(owe(partner, server.serve("/hook")))
    with pytest.raises(WebhookVerificationError):
        verified(server.requests[0], provisioned().webhook_secret)


def test_every_try_sends_the_same_id_and_body_freshly_signed(server, partner):
    delivery = owe(partner, server.serve("/hook", status=500))
    for _ in range(3):
        attempt(delivery)
    assert {request.headers["webhook-id"] for request in server.requests} == {delivery.webhook_id}
    assert {request.body for request in server.requests} == {
        json.dumps(PAYLOAD, separators=(",", ":")).encode()
    }
    assert [verified(request, partner.webhook_secret) for request in server.requests] == [PAYLOAD] * 3


def test_the_same_end_of_the_same_run_is_owed_once(server, partner):
    subject = uuid4()
    first = owe(partner, server.url("/hook"), subject=subject)
    with pytest.raises(IntegrityError), transaction.atomic():
        owe(partner, server.url("/hook"), subject=subject)
    assert owe(partner, server.url("/hook"), subject=subject, run=2).webhook_id != first.webhook_id


# --- Secret rotation --------------------------------------------------------------------------------------
def sent_after_rotation(server, partner, hours):
    """One callback, sent so long after the partner's secret was rotated; and the new secret."""
    new_secret = provisioning.rotate_webhook_secret(partner=partner.partner)
    rotated_at = work.database_now() - timedelta(hours=hours)
    Partner.objects.filter(pk=partner.partner.pk).update(webhook_secret_rotated_at=rotated_at)
    attempt(owe(partner, server.serve("/hook")))
    return server.requests[0], new_secret


@pytest.mark.parametrize("hours", [0, 23.9])
def test_for_a_day_both_secrets_sign(server, partner, hours):
    request, new_secret = sent_after_rotation(server, partner, hours)
    assert len(request.headers["webhook-signature"].split()) == 2
    assert verified(request, new_secret) == verified(request, partner.webhook_secret) == PAYLOAD


def test_after_a_day_only_the_new_secret_signs(server, partner):
    request, new_secret = sent_after_rotation(server, partner, 24.1)
    assert verified(request, new_secret) == PAYLOAD
    with pytest.raises(WebhookVerificationError):
        verified(request, partner.webhook_secret)


# --- Success and failure ----------------------------------------------------------------------------------
@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_success(server, partner, status):
    delivery = attempt(owe(partner, server.serve("/hook", status=status)))
    assert (delivery.state, delivery.last_status, delivery.last_error) == (WorkState.DONE, status, "")


@pytest.mark.parametrize("status", [300, 304, 400, 401, 404, 410, 429, 500, 503])
def test_anything_else_is_failure_and_tried_again(server, partner, status):
    delivery = attempt(owe(partner, server.serve("/hook", status=status)))
    assert (delivery.state, delivery.last_status) == (WorkState.DUE, status)
    assert delivery.last_error == f"the endpoint answered {status}"


def test_a_redirect_is_failure_and_not_followed(server, partner):
    delivery = attempt(owe(partner, server.redirect("/hook", server.serve("/elsewhere"))))
    assert (delivery.state, delivery.last_status) == (WorkState.DUE, 302)
    assert server.count("/elsewhere") == 0


def test_an_endpoint_that_is_not_there_is_tried_again(partner):
    delivery = attempt(owe(partner, f"http://127.0.0.1:{free_port()}/hook"))
    assert (delivery.state, delivery.last_status) == (WorkState.DUE, None)
    assert delivery.last_error == "the server refused the connection"


def test_an_endpoint_that_hangs_ends_at_the_timeout(server, partner, settings):
    settings.CALLBACK_TIMEOUT_SECONDS = 1
    over = threading.Event()

    def hang():
        over.wait(10)
        yield b"HTTP/1.1 204 No Content\r\n\r\n"

    delivery = attempt(owe(partner, server.script("/hook", hang)))
    over.set()
    assert delivery.state == WorkState.DUE
    assert delivery.last_error == "the server took longer than 1 seconds altogether"
    assert 900 <= Attempt.objects.get().duration_ms < 3000


# --- Steps ------------------------------------------------------------------------------------------------
def test_the_steps_grow_and_the_fourth_failure_is_the_end(server, partner):
    delivery = owe(partner, server.serve("/hook", status=500))
    for step in (30, 120, 600):
        attempt(delivery)
        assert delivery.state == WorkState.DUE
        assert 0.8 * step - 5 < seconds_until_next(delivery) <= 1.2 * step
    attempt(delivery)
    assert (delivery.state, delivery.attempts) == (WorkState.FAILED, 4)
    assert server.count("/hook") == 4


def test_the_steps_are_jittered(server, partner):
    server.serve("/hook", status=500)
    pauses = {round(seconds_until_next(attempt(owe(partner, server.url("/hook"))))) for _ in range(12)}
    assert len(pauses) > 1


def test_the_steps_are_a_setting(server, partner, settings):
    settings.CALLBACK_RETRY_STEPS = ()
    assert attempt(owe(partner, server.serve("/hook", status=500))).state == WorkState.FAILED


@pytest.mark.parametrize(("asked", "seconds"), [("5", 5), ("45", 45), ("3600", 60)])
def test_retry_after_is_honoured_up_to_twice_the_step(server, partner, asked, seconds):
    url = server.serve("/hook", status=429, headers={"Retry-After": asked})
    delivery = attempt(owe(partner, url))
    assert seconds - 5 < seconds_until_next(delivery) <= seconds


def test_a_later_try_makes_it_good(server, partner):
    server.serve("/hook", status=500, times=1)
    delivery = attempt(attempt(owe(partner, server.serve("/hook", status=204))))
    assert (delivery.state, delivery.attempts, delivery.last_error) == (WorkState.DONE, 2, "")


# --- What is kept -----------------------------------------------------------------------------------------
def test_every_try_is_kept_with_what_came_of_it(server, partner):
    server.serve("/hook", b"busy", status=503, times=1)
    delivery = attempt(attempt(owe(partner, server.serve("/hook", b"thanks", status=200))))
    kept = list(delivery.tried.values_list("number", "status", "error", "answer"))
    assert kept == [(1, 503, "the endpoint answered 503", "busy"), (2, 200, "", "thanks")]
    assert all(each.duration_ms < 10_000 for each in delivery.tried.all())
    assert all(each.started_at <= work.database_now() for each in delivery.tried.all())


def test_of_the_answer_the_first_kibibyte_is_kept(server, partner):
    attempt(owe(partner, server.serve("/hook", b"x" * 5000)))
    assert Attempt.objects.get().answer == "x" * 1024


def test_an_answer_of_any_bytes_is_kept_as_text(server, partner):
    delivery = attempt(owe(partner, server.serve("/hook", b"\x00\xff\xfe ok")))
    assert delivery.state == WorkState.DONE
    assert Attempt.objects.get().answer == "\ufffd\ufffd\ufffd ok"


# --- Redelivery and test callbacks ------------------------------------------------------------------------
@pytest.mark.parametrize("status", [500, 204])
def test_an_ended_callback_is_redelivered_under_its_id(server, partner, settings, status):
    settings.CALLBACK_RETRY_STEPS = ()
    server.serve("/hook", status=status, times=1)
    delivery = attempt(owe(partner, server.serve("/hook", status=204)))
    assert deliveries.redeliver(delivery=delivery)
    attempt(delivery)
    assert delivery.state == WorkState.DONE
    assert [each.status for each in delivery.tried.all()] == [status, 204]
    assert {request.headers["webhook-id"] for request in server.requests} == {delivery.webhook_id}


def test_a_redelivery_has_all_its_tries_again(server, partner):
    delivery = owe(partner, server.serve("/hook", status=500))
    for _ in range(4):
        attempt(delivery)
    deliveries.redeliver(delivery=delivery)
    for _ in range(3):
        assert attempt(delivery).state == WorkState.DUE
    assert attempt(delivery).state == WorkState.FAILED
    assert [each.number for each in delivery.tried.all()] == list(range(1, 9))


def test_what_has_not_ended_is_not_redelivered(server, partner):
    delivery = attempt(owe(partner, server.serve("/hook", status=500)))
    assert not deliveries.redeliver(delivery=delivery)
    delivery.refresh_from_db()
    assert delivery.tries == 1


def test_a_test_callback_is_signed_tried_and_kept_like_any_other(server, partner):
    server.serve("/hook", status=500, times=1)
    delivery = deliveries.send_test(partner=partner.partner, url=server.serve("/hook", status=204))
    attempt(attempt(delivery))
    assert verified(server.requests[-1], partner.webhook_secret)["status"] == "test"
    assert (delivery.event, delivery.state, delivery.tried.count()) == (deliveries.TEST, WorkState.DONE, 2)


# --- Late workers -----------------------------------------------------------------------------------------
def test_a_worker_that_lost_its_lease_keeps_no_attempt(server, partner, monkeypatch):
    delivery, send = owe(partner, server.serve("/hook", status=204)), deliveries._send

    def too_late(row):
        outcome = send(row)
        Delivery.objects.filter(pk=row.pk).update(lease_until=work.database_now())
        work.release_expired(Delivery)
        return outcome

    with monkeypatch.context() as patched:
        patched.setattr(deliveries, "_send", too_late)
        attempt(delivery)
    assert (delivery.state, delivery.attempts) == (WorkState.DUE, 0)
    assert not Attempt.objects.exists()
    attempt(delivery)
    assert (delivery.state, Attempt.objects.get().number) == (WorkState.DONE, 1)
    assert {request.headers["webhook-id"] for request in server.requests} == {delivery.webhook_id}

"""What support learns about a callback that a partner refused, as it was received."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from standardwebhooks import Webhook

from partners import deliveries, provisioning, signatures
from partners.models import Delivery, Partner
from partners.provisioning import Provisioned
from tests.support import factories

PAYLOAD = {"call_id": "call123", "status": "failed", "error": None, "meta": {"name": "Zoë", "n": 12.0}}
HTTP = "Host: x\r\nWebhook-Id: {id}\r\nWEBHOOK-TIMESTAMP: {timestamp}\r\nwebhook-signature: {signature}"


@pytest.fixture
def partner(db: None) -> Provisioned:
    return factories.provisioned()


def owe(partner: Provisioned) -> Delivery:
    return deliveries.owe(
        partner=partner.partner,
        sub_tenant=partner.sub_tenant,
        event=deliveries.CALL_PROCESSED,
        url="https://partner.example.com/callback",
        payload=PAYLOAD,
        subject=uuid4(),
    )


def headers(
    secret: str, delivery: Delivery, at: datetime | None = None, form: str = HTTP, **changed: Any
) -> str:
    at = at or datetime.now(UTC)
    signature = Webhook(secret).sign(delivery.webhook_id, at, delivery.body)
    sent = {"id": delivery.webhook_id, "timestamp": int(at.timestamp()), "signature": signature}
    return form.format(**(sent | changed))


def check(partner: Provisioned, given: str, body: str, **more: Any) -> signatures.Checked:
    fresh = Partner.objects.get(pk=partner.partner.pk)
    return signatures.check(partner=fresh, headers=given, body=body, **more)


def verdict(partner: Provisioned, given: str, body: str) -> tuple[str, str]:
    found = check(partner, given, body).findings[0]
    return found.title, found.text


@pytest.mark.parametrize(
    "form",
    [
        HTTP,
        "-H 'webhook-id: {id}' -H 'webhook-timestamp: {timestamp}' -H 'webhook-signature: {signature}'",
        '{{"webhook-id": "{id}", "webhook-timestamp": "{timestamp}", "webhook-signature": ["{signature}"]}}',
        '{{"Webhook-Id": "{id}", "Webhook-Timestamp": {timestamp}, "Webhook-Signature": "{signature}"}}',
        "[(b'webhook-id', b'{id}'), (b'webhook-timestamp', b'{timestamp}'), "
        "(b'webhook-signature', b'{signature}')]",
        "HTTP_WEBHOOK_ID={id}\nHTTP_WEBHOOK_TIMESTAMP={timestamp}\nHTTP_WEBHOOK_SIGNATURE={signature}",
        "webhook-id: {id}\nwebhook-timestamp: {timestamp}\nwebhook-signature: v2,x v1,AAAA {signature}",
        "POST /calls 401 webhook-id={id} webhook-timestamp={timestamp}; webhook-signature={signature} ",
        "map[Webhook-Id:[{id}] Webhook-Timestamp:[{timestamp}] Webhook-Signature:[{signature}]]",
    ],
    ids=["http", "curl", "json", "json-number", "asgi", "cgi", "several", "log", "go"],
)
def test_what_we_signed_is_valid_however_its_headers_are_written(partner: Provisioned, form: str) -> None:
    delivery = owe(partner)
    checked = check(partner, headers(partner.webhook_secret, delivery, form=form), delivery.body)
    assert [finding.kind for finding in checked.findings] == ["success", "success"]
    assert checked.findings[0].title == "Valid with the current secret"
    assert checked.delivery == delivery


def test_the_old_secret_is_told_with_its_end(partner: Provisioned) -> None:
    delivery = owe(partner)
    new = provisioning.rotate_webhook_secret(partner=partner.partner)
    given = headers(partner.webhook_secret, delivery)
    assert verdict(partner, headers(new, delivery), delivery.body)[0] == "Valid with the current secret"
    title, text = verdict(partner, given, delivery.body)
    ends = Partner.objects.get().webhook_secret_rotated_at + timedelta(days=1)
    assert (title, f"until {ends:%Y-%m-%d %H:%M:%S} UTC" in text) == ("Valid with the old secret", True)
    Partner.objects.update(webhook_secret_rotated_at=ends - timedelta(days=3))
    assert "have not carried its signature since" in verdict(partner, given, delivery.body)[1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda body: body + "\n", "a newline at the end"),
        (lambda body: json.dumps(json.loads(body)), "Only whitespace differs"),
        (lambda body: json.dumps(json.loads(body), separators=(",", ":"), sort_keys=True), "another way"),
        (lambda body: body.replace("12.0", "12").replace("\\u00eb", "ë"), "another way"),
        (lambda body: body.replace("failed", "completed"), "Values differ: status."),
        (lambda body: body.replace('"error":null,', "").replace("Zo", "So"), "differ: error, meta.name."),
        (lambda body: body[:20], "it has 20 of"),
        (lambda body: "call_id=call123", "not JSON"),
        (lambda body: "[" * 200_000, "not JSON"),
    ],
)
def test_it_says_how_the_body_was_changed(partner: Provisioned, change: Any, said: str) -> None:
    delivery = owe(partner)
    title, text = verdict(partner, headers(partner.webhook_secret, delivery), change(delivery.body))
    assert title == "The body was changed"
    assert said in text


def test_a_callback_of_another_partner_is_recognised(partner: Provisioned) -> None:
    other = factories.provisioned(name="Other")
    delivery = owe(other)
    title, text = verdict(partner, headers(other.webhook_secret, delivery), delivery.body)
    assert (title, "It is a callback of Other" in text) == ("Another partner's secret", True)


def test_what_nobody_here_signed_does_not_match(partner: Provisioned) -> None:
    delivery, foreign = owe(partner), provisioning.new_webhook_secret()
    title, text = verdict(partner, headers(foreign, delivery), delivery.body)
    assert (title, "nor for the one we sent" in text) == ("The signature does not match", True)
    late = headers(partner.webhook_secret, delivery, timestamp=1)
    assert verdict(partner, late, delivery.body)[0] == "The signature does not match"


def test_an_unknown_id_and_an_erased_body_are_said_besides(partner: Provisioned) -> None:
    delivery = owe(partner)
    given, body = headers(partner.webhook_secret, delivery), delivery.body
    Delivery.objects.update(body="{}")
    titles = [finding.title for finding in check(partner, given, body + " ").findings]
    assert titles[:2] == ["The signature does not match", "The body is gone"]
    Delivery.objects.all().delete()
    titles = [finding.title for finding in check(partner, given, body).findings]
    assert titles[:2] == ["Valid with the current secret", "Unknown webhook-id"]
    assert "a newline at the end" in verdict(partner, given, body + "\n")[1]


@pytest.mark.parametrize("seconds", [-301, -300, 0, 300, 301, 90_000])
def test_it_says_by_how_much_the_clock_is_off(partner: Provisioned, seconds: int) -> None:
    delivery, at = owe(partner), datetime(2026, 3, 1, tzinfo=UTC)
    given = headers(partner.webhook_secret, delivery, at=at)
    checked = check(partner, given, delivery.body, received_at=at + timedelta(seconds=seconds))
    off = f"The clock is off by {abs(seconds)} s"
    assert checked.findings[0].title == "Valid with the current secret"
    assert checked.findings[-1].title == ("The timestamp is recent" if abs(seconds) <= 300 else off)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"form": "webhook-id: {id}"}, "There is no webhook-timestamp and no webhook-signature."),
        ({"form": ""}, "There is no webhook-id"),
        ({"timestamp": "2026-03-01T00:00:00Z"}, "not a number of seconds"),
        ({"timestamp": "1" * 12}, "not a number of seconds"),
        ({"signature": "sha256=00"}, "no part that begins with v1"),
        ({"signature": "v1,AAAA v1,é"}, "is not whole"),
    ],
)
def test_a_malformed_header_is_named(partner: Provisioned, changed: Any, said: str) -> None:
    delivery = owe(partner)
    title, text = verdict(partner, headers(partner.webhook_secret, delivery, **changed), delivery.body)
    assert title == "A header is malformed"
    assert said in text

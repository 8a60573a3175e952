"""Secrets in the console: shown once, on the page that follows, and nowhere else."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from partners import keys
from partners.models import ApiKey, Partner
from tests.console.conftest import World

SECRET = re.compile(r"zps_[0-9A-Za-z]{46}\b")
WEBHOOK_SECRET = re.compile(r"whsec_[0-9A-Za-z+/=]{44}")


def shown(answer, pattern: re.Pattern[str]) -> str:
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    found = set(pattern.findall(answer.content.decode().replace("&#x3D;", "=")))
    assert len(found) == 1
    return found.pop()


def kept_somewhere(client: Client, secret: str) -> bool:
    """Whether session, messages, the admin's history or any cookie holds the secret."""
    sessions = [str(session.get_decoded()) for session in Session.objects.all()]
    history = [entry.change_message + entry.object_repr for entry in LogEntry.objects.all()]
    return any(secret in text for text in [*sessions, *history, str(client.cookies)])


def add_key(client: Client, world: World, **data: object):
    fields = {"partner": world.partner.pk, "label": "production", "scopes": ["ingest", "read"], **data}
    return client.post(reverse("admin:partners_apikey_add"), fields)


def test_a_new_keys_secret_opens_the_door(world: World, administrator: Client) -> None:
    secret = shown(add_key(administrator, world), SECRET)

    key = ApiKey.objects.get(label="production")
    assert keys.verify(key_id=key.key_id, secret=secret) == key
    assert key.scopes == ["ingest", "read"]


def test_a_new_keys_secret_is_kept_nowhere(world: World, administrator: Client) -> None:
    secret = shown(add_key(administrator, world), SECRET)

    assert not kept_somewhere(administrator, secret)


def test_a_keys_page_shows_neither_secret_nor_digest(world: World, administrator: Client) -> None:
    secret = shown(add_key(administrator, world), SECRET)
    key = ApiKey.objects.get(label="production")

    for url in (
        reverse("admin:partners_apikey_change", args=[key.pk]),
        reverse("admin:partners_apikey_history", args=[key.pk]),
        reverse("admin:partners_apikey_changelist"),
        reverse("admin:partners_partner_change", args=[world.partner.pk]),
    ):
        text = administrator.get(url).content.decode()
        assert secret not in text
        assert key.digest not in text


def test_a_key_without_scopes_is_refused(world: World, administrator: Client) -> None:
    answer = add_key(administrator, world, scopes=[])

    assert "scopes" in answer.context["adminform"].form.errors
    assert not ApiKey.objects.filter(label="production").exists()


def test_new_key_on_a_partners_page_leads_to_the_form_for_that_partner(
    world: World, administrator: Client
) -> None:
    answer = administrator.get(
        reverse("admin:partners_partner_new_key", args=[world.partner.pk]), follow=True
    )

    assert answer.context["adminform"].form["partner"].value() == str(world.partner.pk)


def test_rotation_shows_a_new_secret_and_leaves_the_old_key_a_day(
    world: World, administrator: Client
) -> None:
    secret = shown(administrator.post(reverse("admin:partners_apikey_rotate", args=[world.key.pk])), SECRET)

    new = ApiKey.objects.exclude(pk=world.key.pk).get()
    world.key.refresh_from_db()
    assert keys.verify(key_id=new.key_id, secret=secret) == new
    assert world.key.is_usable()
    assert world.key.expires_at is not None
    assert not kept_somewhere(administrator, secret)


def test_a_revoked_key_is_refused_from_then_on(world: World, administrator: Client) -> None:
    administrator.post(reverse("admin:partners_apikey_revoke", args=[world.key.pk]))

    world.key.refresh_from_db()
    assert not world.key.is_usable()


def test_a_rotated_webhook_secret_is_the_one_that_signs(world: World, administrator: Client) -> None:
    rotate = reverse("admin:partners_partner_rotate_webhook_secret", args=[world.partner.pk])
    old = world.partner.webhook_secrets()

    secret = shown(administrator.post(rotate), WEBHOOK_SECRET)

    world.partner.refresh_from_db()
    assert world.partner.webhook_secrets() == [secret, *old]
    assert not kept_somewhere(administrator, secret)


def test_a_new_partner_comes_with_a_webhook_secret(world: World, administrator: Client) -> None:
    formsets = {f"{p}-{n}_FORMS": 0 for p in ("grants", "keys") for n in ("TOTAL", "INITIAL")}
    fields = {"name": "New", "is_active": "on", "rate_limit": 60, **formsets}

    secret = shown(administrator.post(reverse("admin:partners_partner_add"), fields), WEBHOOK_SECRET)

    assert Partner.objects.get(name="New").webhook_secrets() == [secret]
    assert not kept_somewhere(administrator, secret)


@pytest.mark.parametrize("name", ["rotate_webhook_secret", "send_test_callback"])
def test_asking_alone_changes_nothing(name: str, world: World, administrator: Client) -> None:
    before = Partner.objects.values().get()

    answer = administrator.get(reverse(f"admin:partners_partner_{name}", args=[world.partner.pk]))

    assert answer.status_code == 200
    assert Partner.objects.values().get() == before


def test_nothing_happens_without_the_forms_token(world: World, administrator: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = administrator.cookies
    before = Partner.objects.values().get()

    rotate = reverse("admin:partners_partner_rotate_webhook_secret", args=[world.partner.pk])

    assert strict.post(rotate).status_code == 403
    assert Partner.objects.values().get() == before

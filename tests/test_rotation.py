"""Secrets are replaced while everybody goes on: the old one works during the rotation, and not after it.

Each takes three steps, as processes are restarted one by one: all learn the new one behind the old, then it
comes to the front, then the old one goes. Elsewhere: ENCRYPTION_KEYS (tests/calls/test_rotate_encryption.py),
webhook secrets (tests/partners/test_deliveries.py), a partner's keys (tests/partners/test_keys.py), the
token for figures (tests/calls/test_metrics.py).
"""

import json
import os
import subprocess
import sys
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as product
from django.core.management import CommandError, call_command
from django.test import Client

from calls.services import do_not_call
from partners import keys
from partners.models import ApiKey, Role
from partners.provisioning import Provisioned
from tests.support import factories
from zipingest import work

OLD, NEW = "old-key-" + "o" * 50, "new-key-" + "n" * 50
PHONE = "+491701234567"


# --- What the environment says ----------------------------------------------------------------------------
def test_each_secret_takes_several_in_the_environment(tmp_path: Path) -> None:
    given = {"SECRET_KEYS": f"{NEW},{OLD}", "METRICS_TOKEN": "new,old", "ENCRYPTION_KEYS": "new,old"}
    (tmp_path / "peppers").write_text("2:new,1:old\n")
    asked = ["SECRET_KEY", "SECRET_KEY_FALLBACKS", "METRICS_TOKENS", "ENCRYPTION_KEYS", "API_KEY_PEPPERS"]
    program = "import json, sys; from zipingest import settings\n"
    program += "print(json.dumps([getattr(settings, name) for name in sys.argv[1:]]))"

    said = subprocess.run(
        [sys.executable, "-c", program, *asked],
        cwd=product.BASE_DIR,
        env={**os.environ, **given, "API_KEY_PEPPERS_FILE": str(tmp_path / "peppers")},
        capture_output=True,
        text=True,
        check=True,
    )

    assert json.loads(said.stdout) == [NEW, [OLD], ["new", "old"], ["new", "old"], ["2:new", "1:old"]]


# --- The key of sessions ----------------------------------------------------------------------------------
@pytest.mark.django_db
def test_who_is_signed_in_stays_so_while_the_key_changes_and_who_did_not_come_signs_in_again(
    settings: Any,
) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = OLD, []
    came, stayed_away = signed_in(), signed_in()

    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
    assert came.get("/library").status_code == 200
    # Another process, not restarted yet since the first step.
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = OLD, [NEW]
    assert came.get("/library").status_code == 200
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
    assert came.get("/library").status_code == 200

    settings.SECRET_KEY_FALLBACKS = []
    assert came.get("/library").status_code == 200
    assert stayed_away.get("/library").status_code == 302


def signed_in() -> Client:
    client = Client()
    client.force_login(factories.person(Role.SUPERVISOR))
    return client


# --- Peppers ----------------------------------------------------------------------------------------------
@pytest.fixture
def acme(db: None, settings: Any) -> Provisioned:
    """A partner whose key is of the first pepper, and a number that its account must not call."""
    settings.API_KEY_PEPPERS = ["1:first"]
    provisioned = factories.provisioned()
    now = work.database_now()
    do_not_call.mark(sub_tenant_id=provisioned.sub_tenant.pk, phones=[PHONE], now=now)
    return provisioned


def knocks(provisioned: Provisioned, issued: keys.IssuedKey) -> int:
    headers = {"x_api_key": issued.key.key_id, "x_api_secret": issued.secret}
    path = "/api/v1/partner/ingest/calls/unknown"
    return Client().get(path, headers=factories.headers(provisioned, **headers)).status_code


def pepper_use() -> list[str]:
    said = StringIO()
    call_command("pepper_use", stdout=said)
    return said.getvalue().splitlines()


def test_a_partners_key_outlives_the_new_pepper_until_it_has_been_replaced(
    acme: Provisioned, settings: Any
) -> None:
    settings.API_KEY_PEPPERS = ["2:second", "1:first"]
    replaced = keys.rotate(key=acme.issued.key, overlap=timedelta(hours=1))
    for step in (["2:second", "1:first"], ["1:first", "2:second"]):
        settings.API_KEY_PEPPERS = step
        assert [knocks(acme, acme.issued), knocks(acme, replaced)] == [404, 404]

    settings.API_KEY_PEPPERS = ["2:second"]

    assert [knocks(acme, acme.issued), knocks(acme, replaced)] == [403, 404]


def test_what_hangs_on_a_pepper_is_said_before_it_is_given_up(acme: Provisioned, settings: Any) -> None:
    settings.API_KEY_PEPPERS = ["2:second", "1:first"]
    assert pepper_use() == [
        "Version 2 (for what is new): nothing.",
        "Version 1: 1 API keys, 1 do-not-call entries.",
    ]
    keys.rotate(key=acme.issued.key)
    ApiKey.objects.filter(pk=acme.issued.key.pk).update(expires_at=work.database_now())
    assert pepper_use() == ["Version 2 (for what is new): 1 API keys.", "Version 1: 1 do-not-call entries."]

    settings.API_KEY_PEPPERS = ["2:second"]

    with pytest.raises(CommandError, match=r"lacks what is in use: version 1\."):
        pepper_use()


def test_numbers_that_must_not_be_called_stay_known_while_their_pepper_is_kept(
    acme: Provisioned, settings: Any
) -> None:
    settings.API_KEY_PEPPERS = ["2:second", "1:first"]

    assert do_not_call.marks_of(acme.sub_tenant.pk, PHONE).exists()

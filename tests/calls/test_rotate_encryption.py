"""Sealing every secret anew with the newest key, while others write."""

from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import InvalidToken
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db.models import TextField

from calls.models import AuthMethod, DirectAccess, RecordingAuth, StoreKind
from calls.services import sealing
from partners import provisioning
from partners.models import Partner, SubTenant
from zipingest import crypto

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows(settings: Any) -> list[Any]:
    """A partner in the middle of a rotation, an auth config and a direct access, sealed with the old key."""
    settings.ENCRYPTION_KEYS = ["old"]
    provisioned = provisioning.provision(name="Acme", tenant_id="acme", sub_tenant_id="berlin")
    provisioning.rotate_webhook_secret(partner=provisioned.partner)
    sub_tenant = provisioned.sub_tenant
    return [provisioned.partner, auth(sub_tenant), access(sub_tenant)]


def auth(sub_tenant: SubTenant) -> RecordingAuth:
    sealed = crypto.encrypt("planted-token")
    return RecordingAuth.objects.create(
        sub_tenant=sub_tenant, name="crm", method=AuthMethod.BEARER, hosts=["a.test"], sealed_secret=sealed
    )


def access(sub_tenant: SubTenant) -> DirectAccess:
    sealed = crypto.encrypt("planted-password")
    return DirectAccess.objects.create(
        sub_tenant=sub_tenant, kind=StoreKind.S3, container="c", account="a", sealed_secret=sealed
    )


def secrets(rows: list[Any]) -> list[Any]:
    for row in rows:
        row.refresh_from_db()
    partner, auth, access = rows
    return [*partner.webhook_secrets(), auth.secret, access.secret]


def rotate() -> str:
    said = StringIO()
    call_command("rotate_encryption", stdout=said)
    return said.getvalue()


def test_afterwards_the_new_key_alone_opens_them_all(rows: list[Any], settings: Any) -> None:
    before = secrets(rows)
    settings.ENCRYPTION_KEYS = ["new", "old"]

    assert rotate() == "4 secrets are encrypted with the newest key now.\n"
    settings.ENCRYPTION_KEYS = ["new"]
    assert secrets(rows) == before
    settings.ENCRYPTION_KEYS = ["old"]
    with pytest.raises(InvalidToken):
        secrets(rows)


def test_what_is_written_meanwhile_is_not_lost(
    rows: list[Any], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ENCRYPTION_KEYS = ["new", "old"]
    encrypt = crypto.encrypt

    def overtaken(plain: str) -> str:
        """As if somebody entered another secret between our reading and our writing."""
        if plain == "planted-token":
            RecordingAuth.objects.update(sealed_secret=encrypt("entered meanwhile"))
        return encrypt(plain)

    monkeypatch.setattr(sealing.crypto, "encrypt", overtaken)
    said = rotate()

    assert "3 secrets are" in said
    assert "Changed by somebody else meanwhile: 1; run this again." in said
    rows[1].refresh_from_db()
    assert rows[1].secret == "entered meanwhile"


def test_what_no_key_opens_is_named_and_left_and_the_rest_is_done(rows: list[Any], settings: Any) -> None:
    settings.ENCRYPTION_KEYS = ["lost"]
    sealed = crypto.encrypt("planted-password")
    DirectAccess.objects.update(sealed_secret=sealed)
    settings.ENCRYPTION_KEYS = ["new", "old"]

    with pytest.raises(CommandError, match=rf"calls.DirectAccess {rows[2].pk}, sealed_secret") as failed:
        rotate()

    assert "planted" not in str(failed.value)
    rows[2].refresh_from_db()
    assert rows[2].sealed_secret == sealed
    settings.ENCRYPTION_KEYS = ["new"]
    rows[0].refresh_from_db()
    rows[1].refresh_from_db()
    assert rows[0].webhook_secrets()
    assert rows[1].secret == "planted-token"


def test_more_than_a_portion_is_sealed(rows: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "_PORTION", 2)
    for number in range(4):
        Partner.objects.create(name=f"P{number}", webhook_secret=crypto.encrypt("s"))

    assert sealing.reseal().done == 8


def test_no_column_that_is_sealed_is_forgotten() -> None:
    columns = {
        (model, field.name)
        for label in ("partners", "calls", "exports")
        for model in apps.get_app_config(label).get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, TextField) and ("secret" in field.name or "sealed" in field.name)
    }

    assert columns == set(sealing.SEALED)

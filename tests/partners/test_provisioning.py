"""Setting up a partner: everything that is missing is made, secrets are shown once."""

import base64

import pytest

from partners import keys, provisioning
from partners.models import Grant, Partner, SubTenant, Tenant
from zipingest import crypto

pytestmark = pytest.mark.django_db


def provision(**changes):
    names = {"name": "Acme", "tenant_id": "t1", "sub_tenant_id": "s1"}
    return provisioning.provision(**{**names, **changes})


def test_it_makes_everything_a_partner_needs():
    given = provision()
    assert (given.sub_tenant.tenant.external_id, given.sub_tenant.external_id) == ("t1", "s1")
    assert Grant.objects.get().partner == given.partner
    assert keys.verify(key_id=given.issued.key.key_id, secret=given.issued.secret).partner == given.partner


def test_the_webhook_secret_is_32_bytes_in_the_standard_form():
    secret = provision().webhook_secret
    assert secret.startswith("whsec_")
    assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32


def test_the_webhook_secret_is_encrypted_at_rest():
    given = provision()
    assert given.webhook_secret not in given.partner.webhook_secret
    assert crypto.decrypt(given.partner.webhook_secret) == given.webhook_secret


def test_a_partner_that_exists_gets_a_further_key_and_keeps_its_secret():
    first, second = provision(), provision(rate_limit=5)
    assert second.partner == first.partner
    assert second.webhook_secret is None
    assert second.issued.key.key_id != first.issued.key.key_id
    assert keys.verify(key_id=first.issued.key.key_id, secret=first.issued.secret)
    partner = Partner.objects.get()
    assert partner.webhook_secrets() == [first.webhook_secret]
    assert partner.rate_limit == 5


def test_a_further_sub_tenant_is_granted_beside_the_first():
    provision()
    provision(sub_tenant_id="s2")
    granted = Partner.objects.get().sub_tenants.values_list("external_id", flat=True)
    assert sorted(granted) == ["s1", "s2"]
    assert Tenant.objects.count() == 1


def test_the_same_sub_tenant_id_of_another_tenant_is_another_one():
    provision()
    provision(tenant_id="t2")
    assert SubTenant.objects.filter(external_id="s1").count() == 2


def test_without_a_limit_the_setting_decides(settings):
    assert provision().partner.rate_limit == settings.PARTNER_RATE_LIMIT == 120


def test_a_sandbox_key_says_so():
    assert provision(sandbox=True).issued.key.sandbox


def test_a_rotated_webhook_secret_stands_before_the_old_one():
    given = provision()
    new = provisioning.rotate_webhook_secret(partner=given.partner)
    assert Partner.objects.get().webhook_secrets() == [new, given.webhook_secret]


def test_rotating_again_at_once_keeps_the_last_two():
    given = provision()
    second = provisioning.rotate_webhook_secret(partner=given.partner)
    third = provisioning.rotate_webhook_secret(partner=given.partner)
    assert Partner.objects.get().webhook_secrets() == [third, second]

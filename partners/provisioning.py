"""Setting up those who call us: tenants, partners, grants, webhook secrets, and people of accounts."""

import base64
import secrets
from dataclasses import dataclass

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from partners import keys
from partners.keys import IssuedKey
from partners.models import Grant, Partner, Role, SubTenant, Tenant, User
from zipingest import crypto


@dataclass(frozen=True, slots=True)
class Provisioned:
    """A partner with a new key. ``webhook_secret`` is None where the partner existed already."""

    partner: Partner
    sub_tenant: SubTenant
    issued: IssuedKey
    webhook_secret: str | None


@transaction.atomic
def provision(
    *, name: str, tenant_id: str, sub_tenant_id: str, rate_limit: int | None = None, sandbox: bool = False
) -> Provisioned:
    """The partner, granted the sub-tenant, with a further key; whatever is missing is created."""
    tenant, _ = Tenant.objects.get_or_create(external_id=tenant_id, defaults={"name": tenant_id})
    sub_tenant, _ = SubTenant.objects.get_or_create(
        tenant=tenant, external_id=sub_tenant_id, defaults={"name": sub_tenant_id}
    )
    webhook_secret = new_webhook_secret()
    partner, created = Partner.objects.get_or_create(
        name=name, defaults={"webhook_secret": crypto.encrypt(webhook_secret)}
    )
    if rate_limit is not None:
        partner.rate_limit = rate_limit
        partner.save(update_fields=["rate_limit"])
    Grant.objects.get_or_create(partner=partner, sub_tenant=sub_tenant)
    issued = keys.issue(partner=partner, sandbox=sandbox)
    return Provisioned(partner, sub_tenant, issued, webhook_secret if created else None)


def rotate_webhook_secret(*, partner: Partner) -> str:
    """A new secret for the partner's callbacks, shown this once; the old one signs too for 24 hours."""
    secret = new_webhook_secret()
    with transaction.atomic():
        current = Partner.objects.select_for_update().get(pk=partner.pk)
        current.old_webhook_secret = current.webhook_secret
        current.webhook_secret = crypto.encrypt(secret)
        current.webhook_secret_rotated_at = timezone.now()
        current.save(update_fields=["webhook_secret", "old_webhook_secret", "webhook_secret_rotated_at"])
    return secret


def new_webhook_secret() -> str:
    """32 random bytes in the form of Standard Webhooks: ``whsec_`` and base64."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


class UnusablePerson(Exception):
    """The name is taken, or the password is too easy to guess; the text says which."""


class NameTaken(UnusablePerson):
    """Somebody has the user name, in whatever account; names are unique across them."""


def create_person(
    *, username: str, password: str, sub_tenant: SubTenant, role: Role, email: str = ""
) -> User:
    """A person of the account in that role. Raises UnusablePerson, NameTaken among it."""
    user = User(username=User.normalize_username(username), sub_tenant=sub_tenant, role=role, email=email)
    user.set_password(password)
    try:
        validate_password(password, user)
        user.full_clean()
    except ValidationError as error:
        raise _unusable(error) from error
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError as error:  # somebody else was a moment faster
        raise NameTaken("A user with that username already exists.") from error
    return user


def _unusable(error: ValidationError) -> UnusablePerson:
    named = error.error_dict.get("username", []) if hasattr(error, "error_dict") else []
    is_taken = any(one.code == "unique" for one in named)
    return (NameTaken if is_taken else UnusablePerson)(" ".join(error.messages))

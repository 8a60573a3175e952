"""API keys: issue, verify, rotate, revoke.

A key id begins with ``zpk_``, a secret with ``zps_``; of the secret only a digest is kept (credentials.py).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from partners import credentials
from partners.credentials import AtRest
from partners.models import ApiKey, Grant, Partner, SubTenant
from partners.models.keys import Scope
from zipingest.prepared import Prepared

KEY_PREFIX = "zpk_"
SECRET_PREFIX = "zps_"  # noqa: S105 - the public prefix, not a secret

_KEY = Prepared(ApiKey.objects.select_related("partner"), "key_id")


class InvalidKey(Exception):
    """Unknown, wrong, revoked or expired; which of them is not said."""


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key and, this once, its secret. ``single`` is the form for surfaces with one token."""

    key: ApiKey
    secret: str

    @property
    def single(self) -> str:
        return f"{self.key.key_id}.{self.secret}"


def issue(
    *,
    partner: Partner,
    label: str = "",
    scopes: list[str] | None = None,
    sub_tenant: SubTenant | None = None,
    sandbox: bool = False,
    expires_at: datetime | None = None,
) -> IssuedKey:
    key_id, secret = credentials.random_text(KEY_PREFIX, 22), credentials.random_text(SECRET_PREFIX, 40)
    kept = credentials.at_rest(f"{key_id}.{secret}")
    key = ApiKey.objects.create(
        partner=partner,
        key_id=key_id,
        digest=kept.digest,
        pepper_version=kept.pepper_version,
        label=label,
        scopes=list(Scope.values) if scopes is None else scopes,
        sub_tenant=sub_tenant,
        sandbox=sandbox,
        expires_at=expires_at,
    )
    return IssuedKey(key, secret)


def verify(*, key_id: str, secret: str) -> ApiKey:
    """The usable key these two belong to, its partner loaded. Raises InvalidKey.

    An unknown id costs the same digest and comparison as a known one.
    """
    key = _KEY.get(key_id=key_id) if credentials.is_well_formed(key_id, KEY_PREFIX) else None
    kept = AtRest(key.digest, key.pepper_version) if key else None
    matches = credentials.fits(f"{key_id}.{secret}", kept)
    if key is None or not matches or not key.is_usable():
        raise InvalidKey
    return key


def verify_single(token: str) -> ApiKey:
    """The usable key of a token in the form of :attr:`IssuedKey.single`. Raises InvalidKey.

    Such a token names no account: only a key that is bound to a sub-tenant, and granted it, is one.
    """
    key_id, _, secret = token.partition(".")
    key = verify(key_id=key_id, secret=secret)
    granted = Grant.objects.filter(partner=key.partner_id, sub_tenant=key.sub_tenant_id)
    if key.sub_tenant_id is None or not granted.exists():
        raise InvalidKey
    return key


def id_in(token: str) -> str:
    """The key id that ``token`` begins with; "" where what stands there may be anything, even a secret."""
    key_id = token.partition(".")[0]
    return key_id if credentials.is_well_formed(key_id, KEY_PREFIX) else ""


@transaction.atomic
def rotate(*, key: ApiKey, overlap: timedelta = timedelta(days=1)) -> IssuedKey:
    """A new key like ``key``, which goes on working for ``overlap``.

    Raises InvalidKey where ``key`` is revoked or expired: rotation must not bring a key back to life.
    """
    if not key.is_usable():
        raise InvalidKey
    new = issue(
        partner=key.partner,
        label=key.label,
        scopes=key.scopes,
        sub_tenant=key.sub_tenant,
        sandbox=key.sandbox,
        expires_at=key.expires_at,
    )
    until = timezone.now() + overlap
    ApiKey.objects.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=until), pk=key.pk).update(
        expires_at=until
    )
    return new


def revoke(*, key: ApiKey) -> None:
    """Refuse the key from the next request on: no process caches keys."""
    ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=timezone.now())

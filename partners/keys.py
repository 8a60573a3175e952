"""API keys: issue, verify, rotate, revoke.

A key id is ``zpk_`` and a secret ``zps_``, each followed by random base-62 text that ends in six digits of
its own CRC-32, so that a secret scanner can tell a real one from a look-alike without asking us. At rest is
HMAC-SHA256 under a pepper that the database does not hold; peppers are versioned and can be replaced.
"""

import hashlib
import hmac
import secrets
import string
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from partners.models import ApiKey, Partner, SubTenant
from partners.models.keys import Scope

KEY_PREFIX = "zpk_"
SECRET_PREFIX = "zps_"  # noqa: S105 - the public prefix, not a secret
_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_CHECKSUM_LENGTH = 6
_LAST_USED_EVERY = timedelta(minutes=1)


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
    key_id, secret = _random(KEY_PREFIX, 22), _random(SECRET_PREFIX, 40)
    version, pepper = _peppers()[0]
    key = ApiKey.objects.create(
        partner=partner,
        key_id=key_id,
        digest=_digest(pepper, key_id, secret),
        pepper_version=version,
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
    key = None
    if _is_well_formed(key_id, KEY_PREFIX):
        key = ApiKey.objects.select_related("partner").filter(key_id=key_id).first()
    peppers = dict(_peppers())
    pepper = peppers.get(key.pepper_version, "") if key else next(iter(peppers.values()))
    expected = key.digest if key and pepper else "0" * 64
    matches = hmac.compare_digest(_digest(pepper, key_id, secret), expected)
    if key is None or not matches or not key.is_usable():
        raise InvalidKey
    return key


def note_use(key: ApiKey) -> None:
    """Remember that the key was used, writing at most once a minute."""
    now = timezone.now()
    if key.last_used_at is None or key.last_used_at < now - _LAST_USED_EVERY:
        stale = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - _LAST_USED_EVERY)
        ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)


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


def _random(prefix: str, length: int) -> str:
    body = prefix + "".join(secrets.choice(_DIGITS) for _ in range(length))
    return body + _checksum(body)


def _checksum(body: str) -> str:
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(_CHECKSUM_LENGTH):
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits


def _is_well_formed(text: str, prefix: str) -> bool:
    body, checksum = text[:-_CHECKSUM_LENGTH], text[-_CHECKSUM_LENGTH:]
    digits = text.removeprefix(prefix)
    return digits != text and digits.isascii() and digits.isalnum() and checksum == _checksum(body)


def _peppers() -> list[tuple[int, str]]:
    pairs = (pepper.partition(":") for pepper in settings.API_KEY_PEPPERS)
    return [(int(version), secret) for version, _, secret in pairs]


def _digest(pepper: str, key_id: str, secret: str) -> str:
    # Headers may carry any bytes; a lone surrogate must be a wrong key, not an error.
    message = f"{key_id}.{secret}".encode("utf-8", "surrogatepass")
    return hmac.new(pepper.encode(), message, hashlib.sha256).hexdigest()

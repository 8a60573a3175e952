"""What API keys and access tokens are made of: random texts, and their digests at rest.

A text is a prefix and random base-62 digits that end in six digits of their own CRC-32, so that a secret
scanner can tell a real one from a look-alike without asking us. At rest is HMAC-SHA256 under a pepper that
the database does not hold; peppers are versioned and can be replaced.
"""

import hashlib
import hmac
import secrets
import string
import zlib
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from partners.models import AccessToken, ApiKey

_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_CHECKSUM_LENGTH = 6
_LAST_USED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class AtRest:
    """What is kept of a secret."""

    digest: str
    pepper_version: int


def random_text(prefix: str, length: int) -> str:
    """``prefix``, ``length`` random digits and their checksum."""
    body = prefix + "".join(secrets.choice(_DIGITS) for _ in range(length))
    return body + checksum(body)


def is_well_formed(text: str, prefix: str) -> bool:
    body, given = text[:-_CHECKSUM_LENGTH], text[-_CHECKSUM_LENGTH:]
    digits = text.removeprefix(prefix)
    return digits != text and digits.isascii() and digits.isalnum() and given == checksum(body)


def checksum(body: str) -> str:
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(_CHECKSUM_LENGTH):
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits


def at_rest(message: str) -> AtRest:
    """The digest of ``message`` under the newest pepper."""
    return digests(message)[0]


def digests(message: str) -> list[AtRest]:
    """What :func:`at_rest` may have made of ``message``: under each pepper, the newest first."""
    return [AtRest(_digest(pepper, message), version) for version, pepper in _peppers()]


def note_use(row: ApiKey | AccessToken) -> None:
    """Remember that the key or token was used, writing at most once a minute."""
    now = timezone.now()
    if row.last_used_at is None or row.last_used_at < now - _LAST_USED_EVERY:
        stale = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - _LAST_USED_EVERY)
        type(row)._default_manager.filter(stale, pk=row.pk).update(last_used_at=now)


def fits(message: str, kept: AtRest | None) -> bool:
    """Whether ``kept`` was made of ``message``. Without one (an unknown id) it costs the same."""
    peppers = dict(_peppers())
    pepper = peppers.get(kept.pepper_version, "") if kept else next(iter(peppers.values()))
    expected = kept.digest if kept and pepper else "0" * 64
    return hmac.compare_digest(_digest(pepper, message), expected)


def _peppers() -> list[tuple[int, str]]:
    pairs = (pepper.partition(":") for pepper in settings.API_KEY_PEPPERS)
    return [(int(version), secret) for version, _, secret in pairs]


def _digest(pepper: str, message: str) -> str:
    # Headers may carry any bytes; a lone surrogate must be a wrong secret, not an error.
    return hmac.new(pepper.encode(), message.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()

"""Access tokens of the telesales surface: issue, verify, revoke.

A token reads ``12|zpt_…``: the row's id, and a secret of which only a digest is kept (credentials.py).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from django.conf import settings
from django.utils import timezone

from partners import credentials
from partners.credentials import AtRest
from partners.models import AccessToken, Right, Role, SubTenant, User
from zipingest.prepared import Prepared

SECRET_PREFIX = "zpt_"  # noqa: S105 - the public prefix, not a secret
# An agent is a person with calls of their own; a machine has none.
MACHINE_ROLES = (Role.ADMIN, Role.SUPERVISOR, Role.READ_ONLY)
_ID = re.compile(r"[0-9]{1,18}", re.ASCII)
_TOKENS = Prepared(AccessToken.objects.select_related("user__sub_tenant", "sub_tenant"), "id")


class InvalidToken(Exception):
    """Unknown, wrong, revoked, expired, or of a person who may not sign in; which of them is not said."""


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A new token and, this once, its secret."""

    token: AccessToken
    secret: str

    @property
    def text(self) -> str:
        """What a client shows after ``Bearer``."""
        return f"{self.token.pk}|{self.secret}"


def issue_to_person(*, user: User, name: str = "") -> IssuedToken:
    """A token of ``user``, valid for ACCESS_TOKEN_DAYS."""
    expires_at = timezone.now() + timedelta(days=settings.ACCESS_TOKEN_DAYS)
    return _issue(user=user, name=name, expires_at=expires_at)


def issue_to_machine(
    *,
    sub_tenant: SubTenant,
    role: Role,
    scopes: Iterable[Right],
    name: str,
    created_by: User | None = None,
    expires_at: datetime | None = None,
    allowed_addresses: Sequence[str] = (),
) -> IssuedToken:
    """A token that acts in ``role``, as far as its scopes go, from ``allowed_addresses`` (empty: from all).

    Raises ValueError for a role that is a person's only, and for what is no network.
    """
    if role not in MACHINE_ROLES:
        raise ValueError(f"a machine's token cannot have the role {role}")
    return _issue(
        sub_tenant=sub_tenant,
        role=role,
        scopes=list(scopes),
        name=name,
        created_by=created_by,
        expires_at=expires_at,
        allowed_addresses=[str(ip_network(address)) for address in allowed_addresses],
    )


def verify(text: str) -> AccessToken:
    """The usable token ``text`` is, its person and sub-tenant loaded. Raises InvalidToken."""
    pk, _, secret = text.partition("|")
    token = None
    if _ID.fullmatch(pk) and credentials.is_well_formed(secret, SECRET_PREFIX):
        token = _TOKENS.get(id=int(pk))
    kept = AtRest(token.digest, token.pepper_version) if token else None
    matches = credentials.fits(secret, kept)
    if token is None or not matches or not token.is_usable():
        raise InvalidToken
    return token


def revoke(*, token: AccessToken) -> None:
    """Refuse the token from the next request on: no process caches tokens."""
    AccessToken.objects.filter(pk=token.pk, revoked_at__isnull=True).update(revoked_at=timezone.now())


def may_come_from(token: AccessToken, address: str) -> bool:
    """Whether ``token`` may be shown from ``address``; what is no address fits no list."""
    if not token.allowed_addresses:
        return True
    try:
        given = ip_address(address)
    except ValueError:
        return False
    if isinstance(given, IPv6Address) and given.ipv4_mapped:
        given = given.ipv4_mapped
    return any(given in ip_network(allowed) for allowed in token.allowed_addresses)


def _issue(**fields: Any) -> IssuedToken:
    secret = credentials.random_text(SECRET_PREFIX, 40)
    kept = credentials.at_rest(secret)
    token = AccessToken.objects.create(digest=kept.digest, pepper_version=kept.pepper_version, **fields)
    return IssuedToken(token, secret)

"""The people of an account, as its own admins change them; our own staff has the console.

Every change is logged and written into the person's history, which support reads in the console.
"""

import secrets
from dataclasses import dataclass

import structlog
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db import transaction
from django.db.models import QuerySet

from partners import provisioning, tokens
from partners.models import AccessToken, Role, SubTenant, User

log = structlog.get_logger(__name__)

_PASSWORD_BYTES = 15


class LastAdmin(Exception):
    """Without this person nobody could manage the account any more."""


class Oneself(Exception):
    """Nobody disables themselves."""


@dataclass(frozen=True, slots=True)
class WithPassword:
    """A person and, this once, the password that was made for them."""

    user: User
    password: str


def of_account(sub_tenant: SubTenant) -> QuerySet[User]:
    """Its people, disabled ones among them. Staff of ours with an account is not its admins' to change."""
    return User.objects.filter(sub_tenant=sub_tenant, is_staff=False, is_superuser=False)


@transaction.atomic
def add(*, sub_tenant: SubTenant, username: str, email: str, role: Role, by: User) -> WithPassword:
    """A new person with a first password. Raises provisioning.NameTaken."""
    password = _new_password()
    user = provisioning.create_person(
        username=username, password=password, sub_tenant=sub_tenant, role=role, email=email
    )
    note(user, by, f"Added as {role.label}.", flag=ADDITION)
    return WithPassword(user, password)


@transaction.atomic
def change(*, user: User, email: str, role: Role, by: User) -> None:
    """Raises LastAdmin."""
    person = _locked(user)
    done = []
    if person.role != role:
        _check_others_remain(person)
        done.append(f"Role changed from {Role(person.role).label} to {role.label}.")
    if person.email != email:
        done.append("E-mail changed.")
    person.role, person.email = role, email
    if done:
        person.save(update_fields=["role", "email"])
        note(person, by, " ".join(done))


@transaction.atomic
def disable(*, user: User, by: User) -> None:
    """Sessions and tokens are refused from the next request on. Raises Oneself, LastAdmin."""
    if user.pk == by.pk:
        raise Oneself
    person = _locked(user)
    if not person.is_active:
        return
    _check_others_remain(person)
    _set_active(person, by, is_active=False)


@transaction.atomic
def enable(*, user: User, by: User) -> None:
    person = _locked(user)
    if not person.is_active:
        _set_active(person, by, is_active=True)


@transaction.atomic
def renew_password(*, user: User, by: User) -> WithPassword:
    """A new password, which ends the person's sessions and tokens."""
    person, password = _locked(user), _new_password()
    person.set_password(password)
    person.save(update_fields=["password"])
    note(person, by, "Password renewed; sessions and tokens ended.")
    return WithPassword(person, password)


@transaction.atomic
def revoke_token(*, token: AccessToken, by: User) -> None:
    """``token`` is a person's."""
    assert token.user is not None
    tokens.revoke(token=token)
    note(token.user, by, f"Token {token.pk} revoked.")


def note(user: User, by: User, what: str, flag: int = CHANGE) -> None:
    """Log what was done to the person, and write it into the history that the console shows."""
    one = User.objects.filter(pk=user.pk)
    LogEntry.objects.log_actions(by.pk, one, flag, change_message=what, single_object=True)
    log.info("person_changed", user=user.pk, by=by.pk, sub_tenant=user.sub_tenant_id, what=what)


def _set_active(person: User, by: User, *, is_active: bool) -> None:
    person.is_active = is_active
    person.save(update_fields=["is_active"])
    note(person, by, "Enabled." if is_active else "Disabled.")


def _locked(user: User) -> User:
    """The person as they are now; of changes in one account, one waits for the other."""
    assert user.sub_tenant_id is not None
    SubTenant.objects.select_for_update(no_key=True).get(pk=user.sub_tenant_id)
    return User.objects.select_for_update(no_key=True, of=("self",)).get(pk=user.pk)


def _check_others_remain(person: User) -> None:
    """Before a person stops being an admin who can sign in."""
    assert person.sub_tenant is not None
    admins = of_account(person.sub_tenant).filter(role=Role.ADMIN, is_active=True)
    able = admins.exclude(password__startswith=UNUSABLE_PASSWORD_PREFIX)
    if person.role == Role.ADMIN and not able.exclude(pk=person.pk).exists():
        raise LastAdmin


def _new_password() -> str:
    return secrets.token_urlsafe(_PASSWORD_BYTES)

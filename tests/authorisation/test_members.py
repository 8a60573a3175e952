"""Every route of the telesales surface for every caller of the table; a refusal changes nothing."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from partners import quota, tokens
from partners.models import AccessToken, Right, Role, User
from tests.authorisation.members import CALLERS, DOORS, MEMBER_PREFIXES, MEMBERS, Row, World
from tests.support import factories
from tests.support.stored import everything_stored
from tests.test_authorisation import METHODS, routes

# Every route by every caller.
pytestmark = pytest.mark.slow

ROWS = {f"{row.method} {route}": row for route, rows in MEMBERS.items() for row in rows}


# --- The routes there are ---------------------------------------------------------------------------------
def test_every_route_of_the_surface_stands_in_the_table() -> None:
    there = [route for route in routes() if route.startswith(MEMBER_PREFIXES)]
    assert sorted(there) == sorted([*MEMBERS, *(door for door in DOORS if door.startswith(MEMBER_PREFIXES))])


@pytest.mark.parametrize("route", MEMBERS)
def test_other_methods_are_refused_to_everybody_and_explained_to_no_stranger(
    world: World, route: str
) -> None:
    known = {row.method for row in MEMBERS[route]}
    row, headers = MEMBERS[route][0], factories.make_member(Role.ADMIN)
    row.prepare(world)
    for method in set(METHODS) - known - ({"HEAD"} if "GET" in known else set()):
        assert _ask(Client(), row, world, headers, method).status_code == 405, method
        assert _ask(Client(), row, world, {}, method).status_code == 401, method


@pytest.mark.parametrize(("door", "method"), [(door, method) for door in DOORS for method in METHODS])
def test_a_door_takes_no_other_methods(db: None, door: str, method: str) -> None:
    status = Client().generic(method, f"/{door}").status_code
    assert (status == 405) == (method not in DOORS[door])


# --- What they answer -------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ROWS)
def test_a_route_answers_every_caller_as_the_table_says(world: World, name: str) -> None:
    row = ROWS[name]
    row.prepare(world)
    for caller in CALLERS:
        with undone():
            _check(caller, row, world)


def _check(caller: str, row: Row, world: World) -> None:
    client, headers = _as(caller, row, world)
    before = everything_stored()

    answer = _ask(client, row, world, headers)

    assert answer.status_code == CALLERS[caller](row), (caller, answer.content)
    if answer.status_code >= 400:
        assert answer.json()["message"], caller
        assert everything_stored() == before, caller


@contextmanager
def undone() -> Iterator[None]:
    """What is done in here is rolled back: the next caller meets the same world."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def _as(caller: str, row: Row, world: World) -> tuple[Client, dict[str, str]]:
    """A client and the headers that make a request of it one of ``caller``."""
    client = Client(enforce_csrf_checks=True)
    match caller:
        case "supervisor by session" | "supervisor by session without the CSRF token":
            client.force_login(factories.person(Role.SUPERVISOR))
            client.get("/login")
            token = client.cookies["csrftoken"].value
            return client, {"X-CSRFToken": token} if caller == "supervisor by session" else {}
        case "our own staff by session":
            client.force_login(User.objects.create_user("ours", password="x", is_staff=True))
            return client, {}
    return client, _headers(caller, row, world)


def _headers(caller: str, row: Row, world: World) -> dict[str, str]:
    match caller:
        case "admin" | "supervisor" | "read_only":
            return factories.make_member(caller)
        case "agent":
            return factories.bearer(tokens.issue_to_person(user=world.agent))
        case "another agent":
            return factories.make_member(Role.AGENT)
        case "an admin of another account":
            return factories.make_member(Role.ADMIN, world.elsewhere)
        case "a machine with the scope":
            return factories.make_machine(scopes=[row.right] if row.right else [])
        case "a machine without the scope":
            return factories.make_machine(scopes=[right for right in Right if right != row.right])
        case "a machine at another address":
            return factories.make_machine(allowed_addresses=["192.0.2.0/24"])
    return _of_nobody(caller, world)


def _of_nobody(caller: str, world: World) -> dict[str, str]:
    """Headers of those who are let in nowhere."""
    user = factories.person(Role.ADMIN)
    issued = tokens.issue_to_person(user=user)
    past = timezone.now() - timedelta(seconds=1)
    match caller:
        case "a partner's key":
            return factories.headers(world.provisioned)
        case "a basic password":
            return {"Authorization": "Basic YWRtaW46YWRtaW4="}
        case "a wrong token":
            other = tokens.issue_to_person(user=user)
            return {"Authorization": f"Bearer {issued.token.pk}|{other.secret}"}
        case "a revoked token":
            tokens.revoke(token=issued.token)
        case "an expired token":
            AccessToken.objects.filter(pk=issued.token.pk).update(expires_at=past)
        case "a token of a disabled person":
            User.objects.filter(pk=user.pk).update(is_active=False)
        case "an expired machine":
            return factories.make_machine(expires_at=past)
        case "nobody":
            return {}
    return factories.bearer(issued)


def _ask(client: Client, row: Row, world: World, headers: dict[str, str], method: str = "") -> HttpResponse:
    quota.reset()
    body = json.dumps(row.body(world)).encode() if row.body else b""
    return client.generic(method or row.method, row.address(world), body, "application/json", headers=headers)

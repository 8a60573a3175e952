"""Every route of the network surface for every token of the table; a refusal changes nothing."""

import json
from datetime import timedelta

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from calls.models import Network
from partners import keys, quota
from partners.models import ApiKey, Grant, Partner, Rejection, RejectionCount, Role
from tests.authorisation.network import NETWORK, NETWORK_PREFIX, TOKENS, NetworkRow, NetworkWorld
from tests.authorisation.test_members import undone
from tests.support import factories
from tests.support.network import NetworkClient, call_of, networked
from tests.support.stored import everything_stored
from tests.test_authorisation import METHODS, routes

# Every route by every caller.
pytestmark = pytest.mark.slow

ROWS = {f"{row.method} {route}": row for route, rows in NETWORK.items() for row in rows}


@pytest.fixture
def world(db: None) -> NetworkWorld:
    own, other = networked("own"), networked("other")
    return NetworkWorld(own, other, call_of(NetworkClient(own.token).post_call()).uuid.hex)


def test_every_route_of_the_surface_stands_in_the_table() -> None:
    assert sorted(NETWORK) == sorted(route for route in routes() if route.startswith(NETWORK_PREFIX))


@pytest.mark.parametrize("route", NETWORK)
def test_other_methods_are_refused_to_everybody_and_explained_to_no_stranger(
    world: NetworkWorld, route: str
) -> None:
    row, known = NETWORK[route][0], {row.method for row in NETWORK[route]}
    for method in set(METHODS) - known - ({"HEAD"} if "GET" in known else set()):
        assert _ask(row, world, {"Authorization": world.own.token}, method).status_code == 405, method
        assert _ask(row, world, {}, method).status_code == 401, method


@pytest.mark.parametrize("name", ROWS)
def test_a_route_answers_every_token_as_the_table_says(world: NetworkWorld, name: str) -> None:
    row = ROWS[name]
    row.prepare()
    for token, expected in TOKENS.items():
        with undone():
            headers = _headers(token, row, world)
            before = _stored()
            answer = _ask(row, world, headers)
            assert answer.status_code == expected(row), (token, answer.content)
            if answer.status_code >= 400:
                assert set(answer.json()["errors"]) == {"class", "invalid_data"}, token
                assert world.cuid.encode() not in answer.content, token
                assert _stored() == before, token


def _headers(token: str, row: NetworkRow, world: NetworkWorld) -> dict[str, str]:
    issued = keys.issue(partner=world.own.partner, sub_tenant=world.own.sub_tenant)
    key = ApiKey.objects.filter(pk=issued.key.pk)
    shown = issued.single
    match token:
        case "none":
            return {}
        case "a member's":
            return factories.make_member(Role.ADMIN, world.own.sub_tenant)
        case "of no key":
            shown = "zpk_nobody.zps_nothing"
        case "with another secret":
            shown = f"{issued.key.key_id}.{world.own.issued.secret}"
        case "another network's":
            shown = world.other.token
        case "after Bearer":
            shown = f"Bearer {shown}"
        case "revoked":
            keys.revoke(key=issued.key)
        case "expired":
            key.update(expires_at=timezone.now() - timedelta(seconds=1))
        case "of an inactive partner":
            Partner.objects.filter(pk=world.own.partner.pk).update(is_active=False)
        case "of a key that is not bound":
            key.update(sub_tenant=None)
        case "of a key whose grant was withdrawn":
            Grant.objects.filter(partner=world.own.partner).delete()
        case "without the scope":
            key.update(scopes=[scope for scope in issued.key.scopes if scope != row.scope])
        case "with the scope alone":
            key.update(scopes=[row.scope])
        case "of a network without ingestion":
            Network.objects.update(ingestion_enabled=False)
        case "of an account that is no network":
            Network.objects.all().delete()
        case _:
            raise AssertionError(token)
    return {"Authorization": shown}


def _stored() -> dict[str, object]:
    """Everything but the notes of what was refused."""
    kept = everything_stored()
    return {name: rows for name, rows in kept.items() if name not in _NOTES}


_NOTES = (Rejection.__name__, RejectionCount.__name__)


def _ask(row: NetworkRow, world: NetworkWorld, headers: dict[str, str], method: str = "") -> HttpResponse:
    quota.reset()
    body = json.dumps(row.body(world)).encode() if row.body else b""
    return Client().generic(
        method or row.method, row.address(world), body, "application/json", headers=headers
    )

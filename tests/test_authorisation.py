"""Who may use which route: every route of the URLconf by key by partner by tenant, from one table.

The console has a table of its own (tests/console/routes.py), and so have the telesales surface
(tests/authorisation/members.py), the network surface (tests/authorisation/network.py), the dialer surface
(tests/authorisation/dialer.py) and the pages (tests/authorisation/pages.py). A route in none fails here.
"""

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from calls.models import Agent, Call, Customer, DispositionChange, DispositionCode, IngestBatch, Recording
from partners import keys
from partners.models import ApiKey
from partners.provisioning import Provisioned
from tests.authorisation.dialer import DIALER
from tests.authorisation.members import DOORS, MEMBERS
from tests.authorisation.network import NETWORK
from tests.authorisation.pages import PAGES
from tests.support import factories, recordings
from tests.support.stored import everything_stored

CONSOLE = "admin/"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


@dataclass
class World:
    """Two partners in one sub-tenant; a call and a batch of the first; a sub-tenant granted to neither."""

    own: Provisioned
    other: Provisioned
    batch: uuid.UUID


@dataclass(frozen=True)
class Route:
    """``answers``: the status for the partner the data belongs to, and for the other one."""

    method: str
    scope: str
    address: Callable[[World], str]
    answers: dict[str, int]
    body: Callable[[], Any] = dict
    changes: bool = False


# --- The table --------------------------------------------------------------------------------------------
PUBLIC = {"api/schema", "api/docs", "healthz", "metrics", "readyz"}  # the metrics from loopback only

PARTNER = "api/v1/partner/ingest"
PROTECTED = {
    f"{PARTNER}/batch-call": Route(
        "POST",
        "ingest",
        lambda _: f"/{PARTNER}/batch-call",
        {"own": 200, "other": 200},
        body=lambda: {"data": [factories.item(uuid.uuid4().hex)]},
        changes=True,
    ),
    f"{PARTNER}/disposition-status": Route(
        "PUT",
        "ingest",
        lambda _: f"/{PARTNER}/disposition-status",
        {"own": 200, "other": 404},
        body=lambda: {"customer_id": "customer123", "disposition_status": uuid.uuid4().hex},
        changes=True,
    ),
    f"{PARTNER}/calls": Route("GET", "read", lambda _: f"/{PARTNER}/calls", {"own": 200, "other": 200}),
    f"{PARTNER}/calls/<external_id:external_id>": Route(
        "GET", "read", lambda _: f"/{PARTNER}/calls/call123", {"own": 200, "other": 404}
    ),
    f"{PARTNER}/calls/<external_id:external_id>/recording": Route(
        "GET", "read", lambda _: f"/{PARTNER}/calls/call123/recording", {"own": 200, "other": 404}
    ),
    f"{PARTNER}/batches/<uuid:uuid>": Route(
        "GET", "read", lambda world: f"/{PARTNER}/batches/{world.batch}", {"own": 200, "other": 404}
    ),
    "api/v1/partner/events": Route(
        "GET", "read", lambda _: "/api/v1/partner/events", {"own": 200, "other": 200}
    ),
}

# A key in this state, or a request for this tenant, is answered so; None goes on to the next check.
KEYS: dict[str, int | None] = {
    "none": 401,
    "no secret": 401,
    "wrong": 403,
    "revoked": 403,
    "expired": 403,
    "of an inactive partner": 403,
    "bound elsewhere": None,
    "without the scope": None,
    "valid": None,
}
TENANTS: dict[str, int | None] = {
    "missing": 400,
    "sub-tenant missing": 400,
    "not granted": 403,
    "unknown": 403,
    "own": None,
}


def expected(route: Route, key: str, partner: str, tenant: str) -> int:
    refused = KEYS[key] or TENANTS[tenant]
    if not refused and key in ("bound elsewhere", "without the scope"):
        return 403
    return refused or route.answers[partner]


# --- The routes there are ---------------------------------------------------------------------------------
def routes(patterns: list[Any] | None = None, prefix: str = "") -> Iterator[str]:
    """Every route of the URLconf but the console's."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver) and route != CONSOLE:
            yield from routes(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route


def test_every_route_stands_in_the_table() -> None:
    tables = (PUBLIC, PROTECTED, MEMBERS, NETWORK, DIALER, PAGES, DOORS)
    assert sorted(routes()) == sorted(route for table in tables for route in table)


# --- What they answer -------------------------------------------------------------------------------------
@pytest.fixture
def world(db: None) -> World:
    own = factories.provisioned(name="Own", rate_limit=10_000)
    other = factories.provisioned(name="Other", rate_limit=10_000)
    factories.provisioned(name="Third", sub_tenant="ungranted")
    batch = factories.ingest(own).batch_uuid
    recordings.store(factories.call(own), b"RIFF")
    return World(own, other, batch)


def in_state(provisioned: Provisioned, state: str, route: Route) -> dict[str, str | None]:
    """Headers that show a key of this partner in this state."""
    issued = keys.issue(partner=provisioned.partner)
    _put(issued.key, state, route)
    shown: dict[str, str | None] = {"x_api_key": issued.key.key_id, "x_api_secret": issued.secret}
    wrong: dict[str, dict[str, str | None]] = {
        "none": {"x_api_key": None, "x_api_secret": None},
        "no secret": {"x_api_secret": None},
        "wrong": {"x_api_secret": provisioned.issued.secret},
    }
    return shown | wrong.get(state, {})


def _put(key: ApiKey, state: str, route: Route) -> None:
    match state:
        case "revoked":
            keys.revoke(key=key)
        case "expired":
            ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
        case "of an inactive partner":
            key.partner.is_active = False
            key.partner.save()
        case "bound elsewhere":
            elsewhere = factories.provisioned(name=key.partner.name, sub_tenant="elsewhere").sub_tenant
            ApiKey.objects.filter(pk=key.pk).update(sub_tenant=elsewhere)
        case "without the scope":
            ApiKey.objects.filter(pk=key.pk).update(scopes=[s for s in key.scopes if s != route.scope])


def at_tenant(state: str) -> dict[str, str | None]:
    headers: dict[str, dict[str, str | None]] = {
        "missing": {"x_tenant_id": None},
        "sub-tenant missing": {"x_sub_tenant_id": None},
        "not granted": {"x_sub_tenant_id": "ungranted"},
        "unknown": {"x_tenant_id": "nobody"},
        "own": {},
    }
    return headers[state]


def ask(world: World, route: Route, given: dict[str, str], method: str = "") -> HttpResponse:
    client = Client(raise_request_exception=False)
    return client.generic(
        method or route.method,
        route.address(world),
        json.dumps(route.body()).encode(),
        "application/json",
        headers=given,
    )


# What a partner's request could change.
CHANGEABLE = (Agent, Call, Customer, DispositionChange, DispositionCode, IngestBatch, Recording)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("name", PROTECTED)
def test_a_protected_route_lets_in_whom_the_table_says(world: World, name: str, key: str) -> None:
    route = PROTECTED[name]
    for partner, provisioned in (("own", world.own), ("other", world.other)):
        shown = in_state(provisioned, key, route)
        for tenant in TENANTS:
            before = everything_stored(*CHANGEABLE)
            given = factories.headers(provisioned, **(shown | at_tenant(tenant)))
            response = ask(world, route, given)
            case = f"{name}: key {key}, partner {partner}, tenant {tenant}"
            status = expected(route, key, partner, tenant)
            assert response.status_code == status, case
            assert (everything_stored(*CHANGEABLE) != before) == (status == 200 and route.changes), case
            if status != 200:
                assert set(response.json()) == {"success", "message"}, case


@pytest.mark.parametrize("name", PROTECTED)
def test_another_partner_is_shown_nothing_of_the_call(world: World, name: str) -> None:
    response = ask(world, PROTECTED[name], factories.headers(world.other))
    assert b"call123" not in response.content


@pytest.mark.parametrize("name", PROTECTED)
def test_other_methods_are_refused_to_everybody_and_explained_to_no_stranger(world: World, name: str) -> None:
    route = PROTECTED[name]
    before = everything_stored(*CHANGEABLE)
    for method in set(METHODS) - {route.method, "HEAD" if route.method == "GET" else ""}:
        assert ask(world, route, factories.headers(world.own), method).status_code == 405, method
        assert ask(world, route, {}, method).status_code == 401, method
    assert everything_stored(*CHANGEABLE) == before


@pytest.mark.django_db
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("route", sorted(PUBLIC))
def test_a_public_route_is_read_by_anybody_and_changed_by_nobody(route: str, method: str) -> None:
    response = Client().generic(method, f"/{route}")
    assert response.status_code in ((200, 503) if method in ("GET", "HEAD") else (405,))

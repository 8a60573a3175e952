"""Every route of the dialer surface for a key in every state; a refusal changes and shows nothing."""

from datetime import timedelta

import pytest
from django.apps import apps
from django.db import transaction
from django.db.models import Model
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from calls.models import AccessRecord, Call, Recording
from partners import keys, quota
from partners.models import ApiKey, Grant, Partner
from partners.provisioning import Provisioned
from tests.authorisation.dialer import (
    DIALER,
    DIALER_KEYS,
    PREFIX,
    DialerRow,
    DialerWorld,
    body_of,
    dialer_world,
)
from tests.support import factories
from tests.support.stored import everything_stored
from tests.test_authorisation import METHODS, routes

# Every route by every caller.
pytestmark = pytest.mark.slow


@pytest.fixture
def world(db: None) -> DialerWorld:
    return dialer_world()


def test_every_route_of_the_surface_stands_in_the_table() -> None:
    assert sorted(route for route in routes() if route.startswith(PREFIX)) == sorted(DIALER)


@pytest.mark.parametrize("name", DIALER)
def test_a_route_lets_in_whom_the_table_says(world: DialerWorld, name: str) -> None:
    row = DIALER[name]
    for provisioned, answer in zip((world.own, world.other), row.answers, strict=True):
        for state, is_let_in in DIALER_KEYS.items():
            with transaction.atomic():
                _check(world, row, provisioned, state, answer if is_let_in else 403)
                transaction.set_rollback(True)


def _check(world: DialerWorld, row: DialerRow, provisioned: Provisioned, state: str, status: int) -> None:
    headers = shown(provisioned, state, row)
    before = everything_stored(*_changeable())
    answer = ask(world, row, headers)
    case = (provisioned.partner.name, state, getattr(answer, "content", b""))
    assert answer.status_code == status, case
    if status >= 400:
        assert everything_stored(*_changeable()) == before, case
        assert answer.json()["code"] == status, case
        assert b"secret" not in answer.content, case
    elif row.changes:
        assert everything_stored(*_changeable()) != before, case


@pytest.mark.parametrize("name", DIALER)
def test_other_methods_are_refused_to_everybody_and_explained_to_no_stranger(
    world: DialerWorld, name: str
) -> None:
    row = DIALER[name]
    headers = shown(world.own, "in the header", row)
    for method in set(METHODS) - {row.method, "HEAD" if row.method == "GET" else ""}:
        assert ask(world, row, headers, method).status_code == 405, method
        assert ask(world, row, {}, method).status_code == 403, method


def _changeable() -> list[type[Model]]:
    """What a request could change; that it was refused is noted elsewhere."""
    tables = apps.get_app_config("dialer").get_models(include_auto_created=True)
    return [*tables, Call, Recording, AccessRecord]


def ask(world: DialerWorld, row: DialerRow, headers: dict[str, str], method: str = "") -> HttpResponse:
    quota.reset()
    client, body = Client(raise_request_exception=False), body_of(row, world)
    return client.generic(method or row.method, row.address(world), body, row.content_type, headers=headers)


def shown(provisioned: Provisioned, state: str, row: DialerRow) -> dict[str, str]:
    """Headers that show a key of this account in this state."""
    if state == "a member's token":
        return factories.make_member("admin", provisioned.sub_tenant)
    bound = None if state == "bound to nothing" else provisioned.sub_tenant
    issued = keys.issue(partner=provisioned.partner, sub_tenant=bound)
    _put(issued.key, state, row)
    match state:
        case "none":
            return {}
        case "without its secret":
            return {"x-api-key": issued.key.key_id}
        case "wrong":
            return {"x-api-key": f"{issued.key.key_id}.{provisioned.issued.secret}"}
        case "as a bearer token":
            return {"Authorization": f"Bearer {issued.single}"}
    return {"x-api-key": issued.single}


def _put(key: ApiKey, state: str, row: DialerRow) -> None:
    match state:
        case "revoked":
            keys.revoke(key=key)
        case "expired":
            ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
        case "of an inactive partner":
            Partner.objects.filter(pk=key.partner_id).update(is_active=False)
        case "without its grant":
            Grant.objects.filter(partner=key.partner_id).delete()
        case "without the scope":
            ApiKey.objects.filter(pk=key.pk).update(scopes=[s for s in key.scopes if s != row.scope])

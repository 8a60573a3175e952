"""Every route of the console for every role; a denial leaves everything as it was."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from partners.groups import ADMINISTRATORS, SUPPORT
from tests.console.conftest import World, staff
from tests.console.routes import ROUTES, address, named_routes, unnamed_routes
from tests.support.stored import Snapshot, everything_stored

# Every route of the console by every role.
pytestmark = pytest.mark.slow

ROLES = ("anonymous", "newcomer", "viewer", "support", "administrator")
DOERS = [(name, role) for name, row in ROUTES.items() for role in sorted(row.doers)]


def test_every_route_of_the_console_has_a_row() -> None:
    assert {name for name, _ in named_routes()} == set(ROUTES)


def test_what_has_no_name_is_only_djangos_redirects() -> None:
    assert unnamed_routes() == {"<path:object_id>/", "(?P<url>.*)$"}


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_get_what_the_table_says_and_changes_nothing_by_it(role: str, world: World) -> None:
    client = _client(role)
    urls = {name: address(name, world) for name in ROUTES}
    before = everything_stored()

    answered = {name for name, url in urls.items() if _is_answered(client.get(url))}

    assert answered == {name for name, row in ROUTES.items() if role in row.get}
    assert _without_hearing(everything_stored()) == _without_hearing(before)


@pytest.mark.parametrize("role", ROLES)
def test_each_role_is_answered_where_the_table_says_and_does_nothing_it_may_not(
    role: str, world: World
) -> None:
    client = _client(role)
    harmless = {name: row for name, row in ROUTES.items() if role not in row.doers}
    # The sign-out last: after it, everybody is anonymous.
    urls = {name: address(name, world) for name in sorted(harmless, key="logout".__eq__)}
    data = {name: row.data(world) if row.data else {} for name, row in harmless.items()}
    before = everything_stored()

    answered = {name for name, url in urls.items() if _is_answered(client.post(url, data[name]))}

    assert answered == {name for name, row in harmless.items() if role in row.post}
    assert everything_stored() == before


@pytest.mark.parametrize(("name", "role"), DOERS)
def test_who_may_do_something_does_it(name: str, role: str, world: World) -> None:
    client, url, row = _client(role), address(name, world), ROUTES[name]
    assert row.data is not None
    before = everything_stored()

    assert _is_answered(client.post(url, row.data(world)))
    assert everything_stored() != before


def _client(role: str) -> Client:
    groups = {"support": SUPPORT, "administrator": ADMINISTRATORS, "viewer": "viewers", "newcomer": "nothing"}
    return staff(role, groups[role]) if role in groups else Client()


def _is_answered(answer: Any) -> bool:
    """Whether the route itself answered, whatever it said of the form: no sign-in, and no refusal."""
    sent_to_sign_in = answer.status_code == 302 and answer.url.startswith(reverse("admin:login"))
    return not sent_to_sign_in and answer.status_code in (200, 302)


def _without_hearing(snapshot: Snapshot) -> Snapshot:
    """Listening is written down, whoever does it: that is no change of what there is."""
    return {name: rows for name, rows in snapshot.items() if name != "AccessRecord"}

"""Every page for every caller of the table; a refusal changes nothing and shows nothing."""

import pytest
from django.test import Client

from partners.models import Role, User
from tests.authorisation.members import World
from tests.authorisation.pages import CALLERS, PAGES, SIGN_IN, Page
from tests.authorisation.test_members import undone
from tests.support import factories
from tests.support.stored import everything_stored
from tests.test_authorisation import METHODS

# Every page by every visitor.
pytestmark = pytest.mark.slow

ROWS = {f"{page.method} /{route}": page for route, pages in PAGES.items() for page in pages}


@pytest.mark.parametrize("name", ROWS)
def test_a_page_answers_every_caller_as_the_table_says(world: World, name: str) -> None:
    page = ROWS[name]
    page.prepare(world)
    for caller in CALLERS:
        with undone():
            _check(caller, page, world)


def _check(caller: str, page: Page, world: World) -> None:
    client = _as(caller, world)
    token = {} if caller == "an admin without the form's token" else _token(client)
    before = everything_stored()

    answer = _ask(client, page, world, token)

    status = CALLERS[caller](page)
    assert answer.status_code == status, (caller, answer.content[:2000])
    if status == SIGN_IN and answer["Location"].startswith("/login"):
        assert everything_stored() == before, caller
    if status >= 400:
        assert everything_stored() == before, caller
        assert world.call_uuid not in answer.content.decode(), caller


@pytest.mark.parametrize("route", PAGES)
def test_other_methods_are_refused_to_everybody(world: World, route: str) -> None:
    page, known = PAGES[route][0], {page.method for page in PAGES[route]}
    page.prepare(world)
    client = _as("admin", world)
    for method in set(METHODS) - known - ({"HEAD"} if "GET" in known else set()):
        answer = client.generic(method, page.address(world), headers=_token(client))
        assert answer.status_code == 405, method


def _as(caller: str, world: World) -> Client:
    client = Client(enforce_csrf_checks=True, headers={"accept": "text/html"})
    user = _person(caller, world)
    if user is not None:
        client.force_login(user)
        if caller == "a disabled person":
            User.objects.filter(pk=user.pk).update(is_active=False)
    return client


def _person(caller: str, world: World) -> User | None:
    match caller:
        case "nobody":
            return None
        case "our own staff":
            return User.objects.create_user("ours", password="x", is_staff=True)
        case "agent":
            return world.agent
        case "another agent":
            return factories.person(Role.AGENT)
        case "an admin of another account":
            return factories.person(Role.ADMIN, world.elsewhere)
        case "supervisor" | "read_only":
            return factories.person(caller)
    return factories.person(Role.ADMIN)


def _token(client: Client) -> dict[str, str]:
    client.get("/login")
    return {"X-CSRFToken": client.cookies["csrftoken"].value}


def _ask(client: Client, page: Page, world: World, headers: dict[str, str]):
    if page.method == "POST":
        return client.post(page.address(world), page.body(world), headers=headers)
    return client.generic(page.method, page.address(world), headers=headers)

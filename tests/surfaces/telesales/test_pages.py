"""The pages for signing in and out."""

import re

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.test import Client

from partners.models import Role, User
from tests.support import factories
from tests.support.factories import PASSWORD

PAGE = "/login"
LOADED = re.compile(r"""<(?:script|img|link)\b[^>]*?\b(?:src|href)=["']([^"']+)""")


@pytest.fixture
def ada(db: None) -> User:
    return factories.person(Role.SUPERVISOR, username="ada")


@pytest.fixture
def client(db: None) -> Client:
    """As a browser: without the form's token nothing is taken."""
    return Client(enforce_csrf_checks=True)


def submit(client: Client, **fields: str):
    client.get(PAGE)
    token = client.cookies["csrftoken"].value
    return client.post(
        PAGE, {"username": "ada", "password": PASSWORD, "csrfmiddlewaretoken": token, **fields}
    )


def test_a_person_of_an_account_signs_in_and_out(client: Client, ada: User) -> None:
    assert submit(client).status_code == 302
    page = client.get(PAGE).content.decode()
    assert "You are signed in" in page
    assert str(ada.sub_tenant) in page
    assert client.get("/api/auth/me").json()["data"]["user"]["username"] == "ada"

    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert client.post("/logout", {"csrfmiddlewaretoken": token[1]})["Location"] == PAGE
    assert client.get("/api/auth/me").status_code == 401


def test_it_goes_on_to_where_one_was_going_but_nowhere_else(client: Client, ada: User) -> None:
    assert submit(client, next="/api/docs")["Location"] == "/api/docs"
    assert submit(Client(), next="https://evil.example.com/")["Location"] == "/library"


@pytest.mark.parametrize("fields", [{"password": "wrong"}, {"username": "nobody"}], ids=str)
def test_a_refusal_says_so_in_words_a_reader_is_told(
    client: Client, ada: User, fields: dict[str, str]
) -> None:
    page = submit(client, **fields).content.decode()
    assert re.search(r'role="alert"[^>]*>Invalid username or password\.', page)
    assert PASSWORD not in page
    assert "wrong" not in page


def test_our_own_staff_is_told_the_same(client: Client, ada: User) -> None:
    User.objects.filter(pk=ada.pk).update(sub_tenant=None, role="", is_staff=True)
    assert "Invalid username or password." in submit(client).content.decode()


def test_a_missing_field_is_named(client: Client, ada: User) -> None:
    page = submit(client, password="").content.decode()
    assert 'aria-invalid="true"' in page
    assert "Password: this field is required." in page


def test_too_many_tries_are_said_with_the_time_to_wait(client: Client, ada: User) -> None:
    for _ in range(5):
        submit(client, password="wrong")
    answer = submit(client)
    assert answer.status_code == 429
    assert f"Too many requests. Retry after {answer['Retry-After']} seconds." in answer.content.decode()


def test_without_the_forms_token_nothing_happens_and_the_page_says_why(client: Client, ada: User) -> None:
    answer = client.post(PAGE, {"username": "ada", "password": PASSWORD})
    assert answer.status_code == 403
    assert "This form is out of date" in answer.content.decode()


def test_signing_out_needs_a_post(client: Client, ada: User) -> None:
    client.force_login(ada)
    assert client.get("/logout").status_code == 405
    assert client.get("/api/auth/me").status_code == 200


@pytest.mark.parametrize("signed_in", [True, False])
def test_a_page_loads_our_own_files_and_nothing_inline(client: Client, ada: User, signed_in: bool) -> None:
    if signed_in:
        client.force_login(ada)
    page = client.get(PAGE).content.decode()
    loaded = LOADED.findall(page)
    assert loaded
    assert not re.search(r"\son\w+=|\sstyle=|<style|<script(?![^>]*\bsrc=)", page)
    for address in loaded:
        assert finders.find(address.removeprefix(f"/{settings.STATIC_URL.strip('/')}/")), address


def test_no_cache_keeps_the_page(client: Client) -> None:
    assert "no-store" in client.get(PAGE)["Cache-Control"]

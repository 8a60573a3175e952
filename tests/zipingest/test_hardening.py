"""What every answer carries, what cookies are, how large a form may be, and what nobody is told."""

from datetime import timedelta
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import pytest
from django.contrib.auth.password_validation import validate_password
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from partners.models import User
from partners.tasks import tidy_sessions
from partners.views import SignInView
from tests.support import factories
from tests.support.api import gunicorn
from tests.support.factories import PASSWORD

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
SIGN_IN = {"username": "ada", "password": PASSWORD}


@pytest.fixture
def ada(db: None) -> User:
    return factories.person(username="ada")


# --- Answers ----------------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/login", "/admin/login/", "/healthz", "/nowhere", "/api/v1/partner/nowhere"]
)
def test_every_answer_says_how_browsers_may_use_it(path: str) -> None:
    answer = Client().get(path)
    assert {name: answer[name] for name in HEADERS} == HEADERS
    policy = answer["Content-Security-Policy"]
    for directive in (
        "default-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ):
        assert directive in policy


@pytest.mark.django_db
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_a_fault_of_ours_is_told_without_its_details(monkeypatch: pytest.MonkeyPatch, accept: str) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("planted-detail")

    monkeypatch.setattr(SignInView, "get", fail)
    answer = Client(raise_request_exception=False).get("/login", headers={"Accept": accept})
    assert answer.status_code == 500
    assert "planted-detail" not in answer.content.decode()
    assert "Traceback" not in answer.content.decode()
    assert answer["X-Request-Id"]


@pytest.mark.django_db
def test_a_host_that_is_not_ours_is_refused_and_not_repeated() -> None:
    for path in ("/login", "/admin/login/", "/library"):
        answer = Client(headers={"Host": "evil.example.com"}).get(path)
        assert answer.status_code == 400
        assert "evil" not in f"{answer.content.decode()} {answer.headers}"


# --- Sessions ---------------------------------------------------------------------------------------------
def test_cookies_are_for_this_host_alone_and_a_session_ends_with_the_day(ada: User) -> None:
    client = Client()
    client.get("/login")
    client.post("/login", SIGN_IN)
    for name in ("sessionid", "csrftoken"):
        cookie = client.cookies[name]
        assert (cookie["samesite"], cookie["path"], cookie["domain"]) == ("Lax", "/", "")
    assert client.cookies["sessionid"]["httponly"]
    assert client.cookies["sessionid"]["max-age"] == 12 * 3600


@pytest.mark.parametrize("door", ["/login", "/admin/login/"])
def test_signing_in_begins_another_session_and_none_is_taken_from_outside(ada: User, door: str) -> None:
    factories.person(username="eve")
    User.objects.update(is_staff=True)
    client = Client()
    client.session.save()  # somebody's whom nobody knows
    keys = ["never-issued", client.session.session_key]
    for username in ("ada", "eve"):
        client.cookies["sessionid"] = keys[-1]
        client.post(door, {**SIGN_IN, "username": username})
        keys.append(client.cookies["sessionid"].value)
    assert len(set(keys)) == len(keys)
    assert list(Session.objects.values_list("session_key", flat=True)) == keys[-1:]


def test_a_new_password_ends_the_sessions_that_the_old_one_opened(ada: User) -> None:
    client = Client()
    client.force_login(ada)
    ada.set_password("another-Long-1-phrase")
    ada.save()
    assert client.get("/library").status_code == 302


@pytest.mark.django_db
def test_sessions_that_have_run_out_are_forgotten() -> None:
    now = timezone.now()
    for key, days in (("old", -1), ("new", 1)):
        Session.objects.create(session_key=key, session_data="", expire_date=now + timedelta(days=days))
    tidy_sessions()
    assert list(Session.objects.values_list("session_key", flat=True)) == ["new"]


@pytest.mark.parametrize("password", ["short-1", "8462019357", "password123", "ada.lovelace"])
def test_a_password_that_is_easily_guessed_is_refused(password: str) -> None:
    with pytest.raises(ValidationError):
        validate_password(password, User(username="ada.lovelace"))


# --- Forms ------------------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/login", "/admin/login/", "/logout", "/exports/order", "/nowhere"])
def test_a_form_too_large_is_refused_before_it_is_read(path: str, settings: Any) -> None:
    settings.FORM_MAX_BYTES = 1000
    taken, refused = (
        Client().post(path, "a" * size, content_type="application/x-www-form-urlencoded")
        for size in (1000, 1001)
    )
    assert taken.status_code != 413
    assert (refused.status_code, refused.json()) == (413, {"message": "Request body is too large"})
    assert refused["Content-Security-Policy"]


@pytest.mark.django_db
def test_a_length_with_zeros_before_it_hides_nothing(settings: Any) -> None:
    settings.FORM_MAX_BYTES = 1000
    form = {"content_type": "application/x-www-form-urlencoded", "CONTENT_LENGTH": f"{1001:030}"}
    assert Client().post("/login", "a" * 1001, **form).status_code == 413


# --- In production ----------------------------------------------------------------------------------------
@pytest.mark.slow  # it starts a server
@pytest.mark.django_db(transaction=True)
def test_in_production_browsers_keep_to_https_and_to_this_host(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "ZIPINGEST_ENV": "production",
        "ZIPINGEST_ALLOW_LOOPBACK": "False",
        "SECRET_KEY": "only-for-this-test-0123456789-abcdefghijklmnopqrstuvwxyz",
        "API_KEY_PEPPER": "pepper",
        "ENCRYPTION_KEY": "key",
        "ALLOWED_HOSTS": "calls.example.com,127.0.0.1",
        "TRUSTED_PROXIES": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    with gunicorn(threads=2) as (host, port):

        def ask(path: str, **headers: str) -> HTTPResponse:
            connection = HTTPConnection(host, port, timeout=30)
            connection.request("GET", path, headers={"Host": "calls.example.com"} | headers)
            answer = connection.getresponse()
            answer.read()
            connection.close()
            return answer

        plain, other = ask("/login"), ask("/login", Host="evil.example.com")
        page = ask("/login", **{"X-Forwarded-Proto": "https"})
        console = ask("/admin/login/", **{"X-Forwarded-Proto": "https"})
        health = ask("/healthz")
    assert (plain.status, plain.headers["Location"]) == (301, "https://calls.example.com/login")
    assert (other.status, health.status) == (400, 200)
    for answer in (page, console):
        assert answer.status == 200
        assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000; includeSubDomains")
        cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith("__Host-csrftoken=")
        attributes = {part.strip() for part in cookie.split(";")}
        assert {"Path=/", "SameSite=Lax", "Secure"} <= attributes
        assert "Domain" not in cookie

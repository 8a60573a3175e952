"""The guards of the surface: tries to sign in per address and per user, and requests per token."""

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from partners import quota
from partners.models import Role, User
from tests.support import factories
from tests.support.factories import PASSWORD
from tests.support.services import free_port, redis
from tests.work.support import in_threads
from zipingest.cache import RedisOrOwnMemory

LOGIN, ME, PAGE = "/api/auth/login", "/api/auth/me", "/login"


@pytest.fixture
def ada(db: None) -> User:
    return factories.person(username="ada")


@pytest.fixture(autouse=True)
def _one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test crosses the edge of the minute in which tries are counted."""
    _set_clock(monkeypatch, time.time())


def _set_clock(monkeypatch: pytest.MonkeyPatch, moment: float) -> None:
    monkeypatch.setattr("django_ratelimit.core.time", SimpleNamespace(time=lambda: moment))


def attempt(username: str = "ada", password: str = "wrong", address: str = "192.0.2.1") -> HttpResponse:
    body = {"username": username, "password": password}
    return Client(REMOTE_ADDR=address).post(LOGIN, body, content_type="application/json")


def statuses(attempts: int, **given: str) -> list[int]:
    return [attempt(**given).status_code for _ in range(attempts)]


# --- Signing in -------------------------------------------------------------------------------------------
def test_the_sixth_try_of_a_minute_is_held_back_even_with_the_right_password(ada: User) -> None:
    assert statuses(5) == [401] * 5
    answer = attempt(password=PASSWORD)
    seconds = int(answer["Retry-After"])
    assert answer.status_code == 429
    assert answer.json() == {"message": f"Too many requests. Retry after {seconds} seconds."}
    assert 1 <= seconds <= 61
    assert (answer["X-RateLimit-Limit"], answer["X-RateLimit-Remaining"]) == ("5", "0")
    assert int(answer["X-RateLimit-Reset"]) == pytest.approx(time.time() + seconds, abs=5)


def test_tries_count_for_the_address_whatever_user_they_name(ada: User) -> None:
    assert [attempt(username=f"user{n}").status_code for n in range(6)] == [401] * 5 + [429]
    assert attempt(password=PASSWORD, address="192.0.2.2").status_code == 200


def test_tries_count_for_the_user_whatever_address_they_come_from(ada: User) -> None:
    assert [attempt(address=f"192.0.2.{n}").status_code for n in range(6)] == [401] * 5 + [429]
    factories.person(username="eve")
    assert attempt("eve", PASSWORD).status_code == 200


def test_an_address_held_back_uses_up_no_users_tries(ada: User) -> None:
    statuses(5, username="somebody")
    statuses(20)
    assert attempt(password=PASSWORD, address="192.0.2.2").status_code == 200


def test_ipv6_addresses_of_one_network_count_together(ada: User) -> None:
    tried = [attempt(f"user{n}", address=f"2001:db8::{n}").status_code for n in range(6)]
    assert tried == [401] * 5 + [429]
    assert attempt(password=PASSWORD, address="2001:db8:0:1::1").status_code == 200


def test_signing_in_holds_nobody_back(ada: User) -> None:
    assert statuses(12, password=PASSWORD) == [200] * 12


def test_signing_in_wins_no_further_tries(ada: User) -> None:
    factories.person(username="eve")
    tried = [(attempt("eve", PASSWORD).status_code, attempt().status_code) for _ in range(6)]
    assert [wrong for _, wrong in tried] == [401] * 5 + [429]


def test_the_next_minute_begins_anew(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    statuses(6)
    _set_clock(monkeypatch, time.time() + 61)
    assert attempt(password=PASSWORD).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_tries_at_once_do_not_pass_together() -> None:
    factories.person(username="ada")
    answers = in_threads(12, lambda: attempt().status_code)
    assert sorted(answers) == [401] * 5 + [429] * 7


# --- Every door -------------------------------------------------------------------------------------------
def by_page(username: str, password: str) -> int:
    return (
        Client(REMOTE_ADDR="192.0.2.1").post(PAGE, {"username": username, "password": password}).status_code
    )


def by_console(username: str, password: str) -> int:
    client, form = Client(REMOTE_ADDR="192.0.2.1"), {"username": username, "password": password}
    page = client.post(reverse("admin:login"), form).content.decode()
    return 429 if "Too many requests. Retry after" in page else 401


def by_api(username: str, password: str) -> int:
    return attempt(username, password).status_code


@pytest.mark.parametrize("first", [by_page, by_console, by_api])
@pytest.mark.parametrize("then", [by_page, by_console, by_api])
def test_all_doors_count_together(
    ada: User, first: Callable[[str, str], int], then: Callable[[str, str], int]
) -> None:
    for _ in range(5):
        first("ada", "wrong")
    assert then("ada", PASSWORD) == 429


# --- Without Redis ----------------------------------------------------------------------------------------
@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Count in the Redis of this URL."""

    def use(url: str) -> None:
        cache = RedisOrOwnMemory(url, {"OPTIONS": {"socket_connect_timeout": 2}})
        monkeypatch.setattr("django_ratelimit.core.caches", {"default": cache})

    return use


def test_the_guard_holds_when_redis_cannot_be_reached(ada: User, use: Callable[[str], None]) -> None:
    use(f"redis://127.0.0.1:{free_port()}/0")
    assert statuses(6) == [401] * 5 + [429]
    factories.person(username="eve")
    assert [attempt("eve", PASSWORD, "192.0.2.7").status_code for _ in range(8)] == [200] * 8


def test_the_guard_holds_when_redis_stops_meanwhile(
    ada: User, use: Callable[[str], None], tmp_path: Any
) -> None:
    with redis(tmp_path) as url:
        use(url)
        assert statuses(3) == [401] * 3
        assert attempt(password=PASSWORD).status_code == 200
    assert statuses(6) == [401] * 5 + [429]


def test_with_redis_processes_share_the_tries(ada: User, use: Callable[[str], None], tmp_path: Any) -> None:
    with redis(tmp_path) as url:
        use(url)
        assert statuses(5) == [401] * 5
        use(url)  # as another process would, this one begins with empty memory
        assert attempt(password=PASSWORD).status_code == 429


# --- Requests of a token ----------------------------------------------------------------------------------
def test_the_121st_request_of_a_token_is_held_back(ada: User) -> None:
    headers, client = factories.make_member(), Client()
    for left in reversed(range(120)):
        answer = client.get(ME, headers=headers)
        assert (answer.status_code, answer["X-RateLimit-Remaining"]) == (200, str(left))
    answer = client.get(ME, headers=headers)
    assert answer.status_code == 429
    assert answer.json() == {"message": f"Too many requests. Retry after {answer['Retry-After']} seconds."}
    assert answer["X-RateLimit-Limit"] == "120"
    assert client.get(ME, headers=factories.make_member()).status_code == 200


def test_a_session_counts_for_its_person(ada: User, settings: Any) -> None:
    settings.MEMBER_RATE_LIMIT = 1
    clients = [Client(), Client()]
    for client in clients:
        client.force_login(ada)
    assert [client.get(ME).status_code for client in clients] == [200, 429]


def test_a_refused_role_is_told_its_quota_too(ada: User) -> None:
    answer = Client().post("/api/auth/logout", headers=factories.make_machine(Role.ADMIN))
    assert (answer.status_code, answer["X-RateLimit-Limit"]) == (403, "120")


def test_the_quota_holds_when_redis_cannot_be_reached(ada: User, settings: Any) -> None:
    settings.MEMBER_RATE_LIMIT = 2
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    quota.reset()
    headers = factories.make_member()
    assert [Client().get(ME, headers=headers).status_code for _ in range(3)] == [200, 200, 429]

"""POST /api/auth/login, GET /api/auth/me, POST /api/auth/logout."""

import json
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from partners.models import AccessToken, Role, User
from tests.support import factories
from tests.support.factories import PASSWORD

LOGIN, ME, LOGOUT = "/api/auth/login", "/api/auth/me", "/api/auth/logout"
REFUSED = {"message": "Invalid username or password."}


@pytest.fixture
def ada(db: None) -> User:
    return factories.person(Role.SUPERVISOR, username="ada", email="ada@example.com")


def sign_in(body: Any = None, **headers: str) -> HttpResponse:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Client().generic("POST", LOGIN, data, "application/json", headers=headers)


def credentials(**changed: Any) -> dict[str, Any]:
    return {"username": "ada", "password": PASSWORD, **changed}


def test_the_right_two_are_answered_with_the_user_and_a_token(ada: User) -> None:
    answer = sign_in(credentials(device_name="my laptop"))

    token = AccessToken.objects.get()
    user = {"id": ada.pk, "username": "ada", "email": "ada@example.com", "role": "supervisor"}
    body = answer.json()
    assert answer.status_code == 200
    assert set(body) == {"data", "token"}
    assert body["data"] == {"user": {**user, "team_id": ada.sub_tenant_id}}
    assert body["token"].startswith(f"{token.pk}|")
    assert (token.user, token.name) == (ada, "my laptop")
    assert answer["Cache-Control"] == "no-store"


def test_the_token_opens_until_it_is_signed_out(ada: User) -> None:
    headers = {"Authorization": f"Bearer {sign_in(credentials()).json()['token']}"}
    client = Client()

    assert client.get(ME, headers=headers).json()["data"]["user"]["username"] == "ada"
    assert client.post(LOGOUT, headers=headers).status_code == 204
    answer = client.get(ME, headers=headers)
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthenticated."})
    assert answer["WWW-Authenticate"] == "Bearer"


def test_signing_out_ends_no_other_token(ada: User) -> None:
    first, second = (sign_in(credentials()).json()["token"] for _ in range(2))
    Client().post(LOGOUT, headers={"Authorization": f"Bearer {first}"})
    assert Client().get(ME, headers={"Authorization": f"Bearer {second}"}).status_code == 200


def test_a_persons_token_ends_after_the_days_of_the_setting(ada: User, settings: Any) -> None:
    settings.ACCESS_TOKEN_DAYS = 3
    sign_in(credentials())
    left = AccessToken.objects.get().expires_at - timezone.now()
    assert timedelta(days=2, hours=23) < left <= timedelta(days=3)


@pytest.mark.parametrize(
    "changed",
    [{"password": "wrong"}, {"username": "nobody"}, {"username": "ADA"}, {"password": f"{PASSWORD} "}],
    ids=str,
)
def test_anything_wrong_is_told_in_one_text(ada: User, changed: dict[str, Any]) -> None:
    answer = sign_in(credentials(**changed))
    assert (answer.status_code, answer.json()) == (401, REFUSED)
    assert not AccessToken.objects.exists()


@pytest.mark.parametrize(
    "fields", [{"is_active": False}, {"sub_tenant": None, "role": ""}], ids=["disabled", "of our own staff"]
)
def test_who_may_not_sign_in_is_told_the_same(ada: User, fields: dict[str, Any]) -> None:
    User.objects.filter(pk=ada.pk).update(**fields)
    answer = sign_in(credentials())
    assert (answer.status_code, answer.json()) == (401, REFUSED)


# --- Bodies -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"username": "is required", "password": "is required"}),
        ({"username": "ada"}, {"password": "is required"}),
        (credentials(username=""), {"username": "is required"}),
        (credentials(username=None), {"username": "is required"}),
        (credentials(username=7), {"username": "must be a string"}),
        (credentials(password=["x"]), {"password": "must be a string"}),
        (credentials(username="x" * 151), {"username": "must not be greater than 150 characters"}),
        (credentials(username="a\0"), {"username": "must not contain the character U+0000"}),
        (credentials(device_name=1), {"device_name": "must be a string"}),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_missing_or_of_another_type_is_named(ada: User, body: Any, errors: dict[str, str]) -> None:
    answer = sign_in(body)
    texts = {name: [f"The {name} field {problem}."] for name, problem in errors.items()}
    assert answer.status_code == 422
    assert answer.json() == {"message": "The given data was invalid.", "errors": texts}


def test_an_unpaired_surrogate_is_an_error_of_its_field(ada: User) -> None:
    answer = sign_in(b'{"username": "\\ud800", "password": "x"}')
    assert (answer.status_code, set(answer.json()["errors"])) == (422, {"username"})


@pytest.mark.parametrize("body", [b" ", b"{", b"[]", b"null", b'"ada"', b"\xff", b'{"username": NaN}'])
def test_a_body_that_is_no_json_object_is_malformed(db: None, body: bytes) -> None:
    answer = sign_in(body)
    assert (answer.status_code, answer.json()) == (400, {"message": "Malformed request body"})


def test_a_form_is_not_taken(db: None) -> None:
    answer = Client().post(LOGIN, {"username": "ada", "password": PASSWORD})
    assert (answer.status_code, answer.json()) == (415, {"message": "Unsupported media type"})


def test_keys_we_do_not_know_are_passed_over(ada: User) -> None:
    assert sign_in(credentials(remember=True)).status_code == 200


# --- The envelope -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", ["/api/auth/nothing", "/api/telesales/nothing", "/api/telesales/"])
def test_what_is_not_there_is_said_in_the_surfaces_words(db: None, path: str) -> None:
    answer = Client().get(path)
    assert (answer.status_code, answer.json()) == (404, {"message": "Resource not found"})


def test_another_method_is_refused_in_the_surfaces_words(db: None) -> None:
    answer = Client().get(LOGIN)
    assert (answer.status_code, answer.json()) == (405, {"message": "Method not allowed"})


def test_a_fault_of_ours_is_said_without_its_reason(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: Any) -> None:
        raise RuntimeError("inner secret")

    headers = factories.make_member()
    monkeypatch.setattr("partners.tokens.revoke", fail)
    answer = Client(raise_request_exception=False).post(LOGOUT, headers=headers)
    assert (answer.status_code, answer.json()) == (500, {"message": "Internal server error"})


# --- What is told to nobody -------------------------------------------------------------------------------
def test_neither_passwords_nor_tokens_nor_unknown_names_are_logged(
    ada: User, caplog: pytest.LogCaptureFixture
) -> None:
    token = sign_in(credentials()).json()["token"]
    sign_in(credentials(username="my-Secret-Phrase", password="wrong-Phrase"))
    Client().get(ME, headers={"Authorization": f"Bearer {token}"})

    lines: list[Any] = [record.msg for record in caplog.records]
    text = str(lines)
    told = {line["event"]: line.get("user") for line in lines if line["event"].startswith("sign")}
    assert told == {"signed_in": ada.pk, "sign_in_refused": None}
    for secret in (PASSWORD, "wrong-Phrase", "my-Secret-Phrase", token.partition("|")[2]):
        assert secret not in text


def test_an_unknown_user_costs_as_much_as_a_wrong_password(ada: User, settings: Any) -> None:
    """What takes the time is the hash: both are asked for one, of the same strength."""
    settings.PASSWORD_HASHERS = [f"{CountingHasher.__module__}.CountingHasher"]
    ada.set_password(PASSWORD)
    ada.save()

    def hashes(username: str) -> list[int]:
        CountingHasher.made.clear()
        assert sign_in({"username": username, "password": "wrong"}).status_code == 401
        return list(CountingHasher.made)

    assert hashes("ada") == hashes("nobody") == [CountingHasher.iterations]


class CountingHasher(PBKDF2PasswordHasher):
    """Notes the iterations of every hash it makes."""

    algorithm = "pbkdf2_counting"
    iterations = 10
    made: ClassVar[list[int]] = []

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        self.made.append(iterations or self.iterations)
        return super().encode(password, salt, iterations)

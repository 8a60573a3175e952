"""Bearer tokens: what is kept of them, when they open, and what a member may do."""

import re
from datetime import timedelta

import pytest
from django.core import serializers
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from partners import tokens
from partners.members import RIGHTS, Member, Reach
from partners.models import AccessToken, Right, Role, User
from partners.tokens import InvalidToken, IssuedToken
from tests.support import factories

pytestmark = pytest.mark.django_db
ME = "/api/auth/me"


@pytest.fixture
def ada() -> User:
    return factories.person(Role.SUPERVISOR, username="ada")


@pytest.fixture
def issued(ada: User) -> IssuedToken:
    return tokens.issue_to_person(user=ada)


def opens(issued: IssuedToken) -> bool:
    return Client().get(ME, headers=factories.bearer(issued)).status_code == 200


# --- Form and rest ----------------------------------------------------------------------------------------
def test_a_token_is_its_id_and_a_secret_that_a_scanner_knows(issued: IssuedToken) -> None:
    assert re.fullmatch(rf"{issued.token.pk}\|zpt_[0-9A-Za-z]{{46}}", issued.text)


def test_the_secret_is_not_in_the_row(issued: IssuedToken) -> None:
    row = serializers.serialize("json", [AccessToken.objects.get()])
    assert issued.secret.removeprefix("zpt_") not in row


def test_a_token_outlives_a_new_pepper_as_long_as_its_own_is_kept(
    issued: IssuedToken, settings: pytest.FixtureRequest
) -> None:
    settings.API_KEY_PEPPERS = ["2:newer", *settings.API_KEY_PEPPERS]
    assert opens(issued)
    settings.API_KEY_PEPPERS = ["2:newer"]
    assert not opens(issued)


@pytest.mark.parametrize(
    "fields",
    [
        {"user": None, "sub_tenant": None, "role": ""},
        {"user": None, "role": "admin"},
        {"role": "admin"},
        {"sub_tenant": True},
        {"sub_tenant": True, "role": "admin"},
    ],
    ids=str,
)
def test_the_table_takes_a_persons_or_a_machines_token_and_no_mixture(
    issued: IssuedToken, fields: dict[str, object]
) -> None:
    given = {name: factories.account() if value is True else value for name, value in fields.items()}
    with pytest.raises(IntegrityError), transaction.atomic():
        AccessToken.objects.update(**given)


# --- When it opens ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text",
    [
        "",
        "|",
        "1",
        "1|",
        "|zpt_x",
        "x|y",
        "-1|zpt_0",
        "9" * 40 + "|zpt_0",
        "\uff11|zpt_0",
        "1|\udcff",
        "1|zpt_" + "0" * 46,
    ],
)
def test_what_is_no_token_is_invalid(issued: IssuedToken, text: str) -> None:
    with pytest.raises(InvalidToken):
        tokens.verify(text)


def test_the_right_token_gives_its_person_and_account_in_one_query(
    issued: IssuedToken, ada: User, django_assert_num_queries
) -> None:
    with django_assert_num_queries(1):
        member = Member.of_token(tokens.verify(issued.text))
        assert (member.user, member.sub_tenant, member.name) == (ada, ada.sub_tenant, "ada")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_known_in_any_case(issued: IssuedToken, scheme: str) -> None:
    assert Client().get(ME, headers={"Authorization": f"{scheme} {issued.text}"}).status_code == 200


def test_a_wrong_token_is_not_saved_by_a_session(ada: User) -> None:
    client = Client()
    client.force_login(ada)
    assert client.get(ME).status_code == 200
    assert client.get(ME, headers={"Authorization": "Bearer 1|zpt_wrong"}).status_code == 401


def test_another_role_takes_effect_at_once(issued: IssuedToken, ada: User) -> None:
    User.objects.filter(pk=ada.pk).update(role=Role.READ_ONLY)
    answer = Client().get(ME, headers=factories.bearer(issued))
    assert answer.json()["data"]["user"]["role"] == "read_only"


def test_another_account_takes_effect_at_once(issued: IssuedToken, ada: User) -> None:
    elsewhere = factories.account("elsewhere")
    User.objects.filter(pk=ada.pk).update(sub_tenant=elsewhere)
    answer = Client().get(ME, headers=factories.bearer(issued))
    assert answer.json()["data"]["user"]["team_id"] == elsewhere.pk


def test_who_leaves_the_account_is_refused_at_once(issued: IssuedToken, ada: User) -> None:
    User.objects.filter(pk=ada.pk).update(sub_tenant=None, role="")
    assert not opens(issued)


def test_a_new_password_ends_the_tokens_of_the_old_one(issued: IssuedToken, ada: User) -> None:
    ada.set_password("another-Long-1")
    ada.save()
    assert not opens(issued)
    assert opens(tokens.issue_to_person(user=ada))


def test_a_password_hashed_anew_ends_nothing(
    issued: IssuedToken, ada: User, settings: pytest.FixtureRequest
) -> None:
    before = ada.password
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.ScryptPasswordHasher",
        *settings.PASSWORD_HASHERS,
    ]
    assert ada.check_password(factories.PASSWORD)
    ada.refresh_from_db()
    assert ada.password != before
    assert opens(issued)


def test_a_person_left_without_a_password_is_refused(issued: IssuedToken, ada: User) -> None:
    ada.set_unusable_password()
    ada.save()
    assert not opens(issued)


def test_its_use_is_written_at_most_once_a_minute(issued: IssuedToken) -> None:
    def wrote() -> bool:
        with CaptureQueriesContext(connection) as queries:
            assert opens(issued)
        return any(
            "last_used_at" in query["sql"].partition("WHERE")[0] and query["sql"].startswith("UPDATE")
            for query in queries
        )

    assert wrote()
    assert not wrote()
    AccessToken.objects.update(last_used_at=timezone.now() - timedelta(seconds=61))
    assert wrote()


# --- Machines ---------------------------------------------------------------------------------------------
def test_a_machine_is_told_its_token_and_role(db: None) -> None:
    headers = factories.make_machine(Role.READ_ONLY)
    token = AccessToken.objects.get()
    assert Client().get(ME, headers=headers).json()["data"]["user"] == {
        "id": None,
        "username": f"machine ({token.pk})",
        "email": "",
        "role": "read_only",
        "team_id": token.sub_tenant_id,
    }


def test_a_machine_is_no_agent(db: None) -> None:
    with pytest.raises(ValueError, match="role"):
        factories.make_machine(Role.AGENT)


@pytest.mark.parametrize(
    ("allowed", "address", "status"),
    [
        ([], "203.0.113.9", 200),
        (["203.0.113.0/24"], "203.0.113.9", 200),
        (["192.0.2.1", "203.0.113.9"], "203.0.113.9", 200),
        (["203.0.113.0/24"], "203.0.114.9", 403),
        (["203.0.113.0/24"], "::ffff:203.0.113.9", 200),
        (["2001:db8::/32"], "2001:db8:1::1", 200),
        (["2001:db8::/32"], "203.0.113.9", 403),
        (["0.0.0.0/0"], "not an address", 403),
    ],
)
def test_a_machine_comes_from_the_addresses_it_is_allowed(
    allowed: list[str], address: str, status: int
) -> None:
    headers = factories.make_machine(allowed_addresses=allowed)
    assert Client(REMOTE_ADDR=address).get(ME, headers=headers).status_code == status


def test_a_refused_address_counts_as_no_use_of_the_token(db: None) -> None:
    headers = factories.make_machine(allowed_addresses=["192.0.2.1"])
    Client().get(ME, headers=headers)
    assert AccessToken.objects.get().last_used_at is None


# --- What a member may do ---------------------------------------------------------------------------------
MAY = {
    Role.ADMIN: dict.fromkeys(Right, Reach.ALL),
    Role.SUPERVISOR: {
        Right.RECORDINGS_READ: Reach.ALL,
        Right.RECORDINGS_DOWNLOAD: Reach.ALL,
        Right.CALLS_READ: Reach.ALL,
        Right.CALLS_WRITE: Reach.ALL,
        Right.EXPORTS: Reach.ALL,
        Right.DISPOSITIONS_WRITE: Reach.ALL,
        Right.ACCOUNT: Reach.NONE,
    },
    Role.AGENT: {
        Right.RECORDINGS_READ: Reach.OWN,
        Right.RECORDINGS_DOWNLOAD: Reach.OWN,
        Right.CALLS_READ: Reach.OWN,
        Right.CALLS_WRITE: Reach.OWN,
        Right.EXPORTS: Reach.NONE,
        Right.DISPOSITIONS_WRITE: Reach.NONE,
        Right.ACCOUNT: Reach.NONE,
    },
    Role.READ_ONLY: {
        Right.RECORDINGS_READ: Reach.ALL,
        Right.RECORDINGS_DOWNLOAD: Reach.NONE,
        Right.CALLS_READ: Reach.ALL,
        Right.CALLS_WRITE: Reach.NONE,
        Right.EXPORTS: Reach.NONE,
        Right.DISPOSITIONS_WRITE: Reach.NONE,
        Right.ACCOUNT: Reach.NONE,
    },
}


@pytest.mark.parametrize("role", Role)
def test_a_person_may_do_what_the_role_may(role: Role) -> None:
    member = Member.of_user(factories.person(role))
    assert {right: member.reach(right) for right in Right} == MAY[role]
    assert set(RIGHTS) == set(Role)


@pytest.mark.parametrize("scope", Right)
@pytest.mark.parametrize("role", tokens.MACHINE_ROLES)
def test_a_machine_may_do_what_is_both_in_its_scopes_and_its_roles(role: Role, scope: Right) -> None:
    factories.make_machine(role, scopes=[scope])
    member = Member.of_token(AccessToken.objects.get())
    may = {right for right in Right if member.may(right)}
    assert may == ({scope} if MAY[role][scope] is Reach.ALL else set())

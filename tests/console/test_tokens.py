"""Access tokens in the console: a machine's is made, its secret shown this once, and any is revoked."""

import re
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from partners import tokens
from partners.models import AccessToken, Role, User
from tests.console.conftest import World
from tests.support import factories

ADD = reverse("admin:partners_accesstoken_add")
LIST = reverse("admin:partners_accesstoken_changelist")
TEXT = re.compile(r"Bearer ([0-9]+\|zpt_[0-9A-Za-z]{46})")


def add(client: Client, world: World, **changed: Any) -> HttpResponse:
    fields = {
        "name": "nightly export",
        "sub_tenant": world.sub_tenant.pk,
        "role": "supervisor",
        "scopes": ["recordings:read", "exports"],
        **changed,
    }
    return client.post(ADD, fields)


def newest() -> AccessToken:
    return AccessToken.objects.latest("pk")


def page_of(token: AccessToken) -> str:
    return reverse("admin:partners_accesstoken_change", args=[token.pk])


def test_a_new_tokens_text_opens_and_is_shown_this_once(world: World, administrator: Client) -> None:
    answer = add(administrator, world, allowed_addresses="192.0.2.0/24\n127.0.0.1")

    (text,) = TEXT.findall(answer.content.decode())
    token = tokens.verify(text)
    assert "no-store" in answer["Cache-Control"]
    assert (token.name, token.role, token.sub_tenant) == ("nightly export", "supervisor", world.sub_tenant)
    assert token.scopes == ["recordings:read", "exports"]
    assert token.allowed_addresses == ["192.0.2.0/24", "127.0.0.1/32"]
    assert token.created_by == User.objects.get(username="administrator")
    shown = administrator.get(page_of(token)).content.decode()
    for secret in (text.partition("|")[2], token.digest):
        assert secret not in shown
        assert secret not in administrator.get(LIST).content.decode()


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"sub_tenant": ""}, "sub_tenant"),
        ({"name": ""}, "name"),
        ({"role": "agent"}, "role"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"allowed_addresses": "192.0.2.1/24"}, "allowed_addresses"),
        ({"allowed_addresses": "example.com"}, "allowed_addresses"),
        ({"expires_at_0": "2020-01-01", "expires_at_1": "00:00"}, "expires_at"),
    ],
    ids=str,
)
def test_a_token_that_makes_no_sense_is_refused(
    world: World, administrator: Client, changed: dict[str, Any], field: str
) -> None:
    answer = add(administrator, world, **changed)

    assert list(answer.context["adminform"].form.errors) == [field]
    assert AccessToken.objects.count() == 1


def test_a_revoked_token_is_refused_from_then_on(world: World, administrator: Client) -> None:
    issued = tokens.issue_to_person(user=factories.person(Role.AGENT))

    administrator.post(reverse("admin:partners_accesstoken_revoke", args=[issued.token.pk]))

    with pytest.raises(tokens.InvalidToken):
        tokens.verify(issued.text)
    assert "revoked" in administrator.get(LIST).content.decode()


def test_nothing_of_a_token_is_edited(world: World, administrator: Client) -> None:
    answer = administrator.post(page_of(newest()), {"name": "other", "scopes": ["exports"]})

    assert answer.status_code == 403
    assert newest().name == "crm"


@pytest.mark.parametrize("term", ["crm", "{token}"])
def test_a_token_is_found_by_its_name_or_number(world: World, administrator: Client, term: str) -> None:
    token = newest()
    tokens.issue_to_person(user=factories.person(), name="phone")

    rows = administrator.get(LIST, {"q": term.format(token=token.pk)}).context["cl"].result_list

    assert list(rows) == [token]


def test_the_list_counts_nothing_and_grows_by_no_query(world: World, administrator: Client) -> None:
    def queries() -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            assert administrator.get(LIST).status_code == 200
        return [query["sql"] for query in captured]

    administrator.get(LIST)
    before = queries()
    for _ in range(5):
        tokens.issue_to_person(user=factories.person())
    after = queries()
    assert len(after) == len(before)
    assert not [sql for sql in after if "COUNT(" in sql and "accesstoken" in sql]

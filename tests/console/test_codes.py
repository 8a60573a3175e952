"""Disposition codes in the console: written by their verbs, and never taken from calls that have them."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from calls.models import DispositionCode
from tests.console.conftest import World
from tests.support import factories

LIST = "admin:calls_dispositioncode_changelist"


def code(name: str) -> DispositionCode:
    return DispositionCode.objects.get(code=name)


def page(name: str, what: str = "change") -> str:
    return reverse(f"admin:calls_dispositioncode_{what}", args=[code(name).pk])


def add(client: Client, world: World, **changed: str) -> str:
    given = {"sub_tenant": str(world.sub_tenant.pk), "code": "NEW", "label": "New", "category": "dnc"}
    answer = client.post(reverse("admin:calls_dispositioncode_add"), {**given, **changed}, follow=True)
    return answer.content.decode()


def test_a_code_is_added_as_it_was_written(world: World, administrator: Client) -> None:
    add(administrator, world, is_active="on")

    made = code("NEW")
    assert (made.sub_tenant, made.label, made.category) == (world.sub_tenant, "New", "dnc")
    assert made.is_active


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"code": "UNUSED"}, "The sub-tenant has this code already."),
        ({"code": "new"}, "Use up to 32 of A-Z, 0-9, _ and -."),
        ({"code": "N" * 33}, "Use up to 32 of A-Z, 0-9, _ and -."),
        ({"category": ""}, "This field is required."),
    ],
    ids=str,
)
def test_what_is_no_new_code_is_refused_on_the_form(
    changed: dict[str, str], said: str, world: World, administrator: Client
) -> None:
    before = DispositionCode.objects.count()

    assert said in add(administrator, world, **changed)
    assert DispositionCode.objects.count() == before


def test_a_code_that_somebody_makes_meanwhile_is_refused_on_the_form(
    world: World, administrator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The form looks before the row is there; the table decides.
    look, first = DispositionCode.validate_constraints, iter([lambda row, exclude: None])
    monkeypatch.setattr(
        DispositionCode, "validate_constraints", lambda row, exclude: next(first, look)(row, exclude)
    )

    assert "The sub-tenant has this code already." in add(administrator, world, code="UNUSED")
    assert code("UNUSED").label == "Unused"


def test_label_category_and_active_change_and_the_code_stays(world: World, administrator: Client) -> None:
    administrator.post(page("UNUSED"), {"code": "OTHER", "label": "Later", "category": "callback"})

    changed = code("UNUSED")
    assert (changed.label, changed.category, changed.is_active) == ("Later", "callback", False)


def test_an_unused_code_is_removed(world: World, administrator: Client) -> None:
    administrator.post(page("UNUSED", "delete"), {"post": "yes"})

    assert not DispositionCode.objects.filter(code="UNUSED").exists()


def test_a_code_in_use_is_not_removed_and_the_page_says_so(world: World, administrator: Client) -> None:
    answer = administrator.post(page("interested", "delete"), {"post": "yes"}, follow=True)

    assert "The code is in use: deactivate it instead." in answer.content.decode()
    assert code("interested")


def test_the_list_offers_no_removing_of_many_at_once(world: World, administrator: Client) -> None:
    assert "delete_selected" not in administrator.get(reverse(LIST)).content.decode()


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"q": "UNUSED"}, {"UNUSED"}),
        ({"q": "UNUSE"}, set()),
        ({"category__exact": "failed"}, {"UNUSED"}),
        ({"is_active__exact": "0"}, {"ELSEWHERE"}),
        ({"account": "elsewhere"}, {"ELSEWHERE"}),
    ],
    ids=str,
)
def test_codes_are_found_by_code_account_category_and_active(
    asked: dict[str, str], found: set[str], world: World, support: Client
) -> None:
    elsewhere = factories.account("elsewhere")
    DispositionCode.objects.create(sub_tenant=elsewhere, code="ELSEWHERE", is_active=False)
    if "account" in asked:
        asked = {"account": str(elsewhere.pk)}

    shown = support.get(reverse(LIST), asked).context["cl"].result_list

    assert {one.code for one in shown} == found


def test_the_list_counts_nothing_and_asks_as_often_for_many_as_for_few(world: World, support: Client) -> None:
    few = queries(support)
    DispositionCode.objects.bulk_create(
        DispositionCode(sub_tenant=world.sub_tenant, code=f"CODE-{number}") for number in range(60)
    )

    assert len(queries(support)) == len(few)
    assert not [sql for sql in few if "COUNT(" in sql]


def queries(client: Client) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        client.get(reverse(LIST))
    return [query["sql"] for query in captured]

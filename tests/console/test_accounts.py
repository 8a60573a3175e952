"""Choosing an account in lists of the console, be they few or many."""

import pytest
from django.test import Client

from calls.admin import filters
from calls.models import Category
from calls.services import codes
from partners.models import SubTenant, Tenant
from tests.console.conftest import World
from tests.support import factories

pytestmark = pytest.mark.django_db

CODES = "/admin/calls/dispositioncode/"


def test_few_accounts_are_all_offered(world: World, support: Client) -> None:
    factories.account("elsewhere")
    page = support.get(CODES).content.decode()

    assert all(f"?account={pk}" in page for pk in SubTenant.objects.values_list("pk", flat=True))
    assert "account_named" not in page


def test_of_many_one_is_asked_for_by_the_beginning_of_its_name(
    world: World, support: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filters, "MOST_OFFERED", 1)
    elsewhere = factories.account("elsewhere")
    SubTenant.objects.filter(pk=elsewhere.pk).update(name="Else & Where")

    everything = support.get(CODES).content.decode()
    assert "account_named" in everything
    assert f"?account={elsewhere.pk}" not in everything

    found = support.get(CODES, {"account_named": "else", "is_active__exact": "1"})
    page = found.content.decode()
    assert f"account={elsewhere.pk}" in page
    assert f"account={world.sub_tenant.pk}" not in page
    assert 'type="hidden" name="is_active__exact" value="1"' in page
    assert all(code.sub_tenant == elsewhere for code in found.context["cl"].result_list)

    chosen = support.get(CODES, {"account": world.sub_tenant.pk})
    assert all(code.sub_tenant == world.sub_tenant for code in chosen.context["cl"].result_list)


@pytest.fixture
def many(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """More accounts than are offered, two units named alike; each has a code named by tenant and unit."""
    monkeypatch.setattr(filters, "MOST_OFFERED", 1)
    for tenant, unit in (("globex", "main"), ("globex", "west"), ("initech", "main")):
        account = factories.account(unit, f"{tenant}-id")
        Tenant.objects.filter(pk=account.tenant_id).update(name=tenant.title())
        codes.create(sub_tenant=account, code=f"{tenant} {unit}", label="", category=Category.SUCCESS)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("globex", {"globex main", "globex west"}),
        ("initech-", {"initech main"}),
        ("main", {"globex main", "initech main"}),
        ("Globex / main", {"globex main"}),
        (" globex / W", {"globex west"}),
        ("lobex", set()),
        ("%", set()),
    ],
)
def test_an_account_is_found_by_its_own_name_its_tenants_and_both(
    text: str, found: set[str], many: None, support: Client
) -> None:
    answer = support.get(CODES, {"account_named": text})

    assert {code.code for code in answer.context["cl"].result_list} == found
    page = answer.content.decode()
    assert page.count("?account=") == min(len(found), 1)
    assert ("Only the first 1 are shown" in page) == (len(found) > 1)


@pytest.mark.parametrize(
    "odd",
    [
        {"account": "²"},
        {"account": "x"},
        {"account": "9" * 30},
        {"account_named": ""},
        {"account_named": "\0"},
    ],
)
def test_an_account_that_is_none_is_no_fault(odd: dict[str, str], world: World, support: Client) -> None:
    assert support.get(CODES, odd).status_code == 200


def test_calls_of_an_hour_come_newest_first(world: World, support: Client) -> None:
    shown = support.get("/admin/calls/call/", {"received": "hour"}).context["cl"].result_list

    assert [call.pk for call in shown] == sorted((call.pk for call in shown), reverse=True)
    assert len(shown) > 1

"""Choosing an account in lists of the console, be they few or many."""

import pytest
from django.test import Client

from calls.admin import filters
from partners.models import SubTenant
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


@pytest.mark.parametrize(
    "odd", [{"account": "²"}, {"account": "x"}, {"account": "9" * 30}, {"account_named": ""}]
)
def test_an_account_that_is_none_is_no_fault(odd: dict[str, str], world: World, support: Client) -> None:
    assert support.get(CODES, odd).status_code == 200


def test_calls_of_an_hour_come_newest_first(world: World, support: Client) -> None:
    shown = support.get("/admin/calls/call/", {"received": "hour"}).context["cl"].result_list

    assert [call.pk for call in shown] == sorted((call.pk for call in shown), reverse=True)
    assert len(shown) > 1

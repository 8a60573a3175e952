"""Campaigns in the console: made and renamed there, and fixed in what calls rely on."""

from django.test import Client
from django.urls import reverse

from calls.models import Call, Campaign
from tests.console.conftest import World
from tests.support import factories

ADD = "admin:calls_campaign_add"
LIST = "admin:calls_campaign_changelist"


def spring() -> Campaign:
    return Campaign.objects.get(name="Spring")


def add(client: Client, **given: object) -> str:
    given = {"name": "Autumn", "type": "Standard", **given}
    return client.post(reverse(ADD), given).content.decode()


def change(client: Client, **given: object) -> str:
    url = reverse("admin:calls_campaign_change", args=[spring().pk])
    return client.post(url, {"type": "Standard", **given}, follow=True).content.decode()


def test_a_campaign_made_here_is_one_that_calls_are_made_for(world: World, administrator: Client) -> None:
    add(administrator, sub_tenant=world.sub_tenant.pk)
    made = Campaign.objects.get(name="Autumn")

    answer = Client().post(
        "/api/telesales/calls",
        {"campaign_id": made.pk, "phone": "+4930123456"},
        content_type="application/json",
        headers=factories.make_machine(sub_tenant=world.sub_tenant),
    )

    assert answer.status_code == 201
    assert Call.objects.get(uuid=answer.json()["data"]["uuid"]).campaign == made


def test_the_list_shows_the_id_that_the_surface_takes(world: World, support: Client) -> None:
    text = support.get(reverse(LIST)).content.decode()

    assert "Campaign id" in text
    assert f">{spring().pk}<" in text


def test_another_campaign_of_the_account_keeps_its_networks_id(world: World, administrator: Client) -> None:
    text = add(administrator, sub_tenant=world.sub_tenant.pk, external_id="net-1")

    assert "Another campaign of the sub-tenant has this id." in text
    assert not Campaign.objects.filter(name="Autumn").exists()


def test_two_accounts_may_have_the_same_networks_id(world: World, administrator: Client) -> None:
    add(administrator, sub_tenant=factories.account("elsewhere").pk, external_id="net-1")

    assert Campaign.objects.filter(external_id="net-1").count() == 2


def test_an_unused_campaign_changes_in_all(world: World, administrator: Client) -> None:
    elsewhere = factories.account("elsewhere")
    pk = spring().pk
    change(administrator, name="Summer", sub_tenant=elsewhere.pk, external_id="net-2")

    changed = Campaign.objects.get(pk=pk)
    assert (changed.name, changed.sub_tenant, changed.external_id) == ("Summer", elsewhere, "net-2")


def test_a_campaign_that_calls_use_is_only_renamed(world: World, administrator: Client) -> None:
    pk = spring().pk
    Call.objects.filter(pk=world.stored.pk).update(campaign=pk)
    change(administrator, name="Summer", sub_tenant=factories.account("elsewhere").pk, external_id="net-2")

    changed = Campaign.objects.get(pk=pk)
    assert (changed.name, changed.sub_tenant, changed.external_id) == ("Summer", world.sub_tenant, "net-1")


def test_what_a_network_needs_of_it_is_set_here(world: World, administrator: Client) -> None:
    assert not spring().is_transcribed
    change(
        administrator,
        name="Spring",
        sub_tenant=world.sub_tenant.pk,
        type="ExternalOnly",
        signal_ai="on",
        external_id="86",
    )

    changed = spring()
    assert (changed.type, changed.is_transcribed, changed.external_id) == ("ExternalOnly", True, "86")

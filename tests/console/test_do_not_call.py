"""The do-not-call list in the console: asked, added to and taken off, and written down by whom."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from calls.models import DoNotCall
from calls.services import do_not_call
from tests.console.conftest import World, staff
from tests.pages.exports import words
from tests.support import factories

ASK, LIST = reverse("admin:calls_donotcall_add"), reverse("admin:calls_donotcall_changelist")
LISTED, FREE = "+12125550199", "+12125550100"


def ask(client: Client, world: World, phone: str, **pressed: str) -> str:
    return words(client.post(ASK, {"sub_tenant": world.sub_tenant.pk, "phone": phone, **pressed}))


def test_it_says_whether_a_number_is_on_the_list(world: World, support: Client) -> None:
    assert "On the list since" in ask(support, world, "+1 (212) 555-0199")
    assert "Not on the list" in ask(support, world, FREE)
    elsewhere = {"sub_tenant": factories.account("elsewhere").pk, "phone": LISTED}
    assert "Not on the list" in words(support.post(ASK, elsewhere))
    assert "Begin with + and the country" in ask(support, world, "0212")
    assert not LogEntry.objects.exists()


def test_a_number_is_added_and_taken_off_and_it_is_known_by_whom(world: World, support: Client) -> None:
    assert f"{FREE} is not called for" in ask(support, world, FREE, add="1")
    assert do_not_call.marks_of(world.sub_tenant.pk, FREE).exists()
    assert "It was on the list already." in ask(support, world, FREE, add="1")
    said = ask(support, world, FREE, remove="1")
    assert f"{FREE} may be called for" in said
    assert "Not on the list" in said
    assert said.index("Taken off by hand support") < said.index("Added by hand support")
    assert "It was not on the list." in ask(support, world, FREE, remove="1")
    assert "by hand support" not in ask(support, world, LISTED)


def test_nothing_that_is_stored_tells_the_number(world: World, support: Client) -> None:
    ask(support, world, FREE, add="1")
    ask(support, world, FREE, remove="1")
    stored = f"{list(LogEntry.objects.values())}{list(DoNotCall.objects.values())}"
    assert LogEntry.objects.count() == 2
    assert FREE[1:] not in stored


def test_a_search_for_a_number_finds_its_rows(world: World, support: Client) -> None:
    do_not_call.add(sub_tenant_id=world.sub_tenant.pk, phone=FREE)
    found = support.get(LIST, {"q": "+1 212 555 0100"}).context["cl"].result_list
    assert list(found) == list(do_not_call.marks_of(world.sub_tenant.pk, FREE))
    assert not support.get(LIST, {"q": "+1"}).context["cl"].result_list
    assert len(support.get(LIST, {"account": world.sub_tenant.pk}).context["cl"].result_list) == 2


def test_a_number_marked_under_an_older_pepper_is_found_and_taken_off(
    world: World, support: Client, settings: Any
) -> None:
    settings.API_KEY_PEPPERS = ["2:another-pepper", *settings.API_KEY_PEPPERS]
    assert "On the list since" in ask(support, world, LISTED)
    assert "It was on the list already." in ask(support, world, LISTED, add="1")
    ask(support, world, LISTED, remove="1")
    assert not DoNotCall.objects.exists()


@pytest.mark.parametrize("pressed", ["", "add", "remove"])
def test_who_may_only_see_the_list_is_refused(world: World, pressed: str) -> None:
    given = {"sub_tenant": world.sub_tenant.pk, "phone": LISTED, pressed: "1"}
    assert staff("viewer", "viewers").post(ASK, given).status_code == 403

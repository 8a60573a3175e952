"""Erasing a customer in the console, and the access audit, which nobody edits there."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from calls.models import AccessKind, AccessRecord, Erasure
from calls.services import audit
from partners.models import SubTenant
from tests.console.conftest import World, staff
from zipingest.storage import default_storage

ERASE = reverse("admin:calls_erasure_add")
AUDIT = reverse("admin:calls_accessrecord_changelist")


def text_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


# --- Erasing a customer -----------------------------------------------------------------------------------
def whom(world: World, **changes: str) -> dict[str, Any]:
    return {"sub_tenant": world.sub_tenant.pk, "kind": "id", "value": "customer-1", **changes}


def test_it_shows_what_it_means_before_it_asks_for_the_word(world: World, administrator: Client) -> None:
    answer = administrator.post(ERASE, whom(world))
    assert (len(answer.context["found"].calls), "Grace" in text_of(answer)) == (1, True)
    assert 'name="confirmation"' in answer.content.decode()
    assert Erasure.objects.count() == 1


@pytest.mark.parametrize(("typed", "previewed"), [("erase", "1"), ("", "1"), ("ERASE", "7"), ("ERASE", "")])
def test_nothing_happens_without_the_word_or_for_other_calls_than_were_shown(
    typed: str, previewed: str, world: World, administrator: Client
) -> None:
    administrator.post(ERASE, whom(world, confirmation=typed, previewed=previewed))
    assert Erasure.objects.count() == 1


def test_the_confirmed_erasure_ends_on_its_proof(world: World, administrator: Client) -> None:
    sent = whom(world, confirmation="ERASE", previewed="1")
    answer = administrator.post(ERASE, sent, follow=True)
    proof = Erasure.objects.first()
    assert answer.redirect_chain[-1][0] == reverse("admin:calls_erasure_change", args=[proof.pk])
    assert (proof.asked_by, proof.finished_at is None) == ("administrator", False)
    assert "Grace" not in text_of(answer)
    assert not list(default_storage().list(f"recordings/{world.stored.uuid}/"))


@pytest.mark.parametrize(
    ("value", "says"),
    [("nobody", "Nobody in this sub-tenant"), ("customer-0", "A legal hold is on call-0")],
    ids=["unknown", "held"],
)
def test_it_says_why_it_does_not(value: str, says: str, world: World, administrator: Client) -> None:
    answer = administrator.post(ERASE, whom(world, value=value, confirmation="ERASE", previewed="1"))
    assert says in text_of(answer)
    assert Erasure.objects.count() == 1


@pytest.mark.parametrize("term", ["+4930999", "+49 30-999"])
def test_a_proof_is_found_by_the_identifier_itself(term: str, world: World, support: Client) -> None:
    url = reverse("admin:calls_erasure_changelist")
    assert len(support.get(url, {"q": term}).context["cl"].result_list) == 1
    assert len(support.get(url, {"q": "+4930998"}).context["cl"].result_list) == 0


# --- The access audit -------------------------------------------------------------------------------------
def test_not_even_a_superuser_writes_to_the_audit(world: World) -> None:
    root, row = staff("root"), AccessRecord.objects.get()
    before = list(AccessRecord.objects.values())
    for name, arguments in (("add", []), ("change", [row.pk]), ("delete", [row.pk])):
        url = reverse(f"admin:calls_accessrecord_{name}", args=arguments)
        assert root.post(url, {"post": "yes", "actor": "nobody"}).status_code == 403
    root.post(AUDIT, {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"})
    assert list(AccessRecord.objects.values()) == before


def test_the_audit_is_filtered_by_account_and_by_day(world: World, administrator: Client) -> None:
    elsewhere = SubTenant.objects.create(tenant=world.sub_tenant.tenant, external_id="e", name="e")
    audit.note_access(actor=audit.Actor("bob", "192.0.2.2"), call=world.stored, kind=AccessKind.DOWNLOAD)
    AccessRecord.objects.filter(actor="bob").update(
        sub_tenant=elsewhere, at=timezone.now() - timedelta(days=40)
    )
    day = (timezone.now() - timedelta(days=40)).date().isoformat()

    def shown(**query: Any) -> list[str]:
        return [row.actor for row in administrator.get(AUDIT, query).context["cl"].result_list]

    assert shown() == ["bob", "person"]
    assert shown(account=elsewhere.pk) == ["bob"]
    assert shown(day=day) == ["bob"]
    assert shown(day=timezone.now().date().isoformat()) == ["person"]
    assert shown(day="no day") == ["bob", "person"]

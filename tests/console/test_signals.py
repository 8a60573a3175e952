"""Names of signals and fields in the console, the signals themselves, and what waits for its call."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from calls.models import CustomField, PendingTransaction, Signal, SignalName
from tests.console.conftest import World
from tests.support import factories

KINDS = {"signalname": (SignalName, "Sale", "Unused"), "customfield": (CustomField, "sale", "unused")}


def url(name: str, *args: object) -> str:
    return reverse(f"admin:calls_{name}", args=args)


def add(client: Client, kind: str, **given: object) -> str:
    return client.post(url(f"{kind}_add"), given).content.decode()


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_is_an_accounts_own(kind: str, world: World, administrator: Client) -> None:
    model, used, _ = KINDS[kind]
    again = add(administrator, kind, sub_tenant=world.sub_tenant.pk, name=used)
    add(administrator, kind, sub_tenant=factories.account("elsewhere").pk, name=used)

    assert "of this name already." in again
    assert model.objects.filter(name=used).count() == 2


def test_signals_are_one_in_any_letters_and_fields_are_not(world: World, administrator: Client) -> None:
    shouted = {"sub_tenant": world.sub_tenant.pk, "name": "SALE"}

    assert "The sub-tenant has a signal of this name already." in add(administrator, "signalname", **shouted)
    add(administrator, "customfield", **shouted)
    assert CustomField.objects.filter(name="SALE").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_what_no_call_has_is_changed_and_deleted(kind: str, world: World, administrator: Client) -> None:
    model, _, unused = KINDS[kind]
    row, elsewhere = model.objects.get(name=unused), factories.account("elsewhere")
    administrator.post(url(f"{kind}_change", row.pk), {"sub_tenant": elsewhere.pk, "name": "Other"})
    row.refresh_from_db()
    assert (row.name, row.sub_tenant) == ("Other", elsewhere)

    asked = administrator.get(url(f"{kind}_delete", row.pk)).content.decode()
    administrator.post(url(f"{kind}_delete", row.pk), {"post": "yes"})
    assert "Other" in asked
    assert not model.objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize("kind", KINDS)
def test_what_calls_have_is_neither_moved_nor_deleted(kind: str, world: World, administrator: Client) -> None:
    model, used, _ = KINDS[kind]
    row = model.objects.get(name=used)
    given = {"sub_tenant": factories.account("elsewhere").pk, "name": "Other", "label": "Sold"}
    administrator.post(url(f"{kind}_change", row.pk), given)
    row.refresh_from_db()
    assert (row.name, row.sub_tenant) == (used, world.sub_tenant)

    for ask in (administrator.get, administrator.post):
        answer = ask(url(f"{kind}_delete", row.pk), {"post": "yes"}, follow=True)
        assert "Calls have it, so that it can be neither deleted nor moved" in answer.content.decode()
    assert model.objects.filter(pk=row.pk).exists()


def test_a_name_that_a_call_takes_meanwhile_is_not_deleted(
    world: World, administrator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("calls.admin.parts.is_used", lambda row: False)
    row = SignalName.objects.get(name="Sale")
    answer = administrator.post(url("signalname_delete", row.pk), {"post": "yes"}, follow=True)

    assert "Calls have it" in answer.content.decode()
    assert Signal.objects.filter(name=row).exists()


def test_a_field_that_calls_have_is_still_relabelled(world: World, administrator: Client) -> None:
    row = CustomField.objects.get(name="sale")
    administrator.post(url("customfield_change", row.pk), {"label": "Kind of sale"})

    row.refresh_from_db()
    assert str(row) == "Kind of sale"


# --- What is only read ------------------------------------------------------------------------------------
def test_a_signal_is_found_by_its_transaction_and_by_its_call(world: World, support: Client) -> None:
    signal = Signal.objects.get()
    for term in (str(signal.transaction_id), str(world.stored), world.stored.uuid.hex):
        assert list(support.get(url("signal_changelist"), {"q": term}).context["cl"].result_list) == [signal]
    assert list(support.get(url("signal_changelist"), {"q": "Sale"}).context["cl"].result_list) == []
    assert str(signal.transaction_id) in support.get(url("signal_change", signal.pk)).content.decode()


def test_what_waits_for_its_call_is_listed_apart_from_what_was_applied(world: World, support: Client) -> None:
    waiting, now = PendingTransaction.objects.get(), timezone.now()
    applied = PendingTransaction.objects.create(
        sub_tenant=world.sub_tenant,
        call_started_at=now,
        received_at=now,
        applied_at=now,
        call=world.stored,
        custom_data=[{"name": "plan", "value": "<b>gold</b>"}],
    )

    def listed(**query: str) -> list[PendingTransaction]:
        return list(support.get(url("pendingtransaction_changelist"), query).context["cl"].result_list)

    assert listed() == [applied, waiting]
    assert listed(waiting="yes") == [waiting]
    assert listed(q=str(world.stored)) == [applied]
    text = support.get(url("pendingtransaction_change", applied.pk)).content.decode()
    assert "applied to call-1" in text
    assert "&lt;b&gt;gold" in text


@pytest.mark.parametrize("name", ["signal", "pendingtransaction"])
def test_a_list_of_millions_is_neither_counted_nor_asked_row_by_row(
    name: str, world: World, support: Client
) -> None:
    with CaptureQueriesContext(connection) as one:
        support.get(url(f"{name}_changelist"))
    row = (Signal if name == "signal" else PendingTransaction).objects.get()
    for number in range(3):
        row.pk = None
        if name == "signal":
            row.transaction_id, row.partner_unique_id = f"00000000-0000-4000-8000-{number:012}", str(number)
        row.save(force_insert=True)

    with CaptureQueriesContext(connection) as four:
        support.get(url(f"{name}_changelist"))

    assert len(four) == len(one)
    assert not [query["sql"] for query in four if "COUNT(" in query["sql"].upper()]

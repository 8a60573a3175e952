"""What is reported of a call that is not here yet is kept, and applied as the call comes."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from calls import tasks
from calls.finding import Wanted
from calls.models import Call, CustomValue, IdentifierKind, PendingTransaction, Recording, Signal, SignalName
from calls.services import erasure, ingest, pending, signals
from calls.services.erasure import Identity
from calls.services.signals import NamedSignal, NamedValue, NoCallFound, Report, UnknownName
from tests.calls.networking import AGENTS_PHONE, PHONE, STARTED_AT, take_in
from tests.support.network import Networked, networked, with_names
from tests.support.stored import everything_stored
from zipingest import work

pytestmark = pytest.mark.django_db

URL = "https://recordings.example.com/1.wav"


@pytest.fixture
def network() -> Networked:
    return with_names(networked(), "Sale", "Quote", fields=("channel",))


def say(network: Networked, *said: NamedSignal, channel: str = "mail", **wanted: Any) -> None:
    pending.report(
        sub_tenant=network.sub_tenant,
        wanted=Wanted(**{"started_at": STARTED_AT, **wanted}),
        said=Report(said, (NamedValue("channel", channel),)),
        request_id="req-1",
    )


def arrives(network: Networked, seconds: float = 0, **fields: Any) -> Call:
    return take_in(network, URL, **{"started_at": STARTED_AT + timedelta(seconds=seconds), **fields})[0]


def came_of_it() -> list[tuple[int | None, bool]]:
    """Of everything that was kept, the call it was applied to and whether it is done with."""
    kept = PendingTransaction.objects.order_by("pk").values_list("call_id", "applied_at")
    return [(call, applied_at is not None) for call, applied_at in kept]


def versions(call: Call) -> list[tuple[Any, ...]]:
    found = Signal.objects.filter(call=call).order_by("pk")
    return list(found.values_list("name__name", "revenue", "value", "corrects__revenue", "is_current"))


def test_it_is_applied_in_its_order_as_the_call_arrives(network: Networked) -> None:
    say(network, NamedSignal("sale", revenue=Decimal("12.50")), phone=PHONE, campaign="", duration=61.5)
    say(network, NamedSignal("sale", revenue=Decimal("20.00")), channel="web")
    say(network, NamedSignal("quote", False, "q", STARTED_AT), NamedSignal("Sale", revenue=Decimal("20")))
    assert came_of_it() == [(None, False)] * 3
    received_at = PendingTransaction.objects.earliest("pk").received_at
    call = arrives(network, 599)
    assert came_of_it() == [(call.pk, True)] * 3
    assert versions(call) == [
        ("Sale", Decimal("12.50"), True, None, False),
        ("Sale", Decimal("20.00"), True, Decimal("12.50"), True),
        ("Quote", None, False, None, True),
    ]
    sale, quote = Signal.objects.filter(is_current=True).order_by("pk")
    assert sale.occurred_at == received_at, "without a time of its own it occurred as it was reported"
    assert (quote.partner_unique_id, quote.occurred_at) == ("q", STARTED_AT)
    assert CustomValue.objects.get().value == "mail"
    arrives(network)
    assert Signal.objects.filter(call=call).count() == Signal.objects.count() == 3


def test_only_the_call_that_is_meant_has_it(network: Networked) -> None:
    say(network, NamedSignal("Sale"), phone="+15550100", campaign="86")
    arrives(network)
    arrives(network, 601, customer_phone="+15550100", campaign_id=network.campaign.pk)
    arrives(network, customer_phone="+15550100")
    arrives(networked("network2"), customer_phone="+15550100")
    assert came_of_it() == [(None, False)]
    call = arrives(network, -600, customer_phone="+15550100", campaign_id=network.campaign.pk)
    assert came_of_it() == [(call.pk, True)]


def test_of_a_call_that_is_here_it_is_noted_at_once(network: Networked) -> None:
    call = arrives(network)
    say(network, NamedSignal("Sale"))
    say(network, NamedSignal("Quote"), cuid=call.uuid.hex, started_at=None)
    assert [name for name, *_ in versions(call)] == ["Sale", "Quote"]
    assert not PendingTransaction.objects.exists()


def test_an_id_or_a_name_that_nobody_knows_is_not_waited_for(network: Networked) -> None:
    with pytest.raises(NoCallFound):
        say(network, NamedSignal("Sale"), cuid="f" * 32)
    with pytest.raises(UnknownName):
        say(network, NamedSignal("Elsewhere"))
    assert not PendingTransaction.objects.exists()


def test_it_comes_and_goes_with_the_transaction_of_the_call(
    network: Networked, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(network, NamedSignal("Sale"))
    before = everything_stored(Call, Signal, CustomValue, PendingTransaction)

    def broken(*_: object) -> None:
        raise RuntimeError("after what waited was applied")

    with monkeypatch.context() as patch:
        patch.setattr(ingest, "_note_batch", broken)
        with pytest.raises(RuntimeError):
            arrives(network)
    assert everything_stored(Call, Signal, CustomValue, PendingTransaction) == before
    assert len(versions(arrives(network))) == 1


def test_a_call_for_which_nothing_waits_costs_one_statement_and_the_rest_of_many_is_left_to_the_tidying(
    network: Networked, monkeypatch: pytest.MonkeyPatch
) -> None:
    with CaptureQueriesContext(connection) as captured:
        arrives(network)
    asked = [query["sql"] for query in captured if "pendingtransaction" in query["sql"]]
    assert len(asked) == 1
    with connection.cursor() as cursor:
        prefix = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
        cursor.execute("SET LOCAL enable_seqscan = off" if connection.vendor == "postgresql" else "SELECT 1")
        cursor.execute(f"{prefix} {asked[0]}")
        assert "transaction_pending" in str(cursor.fetchall())
    monkeypatch.setattr(pending, "_AT_ONCE", 2)
    for number in range(3):
        say(
            network,
            NamedSignal("Sale", partner_unique_id=str(number)),
            started_at=STARTED_AT.replace(year=2025),
        )
    call = arrives(network, started_at=STARTED_AT.replace(year=2025))
    assert came_of_it() == [(call.pk, True)] * 2 + [(None, False)]
    tasks.tidy()
    assert came_of_it() == [(call.pk, True)] * 3


def test_what_the_call_cannot_take_is_given_up_and_does_not_keep_it_from_coming(network: Networked) -> None:
    many = [NamedSignal("Sale", partner_unique_id=str(number)) for number in range(signals.MAX_SIGNALS)]
    say(network, *many)
    say(network, NamedSignal("Sale"), channel="web")
    say(network, NamedSignal("Quote", False, "1"))
    SignalName.objects.filter(name="Quote").delete()
    call = arrives(network)
    assert came_of_it() == [(call.pk, True), (None, True), (None, True)]
    assert CustomValue.objects.get().value == "mail", "all of it or nothing"
    assert Signal.objects.count() == signals.MAX_SIGNALS


def test_the_tidying_applies_what_missed_its_call_and_drops_what_has_waited_for_seven_days(
    network: Networked,
) -> None:
    say(network, NamedSignal("Sale"))
    say(network, NamedSignal("Quote"), started_at=STARTED_AT + timedelta(days=1))
    # As if the two had come in the same moment.
    waiting = PendingTransaction.objects.filter(applied_at__isnull=True)
    monday = STARTED_AT - timedelta(days=300)
    waiting.update(call_started_at=monday)
    call = arrives(network)
    waiting.filter(pk=waiting.earliest("pk").pk).update(call_started_at=STARTED_AT)
    tasks.tidy()
    assert came_of_it() == [(call.pk, True), (None, False)]
    now = work.database_now()
    PendingTransaction.objects.update(received_at=now - pending.KEPT + timedelta(minutes=1))
    tasks.tidy()
    assert len(came_of_it()) == 2, "until then it can be seen"
    PendingTransaction.objects.update(received_at=now - pending.KEPT)
    tasks.tidy()
    assert came_of_it() == []
    assert len(versions(call)) == 1


def test_an_erased_customer_leaves_no_custom_value_no_id_and_nothing_that_waits(network: Networked) -> None:
    other = with_names(networked("network2"), "Sale", fields=("channel",))
    for each in (network, other):
        say(each, NamedSignal("Sale", True, "order of her-secret"), NamedSignal("Sale"), channel="her-secret")
        say(each, NamedSignal("Sale"), phone=PHONE, started_at=STARTED_AT + timedelta(days=9))
    say(network, NamedSignal("Sale"), phone="+15550100", started_at=STARTED_AT + timedelta(days=9))
    call, kept = arrives(network), arrives(other)
    Recording.objects.filter(call=call).update(state="done")
    signals.report(
        sub_tenant=network.sub_tenant,
        wanted=Wanted(cuid=call.uuid.hex),
        said=Report((NamedSignal("Sale", False, "order of her-secret"),)),
    )
    assert (call.our_phone, CustomValue.objects.count(), PendingTransaction.objects.count()) == (
        AGENTS_PHONE,
        2,
        5,
    )
    erasure.erase(who=Identity.of(network.sub_tenant, IdentifierKind.PHONE, PHONE), asked_by="ada")
    call.refresh_from_db()
    assert call.our_phone == ""
    assert CustomValue.objects.get().call == kept
    ids = Signal.objects.filter(call=call).values_list("partner_unique_id", "value", "is_current")
    assert [(value, current) for _, value, current in ids.order_by("pk")] == [
        (True, False),
        (True, True),
        (False, True),
    ]
    assert not any("her-secret" in id_ for id_, *_ in ids)
    assert sorted(PendingTransaction.objects.values_list("sub_tenant", "phone")) == sorted(
        [(other.sub_tenant.pk, ""), (other.sub_tenant.pk, PHONE), (network.sub_tenant.pk, "+15550100")]
    )
    with pytest.raises(NoCallFound):
        say(network, NamedSignal("Sale"), cuid=call.uuid.hex)

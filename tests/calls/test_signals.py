"""Signals and custom data that are reported of a call: versions that correct each other, and limits."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from calls.finding import Wanted
from calls.models import Call, CustomValue, Erasure, Signal, SignalName
from calls.services import signals
from calls.services.signals import (
    MAX_SIGNALS,
    NamedSignal,
    NamedValue,
    NoCallFound,
    Report,
    Reported,
    TooManySignals,
    UnknownName,
)
from tests.calls.networking import STARTED_AT, take_in
from tests.calls.threads import in_a_thread
from tests.support.network import Networked, networked, with_names
from tests.support.stored import everything_stored

pytestmark = pytest.mark.django_db

SALE = NamedSignal("Sale", revenue=Decimal("12.50"))


@pytest.fixture
def network() -> Networked:
    return with_names(networked(), "Sale", "Quote", fields=("channel", "grade"))


@pytest.fixture
def call(network: Networked) -> Call:
    return take_in(network, "https://recordings.example.com/1.wav")[0]


def report(network: Networked, call: Call, *said: NamedSignal, **custom_data: str) -> Reported:
    values = tuple(NamedValue(name, value) for name, value in custom_data.items())
    return signals.report(
        sub_tenant=network.sub_tenant, wanted=Wanted(cuid=call.uuid.hex), said=Report(said, values)
    )


def versions(call: Call) -> list[tuple[object, ...]]:
    found = Signal.objects.filter(call=call).order_by("pk")
    return list(found.values_list("revenue", "value", "corrects__revenue", "is_current"))


def test_a_change_is_a_new_version_that_corrects_the_one_before(network: Networked, call: Call) -> None:
    (first,) = report(network, call, NamedSignal("sale", occurred_at=STARTED_AT)).signals
    (second,) = report(network, call, SALE).signals
    (third,) = report(network, call, NamedSignal("SALE", value=False)).signals
    assert [each.name.name for each in (first, second, third)] == ["Sale"] * 3
    assert (first.corrects, second.corrects, third.corrects) == (None, first, second)
    assert versions(call) == [
        (None, True, None, False),
        (Decimal("12.50"), True, None, False),
        (None, False, Decimal("12.50"), True),
    ]
    assert third.occurred_at == STARTED_AT, "what is not said stays"
    later = STARTED_AT + timedelta(microseconds=1)
    assert report(network, call, NamedSignal("Sale", False, "", later)).signals[0].corrects == third


def test_the_same_once_more_changes_nothing(network: Networked, call: Call) -> None:
    said = [SALE, NamedSignal("Quote", occurred_at=STARTED_AT), NamedSignal("Quote", False, "2")]
    first = report(network, call, *said, channel="mail")
    before = everything_stored(Signal, CustomValue)
    again = report(network, call, *reversed(said), channel="mail")
    assert everything_stored(Signal, CustomValue) == before
    assert again.signals == first.signals[::-1]
    assert [signal.partner_unique_id for signal in again.signals] == ["2", "", ""]


def test_custom_data_replaces_what_the_field_held(network: Networked, call: Call) -> None:
    report(network, call, channel="mail", grade="A")
    report(network, call, channel="web")
    values = CustomValue.objects.filter(call=call).order_by("field__name")
    assert list(values.values_list("field__name", "value")) == [("channel", "web"), ("grade", "A")]
    assert values[0].changed_at > values[1].changed_at
    twice = Report(custom_data=(NamedValue("grade", "B"), NamedValue("grade", "C")))
    signals.report(sub_tenant=network.sub_tenant, wanted=Wanted(cuid=call.uuid.hex), said=twice)
    assert values.get(field__name="grade").value == "C"


def test_a_call_has_at_most_a_hundred_and_they_can_still_be_corrected(network: Networked, call: Call) -> None:
    said = [NamedSignal("Sale", partner_unique_id=str(number)) for number in range(MAX_SIGNALS)]
    assert len(report(network, call, *said[1:]).signals) == MAX_SIGNALS - 1
    report(network, call, said[0])
    before = everything_stored(Signal, CustomValue)
    with pytest.raises(TooManySignals):
        report(network, call, NamedSignal("Quote"), channel="mail")
    with pytest.raises(TooManySignals):
        report(network, call, NamedSignal("Sale", False, "1"), NamedSignal("Quote"))
    assert everything_stored(Signal, CustomValue) == before
    changed = report(network, call, *(NamedSignal("Sale", False, each.partner_unique_id) for each in said))
    assert all(signal.corrects and not signal.value for signal in changed.signals)
    assert Signal.objects.filter(call=call, is_current=True).count() == MAX_SIGNALS


def test_names_are_the_accounts_own(network: Networked, call: Call) -> None:
    SignalName.objects.create(sub_tenant=networked("network2").sub_tenant, name="Elsewhere")
    for place, said in enumerate([[NamedSignal("Elsewhere")], [SALE, NamedSignal("elsewhere")]]):
        with pytest.raises(UnknownName, match=rf"signals\[{place}\]"):
            report(network, call, *said)
    with pytest.raises(UnknownName, match=r"custom_data\[1\]"):
        report(network, call, SALE, channel="mail", Grade="A")
    assert not Signal.objects.exists()


def test_nothing_is_said_of_a_call_whose_customer_was_erased(network: Networked, call: Call) -> None:
    proof = Erasure.objects.create(
        sub_tenant=network.sub_tenant,
        kind="phone",
        identifier_hash="-",
        asked_by="ada",
        asked_at=STARTED_AT,
        customers=1,
        calls=1,
        recordings=0,
        deliveries=0,
    )
    proof.erased.create(call=call)
    with pytest.raises(NoCallFound):
        report(network, call, SALE, channel="mail")
    assert signals.lock(call.pk) is None, "also if it was found before the erasure"


def test_a_hundred_take_as_many_statements_as_one(network: Networked, call: Call) -> None:
    def statements(*said: NamedSignal) -> int:
        with CaptureQueriesContext(connection) as captured:
            report(network, call, *said, channel=f"{len(said)} {said[0].value}", grade="A")
        return len(captured)

    many = [NamedSignal("Sale", True, str(number), STARTED_AT, Decimal(number)) for number in range(100)]
    others = [NamedSignal("Sale", False, each.partner_unique_id) for each in many]
    # Names, fields, savepoint; call, lock, erased; signals, new, signals; custom data: held, new; release.
    clock = connection.vendor == "postgresql"
    assert [statements(many[0]), statements(*many)] == [12 + clock, 12 + clock]
    assert statements(*others) == 13 + clock, "and one for all that were corrected"


@pytest.mark.django_db(transaction=True)
def test_parallel_reports_make_one_chain(network: Networked, call: Call) -> None:
    revenues = [Decimal(number) for number in range(1, 7)]
    said = [NamedSignal("Sale", revenue=revenue) for revenue in (*revenues, *revenues[:1] * 3)]
    threads = [in_a_thread(lambda each=each: report(network, call, each, channel="mail")) for each in said]
    for thread, _ in threads:
        thread.join()
    assert all(len(results) == 1 for _, results in threads)
    chain = versions(call)
    assert len(revenues) <= len(chain) <= len(threads)
    assert [current for *_, current in chain] == [False] * (len(chain) - 1) + [True]
    assert [before for _, _, before, _ in chain[1:]] == [revenue for revenue, *_ in chain[:-1]]
    assert CustomValue.objects.filter(call=call).count() == 1

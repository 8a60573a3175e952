"""Further columns of a manifest: fixed when it was ordered, filled in when it is packed."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from calls.models import Recording, SignalName
from exports.columns import Columns
from exports.manifest import COLUMNS
from exports.models import ExportJob
from exports.services import orders, packing
from tests.exports.support import ACTOR, june, manifest, matched, opened, packed, signalled, stored, told
from tests.support.factories import account
from zipingest.work import WorkState

pytestmark = pytest.mark.django_db


def ordered(**criteria: object) -> ExportJob:
    return orders.order(actor=ACTOR, wanted=june(), criteria={"include_signals": True, **criteria})


def test_signals_and_custom_data_stand_behind_the_usual_columns_of_every_row() -> None:
    met, mixed, silent = stored(number=1), stored(number=2), stored(number=3)
    missing = matched(account(), number=4)
    signalled(met, "Sale")
    signalled(met, "Upsell", False)
    signalled(mixed, "Sale", partner_unique_id="a")
    signalled(mixed, "Sale", False, partner_unique_id="b")
    signalled(missing, "Sale", False)
    signalled(silent, "Sale", is_current=False)
    told(met, "region", '=HYPERLINK("x")', label="Sales region")
    told(missing, "region", "West, or East")

    rows = {row["call_uuid"]: row for row in manifest(opened(packed(ordered())))}

    assert list(rows[str(met.uuid)]) == [*COLUMNS, "signal:Sale", "signal:Upsell", "custom:region"]
    assert [
        list(rows[str(call.uuid)].values())[len(COLUMNS) :] for call in (met, mixed, silent, missing)
    ] == [
        ["true", "false", '\'=HYPERLINK("x")'],
        ["true", "", ""],
        ["", "", ""],
        ["false", "", "West, or East"],
    ]


def test_the_columns_are_those_of_the_order_however_late_it_is_packed() -> None:
    """And their cells are read as late as the rest of the row."""
    call = stored(number=1)
    signalled(call, "Sale", False)
    region = told(call, "region", "West")
    stored(account("subtenant2"), number=2)
    SignalName.objects.create(sub_tenant=account("subtenant2"), name="Theirs")
    job = ordered()
    SignalName.objects.update(name="Renamed")
    signalled(call, "New")
    region.value = "East"
    region.save()

    [row] = manifest(opened(packed(job)))

    assert {name: row[name] for name in list(row)[len(COLUMNS) :]} == {
        "signal:Sale": "false",
        "custom:region": "East",
    }


def test_a_supplement_has_the_columns_of_the_export_that_it_completes() -> None:
    signalled(stored(number=1), "Sale")
    late = matched(account(), number=2)
    job = packed(ordered())
    told(late, "region", "West")
    other = stored(number=3)
    Recording.objects.filter(call=late).delete()
    Recording.objects.filter(call=other).update(call=late)

    supplement = orders.order_supplement(actor=ACTOR, job=job)

    [row] = manifest(opened(packed(supplement)))
    assert list(row) == [*COLUMNS, "signal:Sale"]


def test_selected_calls_may_have_them_too_and_nobody_else_has() -> None:
    call = stored(number=1)
    signalled(call, "Sale")
    chosen = {"actor": ACTOR, "sub_tenant": account(), "uuids": [call.uuid]}
    job = orders.order_calls(**chosen, include_signals=True)
    assert (job.manifest_columns, job.criteria["include_signals"]) == (
        [["signal", SignalName.objects.get().pk, "Sale"]],
        True,
    )
    for other in (orders.order_calls(**chosen), orders.order(actor=ACTOR, wanted=june(), criteria={})):
        assert other.manifest_columns == []


def test_an_account_without_signals_has_the_usual_manifest() -> None:
    stored(number=1)
    assert list(manifest(opened(packed(ordered())))[0]) == list(COLUMNS)


def test_each_few_hundred_calls_cost_two_statements_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "_ROWS_AT_ONCE", 5)
    for number in range(10):
        call = stored(number=number)
        signalled(call, "Sale")
        told(call, "region", f"{number}")
    SignalName.objects.create(sub_tenant=account(), name="Never met")
    statements = {}
    for include in (False, True):
        job = ordered(include_signals=include)
        with CaptureQueriesContext(connection) as queries:
            packed(job)
        assert job.state == WorkState.DONE
        statements[include] = [query["sql"] for query in queries if query["sql"].startswith("SELECT")]
    assert len(statements[True]) == len(statements[False]) + 2 * 2

    columns = Columns.read(job.manifest_columns)
    calls = list(job.entries.values_list("call", flat=True))
    with CaptureQueriesContext(connection) as queries:
        assert columns.cells(calls)[calls[3]] == ["", "true", "3"]
    assert len(queries) == 2

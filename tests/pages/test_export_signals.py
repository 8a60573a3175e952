"""Ordering by signals and custom data, and with them in the manifest: on the page, and by machine."""

from typing import Any

import pytest
from django.test import Client

from calls.models import CustomField, SignalName
from exports.forms import query_of
from exports.models import ExportJob
from exports.words import asked
from tests.exports.support import manifest, opened, packed, signalled, stored, told
from tests.pages.exports import estimate, order, signed_in, words
from tests.support.factories import account, make_member

pytestmark = pytest.mark.django_db

BULK = "/api/telesales/recordings/export-bulk"
PERIOD = {"date_from": "2026-06-01T00:00:00Z", "date_to": "2026-06-30T00:00:00Z"}


@pytest.fixture
def client() -> Client:
    return signed_in()


@pytest.fixture
def sold() -> dict[str, int]:
    """Of two calls one has sold in the West; the ids of signal and field."""
    call, other = stored(number=1), stored(number=2)
    signalled(call, "Sale")
    signalled(other, "Sale", False)
    told(call, "region", "West", label="Sales region")
    return {"signal_id": SignalName.objects.get().pk, "custom_field_id": CustomField.objects.get().pk}


def bulk(**body: Any) -> Any:
    return Client().post(BULK, {**PERIOD, **body}, content_type="application/json", headers=make_member())


# --- The page ---------------------------------------------------------------------------------------------
def test_the_form_asks_for_them_only_where_the_account_has_any(client: Client) -> None:
    page = client.get("/exports").content.decode()
    assert not [name for name in ("signal", "custom_field", "include_signals") if f'name="{name}"' in page]

    SignalName.objects.create(sub_tenant=account(), name="Sale")
    page = client.get("/exports").content.decode()

    assert 'name="signal"' in page
    assert 'name="custom_field"' not in page
    assert "Signals and custom data as further columns" in page


def test_the_estimate_and_the_order_follow_them(client: Client, sold: dict[str, int]) -> None:
    fields = {
        "signal": f"{sold['signal_id']}",
        "custom_field": sold["custom_field_id"],
        "custom_value": "West",
    }
    assert "1 recording," in estimate(client, **fields)
    assert "1 recording," in estimate(client, signal=f"{sold['signal_id']}-no")
    assert "Nothing matches" in estimate(client, **{**fields, "custom_value": "East"})
    assert "There is no such signal." in estimate(client, signal="99")

    answer = order(client, **fields, include_signals="on")

    job = ExportJob.objects.get()
    assert (job.entries_total, job.criteria["include_signals"]) == (1, True)
    assert {name: job.criteria[name] for name in sold} == sold
    page = words(client.get(answer["Location"]))
    assert "1 to 30 Jun 2026, signal Sale met, Sales region “West”" in page
    assert "with signals and custom data" in page
    [row] = manifest(opened(packed(job)))
    assert (row["signal:Sale"], row["custom:region"]) == ("true", "West")


def test_what_was_asked_can_be_filled_in_again(client: Client, sold: dict[str, int]) -> None:
    fields = {
        "signal": f"{sold['signal_id']}-no",
        "custom_field": "",
        "custom_value": "",
        "include_signals": "on",
    }
    order(client, **fields)
    job = ExportJob.objects.get()

    page = client.get(f"/exports?{query_of(job.criteria)}").content.decode()

    assert f'<option value="{fields["signal"]}" selected>' in page
    assert 'name="include_signals" checked' in page
    assert 'value="2026-06-01"' in page


def test_selected_calls_are_ordered_with_them(client: Client, sold: dict[str, int]) -> None:
    uuid = str(stored(number=3).uuid)
    client.post("/exports/order", {"uuid": [uuid], "include_signals": "on"})
    assert [name for *_, name in ExportJob.objects.get().manifest_columns] == ["Sale", "region"]


def test_a_fault_is_said_at_its_field(client: Client, sold: dict[str, int]) -> None:
    answer = order(client, signal="99", custom_value="x" * 256)
    page = answer.content.decode()
    assert answer.status_code == 422
    for name in ("signal", "custom_value"):
        assert f'aria-describedby="id_{name}-error"' in page
        assert f'<p class="wrong" id="id_{name}-error">' in page


def test_they_are_said_in_words(sold: dict[str, int]) -> None:
    said = [
        ({"signal_id": sold["signal_id"], "signal_value": False}, "signal Sale not met"),
        ({"signal_id": 99}, "signal 99 met"),
        ({"custom_field_id": sold["custom_field_id"]}, "any Sales region"),
        ({"custom_value": "West"}, "custom data “West”"),
        ({"custom_field_id": 99, "custom_value": "x"}, "custom-data field 99 “x”"),
    ]
    jobs = [ExportJob(pk=pk, criteria=criteria) for pk, (criteria, _) in enumerate(said)]
    assert list(asked(jobs).values()) == [words for _, words in said]


# --- By machine -------------------------------------------------------------------------------------------
def test_a_machine_orders_by_them_and_with_them(sold: dict[str, int]) -> None:
    answer = bulk(**sold, custom_value="West", include_signals=True)

    assert answer.status_code == 201
    assert answer.json()["data"]["estimated_files"] == 1
    [row] = manifest(opened(packed(ExportJob.objects.get())))
    assert (row["signal:Sale"], row["custom:region"]) == ("true", "West")
    assert bulk(signal_id=sold["signal_id"], signal_value=False).json()["data"]["estimated_files"] == 1
    assert bulk(custom_value="East").status_code == 422


def test_without_them_a_machines_order_is_what_it_was(sold: dict[str, int]) -> None:
    assert bulk(signal="anything", custom_value=None).json()["data"]["estimated_files"] == 2
    assert ExportJob.objects.get().manifest_columns == []


def test_a_machine_is_told_of_everything_that_is_unknown_or_wrong(sold: dict[str, int]) -> None:
    answer = bulk(signal_id=98, custom_field_id=99, agent_ids=[97], campaign_id=96)
    assert answer.status_code == 422
    assert answer.json()["errors"] == {
        "agent_ids": ["Unknown agent: 97."],
        "campaign_id": ["Unknown campaign: 96."],
        "signal_id": ["Unknown signal: 98."],
        "custom_field_id": ["Unknown custom-data field: 99."],
    }
    answer = bulk(signal_id="1", signal_value="yes", custom_value=7, include_signals=1)
    assert set(answer.json()["errors"]) == {"signal_id", "signal_value", "custom_value", "include_signals"}


def test_what_nothing_matches_is_refused_as_ever(client: Client, sold: dict[str, int]) -> None:
    SignalName.objects.create(sub_tenant=account(), name="Never reported")
    never = SignalName.objects.get(name="Never reported").pk
    assert bulk(signal_id=never).json()["message"] == "No recordings match the filter."
    assert order(client, signal=never).status_code == 422
    assert not ExportJob.objects.exists()

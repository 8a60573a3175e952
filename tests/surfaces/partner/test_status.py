"""What partners can ask: the state of a call and of a batch."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from calls.models import Call, Recording, Stage
from calls.services import callbacks
from partners.models import Delivery
from tests.support import factories
from tests.support.api import BATCHES, CALLS, PartnerClient, data, ids
from tests.support.factories import item
from zipingest.work import WorkState

STATES = ("queued", "fetching", "processing", "completed", "failed")
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
NOT_FOUND = {"success": False, "message": "Resource not found"}
ODD_IDS = [
    "a/b", "a//b", "/", "a/", "..", "%2F", "100%", "a b", "a?b#c", "ключ", "電話\U0001f4de", "line\nbreak",
]  # fmt: skip # a table: its rows stay on a line each


def put(state: WorkState, id: str = "call123", **fields: Any) -> None:
    Recording.objects.filter(call__external_id=id).update(state=state, **fields)


# --- A call -----------------------------------------------------------------------------------------------
def test_a_new_call_is_queued(api: PartnerClient) -> None:
    api.post_batch(item())
    Call.objects.update(received_at=NOON)
    Recording.objects.update(due_at=NOON)
    assert data(api.get(f"{CALLS}/call123")) == {
        "id": "call123",
        "state": "queued",
        "attempts": 0,
        "next_attempt_at": "2024-05-01T12:00:00.000Z",
        "error": None,
        "conflicts": [],
        "recording": None,
        "callback": None,
        "received_at": "2024-05-01T12:00:00.000Z",
        "completed_at": None,
    }


def test_a_completed_call_shows_its_recording_and_callback(api: PartnerClient) -> None:
    api.post_batch(item())
    Call.objects.update(received_at=NOON)
    put(
        WorkState.DONE,
        attempts=2,
        completed_at=NOON + timedelta(seconds=90),
        container="mp3",
        codec="mp3",
        channels=2,
        sample_rate=44100,
        duration_seconds=12.5,
        bytes=200044,
        sha256="ab" * 32,
    )
    owe()
    Delivery.objects.update(due_at=NOON, attempts=1, last_status=503)
    assert data(api.get(f"{CALLS}/call123")) == {
        "id": "call123",
        "state": "completed",
        "attempts": 2,
        "next_attempt_at": None,
        "error": None,
        "conflicts": [],
        "recording": {
            "duration_seconds": 12.5,
            "format": "mp3",
            "codec": "mp3",
            "channels": 2,
            "sample_rate": 44100,
            "bytes": 200044,
            "sha256": "ab" * 32,
        },
        "callback": {
            "state": "pending",
            "attempts": 1,
            "last_status": 503,
            "next_attempt_at": "2024-05-01T12:00:00.000Z",
        },
        "received_at": "2024-05-01T12:00:00.000Z",
        "completed_at": "2024-05-01T12:01:30.000Z",
    }


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"state": WorkState.DUE}, "queued"),
        ({"state": WorkState.LEASED, "stage": Stage.FETCHING}, "fetching"),
        ({"state": WorkState.LEASED, "stage": Stage.PROCESSING}, "processing"),
        ({"state": WorkState.DONE}, "completed"),
        ({"state": WorkState.FAILED}, "failed"),
        ({"state": WorkState.POISON}, "failed"),
    ],
)
def test_a_state_has_one_name_in_status_filter_and_batch(
    api: PartnerClient, fields: dict[str, Any], shown: str
) -> None:
    location = api.post_batch(item())["Location"]
    put(**fields)
    assert data(api.get(f"{CALLS}/call123"))["state"] == shown
    found = {state: ids(api.get(CALLS, {"state": state})) for state in STATES}
    assert found == {state: ["call123"] if state == shown else [] for state in STATES}
    assert data(api.get(location))["by_state"] == {state: int(state == shown) for state in STATES}


def test_a_failed_call_says_why_in_plain_words(api: PartnerClient) -> None:
    api.post_batch(item())
    put(WorkState.FAILED, attempts=1, completed_at=NOON, last_error="the server answered 404")
    call = data(api.get(f"{CALLS}/call123"))
    assert (call["error"], call["completed_at"]) == ("the server answered 404", "2024-05-01T12:00:00.000Z")
    assert (call["recording"], call["next_attempt_at"]) == (None, None)


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ("due", "pending"),
        ("leased", "sending"),
        ("done", "delivered"),
        ("failed", "failed"),
        ("poison", "failed"),
    ],
)
def test_a_callbacks_state_has_a_name(api: PartnerClient, state: str, shown: str) -> None:
    api.post_batch(item())
    put(WorkState.FAILED)
    owe()
    Delivery.objects.update(state=state)
    assert data(api.get(f"{CALLS}/call123"))["callback"]["state"] == shown


def test_of_several_callbacks_the_one_of_the_latest_run_is_shown(api: PartnerClient) -> None:
    api.post_batch(item())
    for run, status in ((1, 500), (2, 204)):
        put(WorkState.DONE, run=run)
        owe()
        Delivery.objects.filter(run=run).update(last_status=status)
    assert data(api.get(f"{CALLS}/call123"))["callback"]["last_status"] == 204


@pytest.mark.parametrize("id", ODD_IDS)
def test_an_id_may_hold_anything(api: PartnerClient, id: str) -> None:
    assert api.post_batch(item(id)).status_code == 200
    assert data(api.get(f"{CALLS}/{quote(id, safe='')}"))["id"] == id


@pytest.mark.parametrize("path", ["nobody", "%FF", "x" * 3000, "call123/", "CALL123"])
def test_an_unknown_id_is_not_found(api: PartnerClient, path: str) -> None:
    api.post_batch(item())
    response = api.get(f"{CALLS}/{path}")
    assert (response.status_code, response.json()) == (404, NOT_FOUND)


def test_a_call_can_be_asked_for_by_head(api: PartnerClient) -> None:
    api.post_batch(item())
    response = api.request("HEAD", f"{CALLS}/call123")
    assert (response.status_code, response.content) == (200, b"")


# --- Whose -------------------------------------------------------------------------------------------------
@pytest.fixture
def strangers(api: PartnerClient) -> list[PartnerClient]:
    """Another partner in the same sub-tenant, and the same partner in another sub-tenant."""
    return [
        PartnerClient(factories.provisioned(name="Partner Two")),
        PartnerClient(factories.provisioned(name="Partner One", sub_tenant="subtenant2")),
    ]


def test_nobody_elses_calls_and_batches_are_found(api: PartnerClient, strangers: list[PartnerClient]) -> None:
    location = api.post_batch(item())["Location"]
    for stranger in strangers:
        for path in (f"{CALLS}/call123", location):
            response = stranger.get(path)
            assert (response.status_code, response.json()) == (404, NOT_FOUND)
        assert ids(stranger.get(CALLS)) == []


def test_of_an_id_that_two_partners_use_each_sees_its_own(
    api: PartnerClient, strangers: list[PartnerClient]
) -> None:
    api.post_batch(item())
    strangers[0].post_batch(item())
    Recording.objects.filter(call__partner=api.provisioned.partner).update(state=WorkState.FAILED)
    assert data(api.get(f"{CALLS}/call123"))["state"] == "failed"
    assert data(strangers[0].get(f"{CALLS}/call123"))["state"] == "queued"


# --- A batch ----------------------------------------------------------------------------------------------
def test_a_batch_shows_its_calls_in_input_order(api: PartnerClient) -> None:
    api.post_batch(item("known"))
    location = api.post_batch(*map(item, ["c", "a", "known", "b", "a"]))["Location"]
    put(WorkState.FAILED, "a")
    batch = data(api.get(location))
    assert [call["id"] for call in batch["calls"]] == ["c", "a", "known", "b", "a"]
    assert (batch["total"], batch["by_state"]["queued"], batch["by_state"]["failed"]) == (5, 3, 2)
    assert set(batch) == {"id", "received_at", "total", "by_state", "calls"}
    assert str(UUID(batch["id"])) == location.rpartition("/")[2]


@pytest.mark.parametrize("id", ["7f0a2b26-7a0e-4d06-9d5a-2d9df1dd1ddc", "1", "nonsense", "../calls"])
def test_an_unknown_batch_is_not_found(api: PartnerClient, id: str) -> None:
    response = api.get(f"{BATCHES}/{id}")
    assert (response.status_code, response.json()) == (404, NOT_FOUND)


# --- Cost -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("ask", [lambda api, location: api.get(location), lambda api, _: api.get(CALLS)])
def test_50_calls_cost_as_many_queries_as_one(api: PartnerClient, ask: Callable[..., Any]) -> None:
    one = PartnerClient(factories.provisioned(name="Partner Two"))
    locations = {one: one.post_batch(item())["Location"]}
    locations[api] = api.post_batch(*(item(f"call{n}") for n in range(50)))["Location"]
    for call in Call.objects.select_related("recording"):
        callbacks.owe_result(call, call.recording)
    counts = []
    for client, location in locations.items():
        with CaptureQueriesContext(connection) as queries:
            data(ask(client, location))
        counts.append(len(queries))
    assert counts[0] == counts[1]


def owe() -> None:
    """The callback of the call, as the end of its run owes it."""
    call = Call.objects.select_related("recording").get()
    callbacks.owe_result(call, call.recording)

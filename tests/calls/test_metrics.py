"""The figures of the house, and who may scrape them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from prometheus_client.parser import text_string_to_metric_families

from calls import figures
from calls.models import Call, FetchAttempt, Recording
from partners import deliveries, rejections
from partners.models import Attempt
from partners.rejections import Refusal
from tests.support import factories
from zipingest import work
from zipingest.work import WorkState

pytestmark = pytest.mark.django_db


@pytest.fixture
def call() -> Call:
    provisioned = factories.provisioned(name="Acme")
    factories.ingest(provisioned)
    return factories.call(provisioned)


def scraped(**headers: str) -> dict[tuple[str, ...], float]:
    text = Client().get("/metrics", headers=headers).content.decode()
    families = text_string_to_metric_families(text)
    return {(sample.name, *sample.labels.values()): sample.value for f in families for sample in f.samples}


def tried(call: Call, *results: tuple[int | None, str, int]) -> None:
    delivery = deliveries.owe(
        partner=call.partner,
        sub_tenant=call.sub_tenant,
        event=deliveries.CALL_PROCESSED,
        url="https://partner.example.com/callback",
        payload={},
        subject=call.uuid,
    )
    for number, (status, error, duration) in enumerate(results, 1):
        Attempt.objects.create(
            delivery=delivery,
            number=number,
            started_at=work.database_now(),
            duration_ms=duration,
            status=status,
            error=error,
        )


# --- Who may read them ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("192.0.2.1", {}, 404),
        ("", {}, 404),
        ("127.0.0.1", {"X-Forwarded-For": "192.0.2.1"}, 404),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, 404),
        ("192.0.2.1", {"Authorization": "Bearer "}, 404),
    ],
)
def test_without_a_token_only_this_machine_reads(address: str, headers: dict[str, str], status: int) -> None:
    assert Client(REMOTE_ADDR=address).get("/metrics", headers=headers).status_code == status


@pytest.mark.parametrize(
    ("shown", "status"),
    [
        ("Bearer right", 200),
        ("Bearer old", 200),
        ("Bearer wrong", 404),
        ("right", 404),
        ("Bearer rightright", 404),
        ("", 404),
        ("Bearer ü", 404),
    ],
)
def test_with_a_token_whoever_shows_it_reads_and_nobody_else(shown: str, status: int, settings: Any) -> None:
    settings.METRICS_TOKENS = ["right", "old"]

    for address in ("127.0.0.1", "192.0.2.1"):
        answer = Client(REMOTE_ADDR=address).get("/metrics", headers={"Authorization": shown})
        assert answer.status_code == status


def test_a_refused_scrape_asks_the_database_nothing() -> None:
    with CaptureQueriesContext(connection) as queries:
        Client(REMOTE_ADDR="192.0.2.1").get("/metrics")

    assert len(queries) == 0


# --- What they say ----------------------------------------------------------------------------------------
def test_work_is_counted_by_kind_and_state(call: Call) -> None:
    Recording.objects.update(due_at=work.database_now() - timedelta(minutes=5))

    values = scraped()

    assert values["zipingest_work_items", "recording", "due"] == 1
    assert values["zipingest_work_items", "recording", "poison"] == 0
    assert values["zipingest_work_items", "callback", "due"] == 0
    assert 300 <= values["zipingest_work_oldest_due_seconds", "recording"] < 360
    assert values["zipingest_work_oldest_due_seconds", "callback"] == 0


def test_work_that_is_due_later_is_not_overdue(call: Call) -> None:
    Recording.objects.update(due_at=work.database_now() + timedelta(hours=1))

    assert scraped()["zipingest_work_oldest_due_seconds", "recording"] == 0


def test_the_oldest_due_work_is_found_across_lanes(call: Call) -> None:
    factories.ingest(factories.provisioned(name="Other"), factories.item("other"))
    older, newer = work.database_now() - timedelta(hours=2), work.database_now() - timedelta(hours=1)
    Recording.objects.filter(call=call).update(lane="z", due_at=older)
    Recording.objects.exclude(call=call).update(lane="a", due_at=newer)

    assert scraped()["zipingest_work_oldest_due_seconds", "recording"] >= 7200


def test_calls_of_the_last_hour_are_counted_by_state(call: Call) -> None:
    factories.ingest(factories.provisioned(name="Other"), factories.item("old"), factories.item("failed"))
    Call.objects.filter(external_id="old").update(received_at=work.database_now() - timedelta(minutes=61))
    Recording.objects.filter(call__external_id="failed").update(state=WorkState.FAILED)

    values = scraped()

    assert values["zipingest_calls_received", "queued"] == 1
    assert values["zipingest_calls_received", "failed"] == 1
    assert values["zipingest_calls_received", "completed"] == 0


def test_failed_fetches_are_counted_by_code_and_stored_ones_are_not(call: Call) -> None:
    now = work.database_now()
    for code, at in (
        ("http_404", now),
        ("http_404", now),
        ("", now),
        ("too_large", now - timedelta(hours=2)),
    ):
        FetchAttempt.objects.create(recording=call.recording, run=1, started_at=at, duration_ms=1, code=code)

    values = {key: value for key, value in scraped().items() if key[0] == "zipingest_fetch_failures"}

    assert values == {("zipingest_fetch_failures", "http_404"): 2}


def test_callback_attempts_are_counted_by_result(call: Call) -> None:
    tried(call, (None, "refused", 1), (500, "answered 500", 1), (200, "", 1))

    values = {key[1]: n for key, n in scraped().items() if key[0] == "zipingest_callback_attempts"}

    assert values == {"no_answer": 1, "http_500": 1, "delivered": 1}


def test_rejections_of_today_are_counted_with_those_of_nobodys_key(call: Call) -> None:
    for partner in (call.partner, None, None):
        rejections.note(Refusal(403, "Forbidden", "GET", "/", "192.0.2.1", "", partner=partner))

    assert scraped()["zipingest_rejected_requests", "403"] == 3


def test_latency_is_told_of_delivered_attempts_alone(call: Call) -> None:
    tried(call, *((200, "", number) for number in range(1, 101)), (None, "refused", 15_000))

    (acme,) = figures.callbacks_by_partner(work.database_now() - timedelta(hours=1))

    assert (acme.partner, acme.attempts, acme.median_ms, acme.p95_ms) == ("Acme", 101, 50, 95)
    assert acme.success_rate == pytest.approx(100 / 101)


def test_a_partner_whose_callbacks_all_fail_has_no_latency(call: Call) -> None:
    tried(call, (500, "answered 500", 3))

    (acme,) = figures.callbacks_by_partner(work.database_now() - timedelta(hours=1))

    assert (acme.success_rate, acme.median_ms, acme.p95_ms) == (0, None, None)


def test_calls_per_hour_stand_in_the_hour_they_came_in(call: Call) -> None:
    at = work.database_now().replace(minute=30) - timedelta(hours=3)
    Call.objects.update(received_at=at)

    per_hour = figures.calls_per_hour(at - timedelta(hours=1))

    assert per_hour == {at.replace(minute=0, second=0, microsecond=0): {"queued": 1}}


@pytest.mark.parametrize("limited", ["MOST_CALLS", "MOST_ATTEMPTS"])
def test_what_is_read_is_bounded(limited: str, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, limited, 1)
    for number in range(3):
        factories.ingest(factories.provisioned(name="Acme"), factories.item(f"more-{number}"))
    tried(call, *((200, "", 1) for _ in range(3)))
    since = work.database_now() - timedelta(hours=1)
    asked: dict[str, Callable[[], int]] = {
        "MOST_CALLS": lambda: figures.calls_by_state(since).total(),
        "MOST_ATTEMPTS": lambda: figures.callbacks_by_lane(since).total(),
    }

    assert asked[limited]() <= 2

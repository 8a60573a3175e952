"""How a call stands and what happened to it, in the words of the timeline."""

from datetime import UTC, datetime, timedelta

import pytest

from calls import timeline
from calls.models import Call, FetchAttempt, IngestItem, Recording
from calls.services import dispositions
from partners import deliveries
from partners.models import Attempt
from tests.support import factories
from zipingest import work
from zipingest.work import WorkState

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def recording(**fields: object) -> Recording:
    return Recording(**{"state": WorkState.DUE, "due_at": NOW, **fields})


@pytest.fixture
def call(db: None) -> Call:
    provisioned = factories.provisioned()
    factories.ingest(provisioned, request_id="request-1")
    return factories.call(provisioned)


def titles(call: Call) -> list[str]:
    return [event.title for event in timeline.timelines([call], listens=True)[call.pk]]


@pytest.mark.parametrize(
    ("fields", "tone", "words"),
    [
        ({}, "info", "It waits for its first fetch since 2026-03-01 12:00:00 UTC."),
        ({"attempts": 2}, "warning", "Attempt 3 of 6 is due, and waits for its turn."),
        (
            {"attempts": 2, "due_at": NOW + timedelta(minutes=5)},
            "warning",
            "It waits for attempt 3 of 6.",
        ),
        ({"state": WorkState.LEASED}, "info", "It is being fetched now, as attempt 1 of 6."),
        (
            {"state": WorkState.LEASED, "stage": "processing"},
            "info",
            "It is being checked and stored now, as attempt 1 of 6.",
        ),
        ({"state": WorkState.DONE}, "success", "It has arrived: its recording is stored."),
        ({"state": WorkState.FAILED}, "danger", "It did not arrive, and is not tried again by itself."),
        (
            {"state": WorkState.POISON},
            "danger",
            "It did not arrive: its file ended our decoder again and again and is set aside.",
        ),
    ],
)
def test_a_call_stands_in_plain_words(fields: dict[str, object], tone: str, words: str) -> None:
    standing = timeline.standing(recording(**fields), NOW)

    assert (standing.tone, standing.words) == (tone, words)


@pytest.mark.parametrize(
    ("left", "due_in", "words"),
    [
        (timedelta(minutes=61), timedelta(0), ""),
        (timedelta(minutes=59), timedelta(0), "valid for 59 more minutes"),
        (timedelta(hours=3), timedelta(hours=4), "before the next attempt"),
        (timedelta(seconds=-1), timedelta(0), "another one is needed"),
    ],
)
def test_a_presigned_url_is_warned_about_in_time(left: timedelta, due_in: timedelta, words: str) -> None:
    warning = timeline.standing(recording(url_expires_at=NOW + left, due_at=NOW + due_in), NOW).warning

    assert words in warning
    assert bool(words) == bool(warning)


def test_a_stored_recording_is_warned_about_no_url() -> None:
    stored = recording(state=WorkState.DONE, url_expires_at=NOW - timedelta(days=1))

    assert timeline.standing(stored, NOW).warning == ""


def test_the_request_and_what_differed_in_it_stand_in_the_timeline(call: Call) -> None:
    IngestItem.objects.filter(call=call).update(outcome="conflict", conflicts=["customer_phone"])

    (event,) = (
        e for e in timeline.timelines([call], listens=False)[call.pk] if e.details[0][:7] == "Request"
    )

    assert "request-1" in event.details[0]
    assert event.details[1] == "Fields that differ: customer_phone"


def test_a_fetch_is_told_with_what_came(call: Call) -> None:
    FetchAttempt.objects.create(
        recording=call.recording,
        run=1,
        started_at=work.database_now(),
        duration_ms=1500,
        status=200,
        content_type="text/html",
        bytes=1234,
        sniffed="a web page (HTML)",
        error="it is a web page",
        transcript=[{"url": "https://a.example.com/", "status": 200, "headers": {}}],
    )

    event = timeline.timelines([call], listens=False)[call.pk][-1]

    assert event.title == "Fetch failed: it is a web page"
    assert event.details == [
        "Run 1, took 1.50 s",
        "The answer began as a web page (HTML), said to be text/html, 1,234 bytes",
    ]
    assert event.hops[0]["url"] == "https://a.example.com/"


def test_each_try_of_a_callback_is_told(call: Call) -> None:
    delivery = deliveries.owe(
        partner=call.partner,
        sub_tenant=call.sub_tenant,
        event=deliveries.CALL_PROCESSED,
        url="https://partner.example.com/callback?token=secret",
        payload={},
        subject=call.uuid,
    )
    for number, error in ((1, "the endpoint answered 500"), (2, "")):
        Attempt.objects.create(
            delivery=delivery,
            number=number,
            started_at=work.database_now(),
            duration_ms=10,
            status=200,
            error=error,
        )

    told = timeline.timelines([call], listens=False)[call.pk]

    assert [event.title for event in told][-3:] == [
        f"Callback {delivery.webhook_id} owed to the partner",
        "Callback failed: the endpoint answered 500",
        "Callback delivered: the endpoint answered 200",
    ]
    assert "secret" not in str(told)


def test_a_change_of_disposition_is_told(call: Call) -> None:
    dispositions.set_by_partner(
        partner=call.partner,
        sub_tenant=call.sub_tenant,
        customer_id="customer123",
        code="sold",
    )

    assert "Disposition interested → sold" in titles(call)


def test_events_stand_in_the_order_they_happened(call: Call) -> None:
    for days in (3, 1, 2):
        FetchAttempt.objects.create(
            recording=call.recording, run=days, started_at=NOW - timedelta(days=days), duration_ms=1
        )

    told = timeline.timelines([call], listens=False)[call.pk]

    assert [event.at for event in told] == sorted(event.at for event in told)


def test_of_a_call_sent_again_and_again_only_the_newest_are_told(call: Call) -> None:
    for run in range(timeline.MOST_OF_EACH + 5):
        FetchAttempt.objects.create(
            recording=call.recording, run=run, started_at=NOW + timedelta(minutes=run), duration_ms=1
        )

    fetched = [title for title in titles(call) if title.startswith("Recording fetched")]

    assert len(fetched) == timeline.MOST_OF_EACH

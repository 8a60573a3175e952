"""What happened to a call, in the words of the timeline."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from calls import timeline
from calls.models import (
    AccessKind,
    AccessRecord,
    Call,
    DispositionChange,
    FetchAttempt,
    IngestItem,
    LegalHold,
)
from calls.services import audit, dispositions, holds
from calls.timeline import Event
from partners import deliveries
from partners.models import Attempt
from tests.calls.living import STARTED, live, paused
from tests.support import factories
from zipingest import work

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def call(db: None) -> Call:
    provisioned = factories.provisioned()
    factories.ingest(provisioned, request_id="request-1")
    return factories.call(provisioned)


def told(call: Call, *, listens: bool = True, staff: bool = True) -> list[Event]:
    return timeline.timelines([call], listens=listens, staff=staff)[call.pk]


def titles(call: Call) -> list[str]:
    return [event.title for event in told(call)]


def test_the_request_and_what_differed_in_it_stand_in_the_timeline(call: Call) -> None:
    IngestItem.objects.filter(call=call).update(outcome="conflict", conflicts=["customer_phone"])

    (event,) = (event for event in told(call) if event.title.startswith("Sent again"))

    assert (event.tone, event.details) == ("warning", ["Fields that differ: customer_phone"])
    assert event.internals == ["Request request-1, element 0 of its batch"]


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
        code="not_audio",
        transcript=[{"url": "https://a.example.com/", "status": 200, "headers": {}}],
    )

    event = told(call)[-1]

    assert event.title == "Fetch failed: something else than audio"
    assert event.details == ["Run 1, took 1.50 s"]
    assert event.internals == [
        "Error: it is a web page",
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
            status=500 if error else 200,
            error=error,
        )

    events = told(call)[-3:]

    assert [event.title for event in events] == [
        "Callback owed to the partner",
        "Callback failed: the endpoint answered 500",
        "Callback delivered: the endpoint answered 200",
    ]
    assert events[0].internals == [
        f"Webhook id {delivery.webhook_id}",
        "To https://partner.example.com/callback",
    ]
    assert "secret" not in str(events)


def test_a_change_of_disposition_is_told(call: Call) -> None:
    dispositions.set_by_partner(
        partner=call.partner,
        sub_tenant=call.sub_tenant,
        customer_id="customer123",
        code="sold",
    )

    assert "Disposition interested → sold" in titles(call)


def test_the_note_of_a_disposition_is_told(call: Call) -> None:
    DispositionChange.objects.filter(call=call).update(note="wants a yearly plan")

    assert any("Note: wants a yearly plan" in event.details for event in told(call))


def test_a_live_call_is_told_from_its_registration_to_its_end(db: None) -> None:
    call = live(ended_at=STARTED + timedelta(minutes=5), request_id="request-2")
    paused(call)

    events = told(call)

    assert [event.title for event in events] == [
        "Registered as a live call",
        "Recording paused",
        "Recording resumed",
        "The call ended",
    ]
    assert events[0].details == ["Carried by: simulator (no real telephone)"]
    assert events[0].internals == ["Request request-2"]
    assert [event.details for event in events[1:3]] == [["By ada"], ["By grace"]]


@pytest.mark.parametrize(
    ("ended_at", "words"),
    [(None, "Not resumed yet"), (STARTED + timedelta(hours=1), "Never resumed: it runs to the call's end")],
)
def test_a_pause_that_was_not_resumed_is_told_as_such(
    ended_at: datetime | None, words: str, db: None
) -> None:
    call = live(ended_at=ended_at)
    paused(call, seconds=None)

    (event,) = (event for event in told(call) if event.title == "Recording paused")

    assert (event.tone, event.details) == ("warning", ["By ada", words])


def test_a_provider_that_did_not_pause_is_told_with_its_error_for_staff(db: None) -> None:
    call = live()
    paused(call, provider_error="10.1.2.3 answered 503")

    (event,) = (event for event in told(call) if event.title == "Recording paused")

    assert "is silenced when the recording arrives" in event.details[1]
    assert event.internals == ["Error: 10.1.2.3 answered 503"]


def test_holds_and_the_last_export_are_told(call: Call) -> None:
    holds.place(calls=Call.objects.filter(pk=call.pk), reason="case 7", placed_by="ada")
    holds.release(holds=LegalHold.objects.all(), released_by="grace")
    call.last_exported_at = NOW

    by_title = {event.title: event.internals for event in told(call)}

    assert by_title["Legal hold placed"] == ["By ada: case 7"]
    assert by_title["Legal hold released"] == ["By grace"]
    assert "Last exported" in by_title


def test_who_listened_and_downloaded_is_told_and_a_switch_of_the_recording_is_told_once(call: Call) -> None:
    for kind in AccessKind.values:
        AccessRecord.objects.create(
            sub_tenant=call.sub_tenant, call=call, actor="maria", kind=kind, at=NOW, address="192.0.2.7"
        )

    heard = [event for event in told(call) if event.title.startswith("maria")]

    assert [event.title for event in heard] == ["maria downloaded it", "maria listened to it"]
    assert heard[0].internals == ["From 192.0.2.7"]
    assert not [event for event in told(call, listens=False) if event.title.startswith("maria")]


def test_what_only_staff_may_know_is_left_out_for_others(call: Call) -> None:
    FetchAttempt.objects.create(
        recording=call.recording,
        run=1,
        started_at=NOW,
        duration_ms=1,
        error="the name inside.example.com has no address",
        code="name_not_resolved",
        transcript=[{"url": "https://inside.example.com/", "status": None, "headers": {}}],
    )
    audit.note_access(
        actor=audit.Actor("maria", "192.0.2.7"), call=call, kind=AccessKind.DOWNLOAD, at=work.database_now()
    )
    holds.place(calls=Call.objects.filter(pk=call.pk), reason="case 7", placed_by="ada")

    events = told(call, staff=False)

    assert [event.title for event in events] == titles(call)
    assert {"Fetch failed: the host's name was not found", "maria downloaded it"} <= set(titles(call))
    for internal in ("request-1", "inside.example.com", "192.0.2.7", "case 7"):
        assert internal in str(told(call))
        assert internal not in str(events)
    assert not [event for event in events if event.row or event.hops]


def test_many_calls_with_and_without_recordings_take_as_many_queries_as_one(call: Call) -> None:
    def queries(calls: list[Call]) -> int:
        with CaptureQueriesContext(connection) as seen:
            timeline.timelines(calls, listens=True, staff=True)
        return len(seen)

    def fresh(*which: Call) -> list[Call]:
        calls = Call.objects.filter(pk__in=[one.pk for one in which])
        return list(calls.select_related("recording", "partner", "customer").order_by("pk"))

    others = [live(call.sub_tenant) for _ in range(5)]
    for other in others:
        paused(other)

    assert queries(fresh(call, *others)) == queries(fresh(*others, call)) == queries(fresh(call)) == 8


def test_events_stand_in_the_order_they_happened(call: Call) -> None:
    for days in (3, 1, 2):
        FetchAttempt.objects.create(
            recording=call.recording, run=days, started_at=NOW - timedelta(days=days), duration_ms=1
        )

    times = [event.at for event in told(call)]

    assert times == sorted(times)


def test_of_a_call_sent_again_and_again_only_the_newest_are_told(call: Call) -> None:
    for run in range(timeline.MOST_OF_EACH + 5):
        FetchAttempt.objects.create(
            recording=call.recording, run=run, started_at=NOW + timedelta(minutes=run), duration_ms=1
        )

    fetched = [title for title in titles(call) if title.startswith("Recording fetched")]

    assert len(fetched) == timeline.MOST_OF_EACH

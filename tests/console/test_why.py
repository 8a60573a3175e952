"""*Why did this call not arrive?*: what the console answers for a call, a customer, a phone and a request."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from calls.models import FetchAttempt, IngestBatch, Recording
from tests.console.conftest import World, ingest_calls, refuse, staff
from zipingest.work import WorkState

WHY = reverse("admin:calls_call_why")


def text_of(client: Client, **query: str) -> str:
    answer = client.get(WHY, query)
    assert answer.status_code == 200
    return answer.content.decode()


def found(client: Client, **query: str) -> list[str]:
    return [str(answer.call) for answer in client.get(WHY, query).context["answers"]]


@pytest.mark.parametrize("term", ["call-0", " call-0 ", "customer-0", "+49300000000", "4930 000-0000"])
def test_a_call_is_answered_for_by(term: str, world: World, support: Client) -> None:
    assert found(support, q=term) == ["call-0"]


def test_a_call_is_answered_for_by_its_uuid(world: World, support: Client) -> None:
    assert found(support, q=str(world.failed.uuid)) == ["call-0"]


def test_a_request_is_answered_for_with_its_calls(world: World, support: Client) -> None:
    IngestBatch.objects.filter(pk=world.batch.pk).update(request_id="request-1")

    assert found(support, q="request-1") == ["call-1", "call-0"]


def test_a_partner_narrows_what_is_found(world: World, support: Client) -> None:
    assert found(support, q="call-0", partner=str(world.partner.pk)) == ["call-0"]
    assert found(support, q="call-0", partner="999999") == ["call-0"]


def test_a_failed_call_says_why_and_what_its_server_answered(world: World, support: Client) -> None:
    FetchAttempt.objects.create(
        recording=world.failed.recording,
        run=1,
        started_at=timezone.now(),
        duration_ms=120,
        status=404,
        sniffed="a web page (HTML)",
        error="the server answered 404 Not Found",
        code="http_404",
        transcript=[{"url": "https://r.example.com/0.wav", "status": 404, "headers": {"Server": "teapot"}}],
    )

    text = text_of(support, q="call-0")

    assert "It did not arrive" in text
    assert "Because: the server answered 404 Not Found" in text
    for said in ("GET https://r.example.com/0.wav", "HTTP 404", "Server: teapot", "a web page (HTML)"):
        assert said in text
    assert reverse("admin:partners_delivery_change", args=[world.delivery.pk]) in text


def test_a_waiting_call_says_when_the_next_attempt_is(world: World, support: Client) -> None:
    due = timezone.now() + timedelta(minutes=30)
    Recording.objects.filter(call=world.failed).update(state=WorkState.DUE, due_at=due)

    text = text_of(support, q="call-0")

    assert "It waits for attempt 2 of 6" in text
    assert f"Next attempt: {due:%Y-%m-%d %H:%M:%S} (in 30 minutes)" in text


def test_a_url_with_less_than_an_hour_left_is_warned_about(world: World, support: Client) -> None:
    now = timezone.now()
    Recording.objects.filter(call=world.failed).update(
        state=WorkState.DUE, due_at=now, url_expires_at=now + timedelta(minutes=40)
    )

    assert "is valid for 39 more minutes" in text_of(support, q="call-0")


def test_a_refused_request_is_answered_for_by_its_id(world: World, support: Client) -> None:
    text = text_of(support, q="refused-1")

    assert "This request was refused" in text
    assert "data[0].call.id: Field required" in text
    assert "zpk_shown" in text


def test_a_partner_alone_shows_its_latest_rejections_and_their_number(world: World, support: Client) -> None:
    refuse(world.partner, request_id="refused-2", status=401)

    answer = support.get(WHY, {"partner": str(world.partner.pk)})

    assert [row["rejection"].status for row in answer.context["latest_rejections"]] == [401, 422]
    assert [(count.status, count.count) for count in answer.context["rejection_counts"]] == [
        (401, 1),
        (422, 1),
    ]


def test_what_nobody_knows_is_said_to_be_unknown(world: World, support: Client) -> None:
    assert "We know no call and no refused request" in text_of(support, q="nothing")


def test_what_a_partner_sent_is_shown_as_text(world: World, support: Client) -> None:
    Recording.objects.filter(call=world.failed).update(last_error="<script>alert(1)</script>")

    assert "<script>alert(1)" not in text_of(support, q="call-0")
    assert '"><script>alert(1)' not in text_of(support, q='"><script>alert(1)</script>')


def test_support_is_not_told_who_listened_and_an_administrator_is(
    world: World, support: Client, administrator: Client
) -> None:
    assert "downloaded it" not in text_of(support, q="call-1")
    assert "person downloaded it" in text_of(administrator, q="call-1")


def test_whoever_may_not_see_rejections_is_shown_none(world: World) -> None:
    from django.contrib.auth.models import Permission

    world.group.permissions.set(Permission.objects.filter(codename__in=["view_call"]))

    assert "This request was refused" not in text_of(staff("calls-only", "nothing"), q="refused-1")


def queries_of(client: Client, term: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        client.get(WHY, {"q": term})
    return len(queries)


def test_twenty_calls_take_as_many_queries_as_one(world: World, support: Client) -> None:
    many = ingest_calls(world.partner, world.sub_tenant, range(2, 32))
    IngestBatch.objects.filter(pk=many.pk).update(request_id="many")
    IngestBatch.objects.filter(pk=world.batch.pk).update(request_id="two")
    found(support, q="two")  # what Django looks up once per process
    two = queries_of(support, "two")

    assert queries_of(support, "many") <= two
    assert len(found(support, q="many")) == 20
    assert "Only the newest 20 calls are shown" in text_of(support, q="many")


def test_the_calls_own_page_tells_the_same(world: World, support: Client) -> None:
    page = support.get(reverse("admin:calls_call_change", args=[world.failed.pk])).content.decode()

    assert "It did not arrive" in page
    assert "Taken in" in page

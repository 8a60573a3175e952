"""The console's pages of calls: finding them, reading them, and having them fetched again."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from calls.models import Call, Recording
from tests.console.conftest import World, ingest_calls
from zipingest.work import WorkState

CALLS = reverse("admin:calls_call_changelist")


def page(call: Call) -> str:
    return reverse("admin:calls_call_change", args=[call.pk])


def listed(client: Client, **query: str) -> set[str]:
    return {str(call) for call in client.get(CALLS, query).context["cl"].result_list}


def recording(call: Call) -> Recording:
    return Recording.objects.get(call=call)


# --- Finding ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("term", ["call-0", " call-0 ", "customer-0", "+49300000000", "4930 000-0000"])
def test_a_call_is_found_by(term: str, world: World, support: Client) -> None:
    assert listed(support, q=term) == {"call-0"}


def test_a_call_is_found_by_its_uuid_in_either_form(world: World, support: Client) -> None:
    assert listed(support, q=str(world.failed.uuid)) == listed(support, q=world.failed.uuid.hex) == {"call-0"}


@pytest.mark.parametrize("term", ["call", "all-0", "ustomer", "4930", "%", "nothing"])
def test_a_part_of_an_id_finds_nothing(term: str, world: World, support: Client) -> None:
    assert listed(support, q=term) == set()


def test_a_search_neither_scans_nor_counts(world: World, support: Client) -> None:
    with CaptureQueriesContext(connection) as queries:
        support.get(CALLS, {"q": "call-0"})

    said = [query["sql"].upper() for query in queries if 'FROM "CALLS_CALL"' in query["sql"].upper()]
    assert said
    assert not [sql for sql in said if "LIKE" in sql or "COUNT(" in sql or "UPPER(" in sql]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"state": "failed"}, {"call-0"}),
        ({"state": "completed"}, {"call-1"}),
        ({"state": "queued"}, set()),
        ({"state": "nonsense"}, {"call-0", "call-1"}),
        ({"source__exact": "partner"}, {"call-0", "call-1"}),
        ({"source__exact": "network"}, set()),
        ({"received": "hour"}, {"call-1"}),
        ({"received": "week"}, {"call-0", "call-1"}),
    ],
)
def test_filters_keep(query: dict[str, str], found: set[str], world: World, support: Client) -> None:
    two_days_ago = timezone.now() - timedelta(days=2)
    Call.objects.filter(pk=world.failed.pk).update(received_at=two_days_ago)

    assert listed(support, **query) == found


def queries_of(client: Client, url: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(url).status_code == 200
    return len(queries)


@pytest.mark.parametrize("name", ["calls_call", "calls_customer", "calls_agent", "calls_ingestbatch"])
def test_a_list_takes_as_many_queries_for_twelve_rows_as_for_two(
    name: str, world: World, support: Client
) -> None:
    url = reverse(f"admin:{name}_changelist")
    two = queries_of(support, url)
    for number in range(2, 12):
        ingest_calls(world.partner, world.sub_tenant, range(number, number + 1))

    assert queries_of(support, url) == two


def test_a_batchs_page_takes_as_many_queries_for_forty_calls_as_for_two(
    world: World, support: Client
) -> None:
    large = ingest_calls(world.partner, world.sub_tenant, range(2, 42))
    small_url, large_url = (
        reverse("admin:calls_ingestbatch_change", args=[batch.pk]) for batch in (world.batch, large)
    )

    support.get(small_url)  # what Django looks up once per process

    assert queries_of(support, large_url) == queries_of(support, small_url)


# --- Reading ----------------------------------------------------------------------------------------------
def test_a_failed_calls_page_says_why_and_offers_to_try_again(world: World, support: Client) -> None:
    text = support.get(page(world.failed)).content.decode()

    assert "the server answered 404 Not Found" in text
    assert world.delivery.webhook_id in text
    assert reverse("admin:calls_call_retry", args=[world.failed.pk]) in text
    assert reverse("admin:calls_call_replace_url", args=[world.failed.pk]) in text
    assert "<audio" not in text


def test_a_stored_calls_page_has_a_player_and_offers_no_retry(world: World, support: Client) -> None:
    text = support.get(page(world.stored)).content.decode()

    assert f'src="{reverse("admin:calls_call_listen", args=[world.stored.pk])}"' in text
    assert reverse("admin:calls_call_retry", args=[world.stored.pk]) not in text


def test_a_page_shows_which_fields_a_later_request_differed_in(world: World, support: Client) -> None:
    item = world.failed.ingest_items.get()
    item.conflicts = ["customer_phone", "agent.name"]
    item.save()

    assert "customer_phone, agent.name" in support.get(page(world.failed)).content.decode()


def test_what_a_partner_sent_is_shown_as_text(world: World, support: Client) -> None:
    Recording.objects.filter(call=world.failed).update(last_error="<script>alert(1)</script>")
    Call.objects.filter(pk=world.failed.pk).update(metadata={"x": "<script>alert(1)</script>"})

    for url in (page(world.failed), CALLS):
        assert "<script>alert(1)" not in support.get(url).content.decode()


# --- Fetching again ---------------------------------------------------------------------------------------
def test_retry_begins_a_new_run_of_a_failed_recording(world: World, support: Client) -> None:
    answer = support.post(reverse("admin:calls_call_retry", args=[world.failed.pk]))

    assert answer.url == page(world.failed)
    assert (recording(world.failed).state, recording(world.failed).run) == (WorkState.DUE, 2)


def test_retry_makes_a_waiting_recording_due_now(world: World, support: Client) -> None:
    later = timezone.now() + timedelta(hours=4)
    Recording.objects.filter(call=world.failed).update(state=WorkState.DUE, due_at=later)

    support.post(reverse("admin:calls_call_retry", args=[world.failed.pk]))

    assert recording(world.failed).due_at <= timezone.now()
    assert recording(world.failed).run == 1


def test_retry_leaves_a_stored_recording_alone_and_says_so(world: World, support: Client) -> None:
    before = Recording.objects.filter(call=world.stored).values().get()

    answer = support.post(reverse("admin:calls_call_retry", args=[world.stored.pk]), follow=True)

    assert "nothing was changed" in answer.content.decode()
    assert Recording.objects.filter(call=world.stored).values().get() == before


def test_retry_is_written_into_the_history_with_who_did_it(world: World, support: Client) -> None:
    support.post(reverse("admin:calls_call_retry", args=[world.failed.pk]))

    entry = LogEntry.objects.get(object_id=str(world.failed.pk))
    assert (entry.user.username, entry.change_message) == ("support", "Retry")


def test_retry_of_a_call_that_is_not_there_is_404(world: World, support: Client) -> None:
    assert support.post(reverse("admin:calls_call_retry", args=[999_999])).status_code == 404


def test_many_calls_are_retried_from_the_list(world: World, support: Client) -> None:
    ticked = {"action": "retry_selected", "_selected_action": [world.failed.pk, world.stored.pk]}

    answer = support.post(CALLS, {**ticked, "asked": "True"}, follow=True)

    assert "1 to be fetched again" in answer.content.decode()
    assert recording(world.failed).run == 2
    assert recording(world.stored).run == 1


def test_another_url_begins_a_new_run_from_there(world: World, support: Client) -> None:
    url = "https://recordings.example.com/better.wav"

    support.post(reverse("admin:calls_call_replace_url", args=[world.failed.pk]), {"url": url})

    again = recording(world.failed)
    assert (again.source_url, again.run, again.state) == (url, 2, WorkState.DUE)


@pytest.mark.parametrize(
    "url", ["", "ftp://example.com/a.wav", "javascript:alert(1)", "https://u:p@example.com/", "example.com"]
)
def test_it_refuses_another_url_that_is_none_of_ours(url: str, world: World, support: Client) -> None:
    before = Recording.objects.filter(call=world.failed).values().get()

    answer = support.post(reverse("admin:calls_call_replace_url", args=[world.failed.pk]), {"url": url})

    assert answer.status_code == 200
    assert answer.context["form"].errors["url"]
    assert Recording.objects.filter(call=world.failed).values().get() == before


def test_a_stored_recording_takes_no_other_url(world: World, support: Client) -> None:
    before = Recording.objects.filter(call=world.stored).values().get()

    support.post(
        reverse("admin:calls_call_replace_url", args=[world.stored.pk]), {"url": "https://example.com/b.wav"}
    )

    assert Recording.objects.filter(call=world.stored).values().get() == before

"""Retrying what a filter of the list of calls finds, however much that is."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from calls.models import Call, Recording
from calls.services import recordings
from tests.console.conftest import World, fail, ingest_calls
from zipingest import work
from zipingest.work import WorkState

CALLS = reverse("admin:calls_call_changelist")


@pytest.fixture
def failed(world: World, monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """Seven calls that have failed, in portions of three."""
    monkeypatch.setattr(recordings, "PORTION", 3)
    ingest_calls(world.partner, world.sub_tenant, range(2, 8))
    calls = [world.failed, *Call.objects.filter(pk__gt=world.stored.pk).order_by("pk")]
    for call in calls:
        fail(call)
    return calls


def runs(*calls: Call) -> list[int]:
    return list(Recording.objects.filter(call__in=calls).order_by("call_id").values_list("run", flat=True))


def sent(call: Call, **more: str) -> dict[str, object]:
    return {"action": "retry_selected", "_selected_action": [call.pk], **more}


def test_it_is_asked_whether_the_ticked_or_all_of_the_filter_are_meant(
    failed: list[Call], support: Client
) -> None:
    asked = support.post(f"{CALLS}?state=failed", sent(failed[0]))
    text = asked.content.decode()

    assert "All calls that the list is filtered to, not only those ticked" in text
    assert f'name="_selected_action" value="{failed[0].pk}"' in text
    assert f'href="{CALLS}?state=failed"' in text, "Cancel leads back to the list"
    assert runs(*failed) == [1] * 7


def test_all_that_the_filter_finds_begin_anew(world: World, failed: list[Call], support: Client) -> None:
    everything = sent(failed[0], asked="True", select_across="on")
    told = support.post(f"{CALLS}?state=failed", everything, follow=True).content.decode()

    assert "7 to be fetched again" in told
    assert runs(*failed) == [2] * 7
    assert runs(world.stored) == [1]
    assert set(Recording.objects.filter(run=2).values_list("state", "attempts", "last_error")) == {
        (WorkState.DUE, 0, "")
    }


def test_the_ticked_alone_begin_anew(failed: list[Call], support: Client) -> None:
    told = support.post(f"{CALLS}?state=failed", sent(failed[0], asked="True"), follow=True)

    assert "1 to be fetched again" in told.content.decode()
    assert runs(*failed) == [2] + [1] * 6


def test_what_waits_is_made_due_and_what_was_given_up_is_left(world: World, failed: list[Call]) -> None:
    now = work.database_now()
    later = now.replace(year=now.year + 1)
    Recording.objects.filter(call=failed[0]).update(state=WorkState.DUE, due_at=later)
    Recording.objects.filter(call=failed[1]).update(state=WorkState.LEASED, lease_until=later)
    Recording.objects.filter(call=failed[2]).update(state=WorkState.POISON)
    Recording.objects.filter(call__in=failed[3:5]).update(purged_at=now)

    assert recordings.take_up_all(calls=Call.objects.all()) == 4
    assert runs(*failed) == [1, 1, 2, 1, 1, 2, 2]
    assert Recording.objects.get(call=failed[0]).due_at < later


def test_a_portion_takes_as_many_statements_for_three_calls_as_for_one(failed: list[Call]) -> None:
    def statements(calls: list[Call]) -> int:
        chosen = Call.objects.filter(pk__in=[call.pk for call in calls])
        with CaptureQueriesContext(connection) as queries:
            assert recordings.take_up_all(calls=chosen) == len(calls)
        return len(queries)

    assert statements(failed[:1]) == statements(failed[1:4])

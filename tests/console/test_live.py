"""Live calls in the console: without a partner or a recording, and with pauses."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from calls.models import Call, LegalHold, Pause, PauseHandling, Recording
from tests.calls.living import STARTED, live, paused
from tests.console.conftest import World

CALLS = reverse("admin:calls_call_changelist")
PAUSES = reverse("admin:calls_pause_changelist")
WHY = reverse("admin:calls_call_why")
LATER = STARTED + timedelta(minutes=5)
STANDS = [
    (None, "It is in progress.", "in progress"),
    (LATER, "It ended without a recording.", "no recording"),
]


def page(call: Call) -> str:
    return reverse("admin:calls_call_change", args=[call.pk])


def text_of(answer: Any) -> str:
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


@pytest.mark.parametrize(("ended_at", "words", "state"), STANDS)
def test_a_call_without_a_recording_says_so_wherever_it_shows(
    ended_at: Any, words: str, state: str, world: World, support: Client
) -> None:
    call = live(world.sub_tenant, ended_at=ended_at)

    assert words in text_of(support.get(page(call)))
    assert words in text_of(support.get(WHY, {"q": str(call.uuid)}))
    assert state in text_of(support.get(CALLS, {"q": str(call.uuid)}))


def test_the_simulator_is_named_as_such(world: World, support: Client) -> None:
    call = live(world.sub_tenant)

    assert "Carried by simulator (no real telephone)" in text_of(support.get(page(call)))
    for url in (WHY, CALLS):
        assert "live (simulator)" in text_of(support.get(url, {"q": str(call.uuid)}))


def test_it_can_be_held_and_nothing_else_is_offered(world: World, support: Client) -> None:
    call = live(world.sub_tenant)
    actions = {name: reverse(f"admin:calls_call_{name}", args=[call.pk]) for name in ("place_hold", "retry")}

    shown = support.get(page(call)).content.decode()
    assert actions["place_hold"] in shown
    assert actions["retry"] not in shown
    assert "<audio" not in shown

    support.post(actions["place_hold"], {"reason": "case 9"})
    assert LegalHold.objects.filter(call=call).exists()
    assert "nothing was changed" in text_of(support.post(actions["retry"], follow=True))
    assert not Recording.objects.filter(call=call).exists()


def test_its_customer_is_not_erased_before_it_has_ended(world: World, administrator: Client) -> None:
    call = live(world.sub_tenant)
    whom = {"sub_tenant": world.sub_tenant.pk, "kind": "phone", "value": call.customer_phone}

    answer = administrator.post(reverse("admin:calls_erasure_add"), whom)

    assert f"People still speak in {call.uuid}: nothing was erased." in text_of(answer)
    assert "confirmation" not in text_of(answer)


def test_it_is_not_retried_from_the_list(world: World, support: Client) -> None:
    ticked = {"action": "retry_selected", "_selected_action": [world.failed.pk, live(world.sub_tenant).pk]}
    ticked["asked"] = "True"

    assert "1 to be fetched again; what" in text_of(support.post(CALLS, ticked, follow=True))


@pytest.mark.parametrize("name", ["listen", "download"])
def test_nothing_is_heard_of_it(name: str, world: World, support: Client) -> None:
    url = reverse(f"admin:calls_call_{name}", args=[live(world.sub_tenant).pk])

    assert support.get(url).status_code == 404


def test_calls_in_progress_are_listed(world: World, support: Client) -> None:
    talking, _ = live(world.sub_tenant), live(world.sub_tenant, ended_at=LATER)

    assert list(support.get(CALLS, {"state": "in_progress"}).context["cl"].result_list) == [talking]


def test_the_dashboard_is_as_it_was(world: World, support: Client) -> None:
    before = support.get(reverse("admin:index")).context["calls_picture"]["totals"]
    live(world.sub_tenant)

    assert support.get(reverse("admin:index")).context["calls_picture"]["totals"] == before


def test_the_page_of_a_call_shows_its_pauses(world: World, support: Client) -> None:
    call = live(world.sub_tenant)
    paused(call, seconds=5, provider_error="the provider answered 503")
    paused(call, after=60, seconds=None)

    text = text_of(support.get(page(call)))

    for said in ("by grace, after 5 s", "the provider answered 503", "not yet"):
        assert said in text


def test_the_page_of_a_call_shows_which_spans_of_its_recording_are_silent(
    world: World, support: Client
) -> None:
    Recording.objects.filter(call=world.stored).update(
        silences=[[5, 12.5], [59.97, 61]], pause_handling=PauseHandling.OMITTED
    )

    text = text_of(support.get(page(world.stored)))

    assert "0:05.0 to 0:12.5, 1:00.0 to 1:01.0" in text
    assert "leaves the span out" in text


def test_a_recording_that_was_never_paused_says_nothing_of_pauses(world: World, support: Client) -> None:
    assert "records on" not in text_of(support.get(page(world.stored)))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, {"ended", "open", "forgotten"}),
        ({"alerted": "yes"}, {"open"}),
        ({"alerted": "no"}, {"ended", "forgotten"}),
        ({"resumed": "no"}, {"open", "forgotten"}),
        ({"resumed": "yes"}, {"ended"}),
        ({"q": "open"}, {"open"}),
        ({"q": "pen"}, set()),
    ],
)
def test_pauses_are_listed_by(
    query: dict[str, str], found: set[str], world: World, administrator: Client
) -> None:
    Pause.objects.all().delete()
    paused(live(world.sub_tenant, external_id="ended"))
    paused(live(world.sub_tenant, external_id="open"), seconds=None, alerted_at=timezone.now())
    paused(live(world.sub_tenant, external_id="forgotten", ended_at=LATER), seconds=None)

    rows = administrator.get(PAUSES, query).context["cl"].result_list

    assert {str(pause.call) for pause in rows} == found


def test_a_pause_says_whether_it_still_lasts_or_runs_to_the_end(world: World, administrator: Client) -> None:
    paused(live(world.sub_tenant), seconds=None)
    paused(live(world.sub_tenant, ended_at=LATER), seconds=None)

    text = text_of(administrator.get(PAUSES))

    assert "not yet" in text
    assert "never: it runs to the call's end" in text.replace("&#x27;", "'")


def test_lists_take_as_many_queries_for_many_live_calls_as_for_one(
    world: World, administrator: Client
) -> None:
    def queries() -> list[int]:
        counts = []
        for url in (CALLS, PAUSES, f"{WHY}?q=%2B4930777"):
            with CaptureQueriesContext(connection) as seen:
                assert administrator.get(url).status_code == 200
            counts.append(len(seen))
        return counts

    paused(live(world.sub_tenant))
    administrator.get(CALLS)  # what Django looks up once per process
    before = queries()
    for _ in range(6):
        paused(live(world.sub_tenant))

    assert queries() == before

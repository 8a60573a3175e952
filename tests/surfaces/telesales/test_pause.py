"""Pausing and resuming the recording of a live call: the seed's requests, and what must hold behind them."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from calls.models import AccessRecord, Call, Pause, SimulatedCall
from calls.services import live as services
from calls.services.live import HangUp
from calls.telephony import PROVIDERS
from calls.telephony.port import Unavailable
from calls.telephony.simulator import Simulator
from tests.support import factories, live
from tests.support.live import CALLS, Member

pytestmark = pytest.mark.django_db

GOLDEN = json.loads(Path(__file__, "../golden/pause.json").resolve().read_text())


def switch(who: Member, call: Call, verb: str) -> tuple[int, str]:
    """The status and the recording's state after it, or the error code."""
    answer = who.post(f"{CALLS}/{call.uuid}/recording/{verb}")
    body = answer.json()
    return answer.status_code, body["data"]["recording"] if "data" in body else body.get("error_code", "")


# --- The seed ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", GOLDEN)
def test_the_seeds_answer_is_given(supervisor: Member, name: str) -> None:
    call = live.begin()
    if name.endswith("of a paused call"):
        live.pause(call)
    if name.endswith("of an ended call"):
        services.hang_up(call=call, how=HangUp())
    request, expected = GOLDEN[name]["request"], GOLDEN[name]["answer"]

    answer = supervisor.send(request["method"], request["path"].replace("{uuid}", str(call.uuid)))

    assert answer.status_code == expected["status"]
    assert answer.json() == json.loads(json.dumps(expected["body"]).replace("{uuid}", str(call.uuid)))


# --- What stays behind ------------------------------------------------------------------------------------
def test_a_pause_is_one_span_and_each_switch_one_audit_row(supervisor: Member) -> None:
    call = live.begin()

    for verb in ("pause", "pause", "resume", "resume"):
        assert switch(supervisor, call, verb)[0] == 200

    (span,) = Pause.objects.all()
    assert call.started_at <= span.paused_at <= span.resumed_at
    assert span.paused_by == span.resumed_by
    kinds = AccessRecord.objects.filter(call=call).order_by("pk").values_list("kind", "actor", "address")
    assert list(kinds) == [("pause", span.paused_by, "127.0.0.1"), ("resume", span.paused_by, "127.0.0.1")]


def test_a_call_tells_its_spans(supervisor: Member) -> None:
    call = live.begin()
    live.pause(call)
    live.resume(call)
    live.pause(call)

    shown = supervisor.get(f"{CALLS}/{call.uuid}").json()["data"]

    assert shown["recording"] == "paused"
    assert [(span["to"] is None, span["by"]) for span in shown["pauses"]] == [(False, "ada"), (True, "ada")]


def test_a_call_that_a_partner_sent_is_not_in_progress(supervisor: Member) -> None:
    provisioned = factories.provisioned()
    factories.ingest(provisioned)

    assert switch(supervisor, factories.call(provisioned), "pause") == (409, "CALL_NOT_IN_PROGRESS")


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_a_switch_costs_the_same_however_many_pauses_there_were(supervisor: Member, verb: str) -> None:
    counts = []
    supervisor.get(CALLS)  # notes that the token is in use, once a minute
    for earlier in (0, 5):
        call = live.begin()
        for _ in range(earlier):
            live.pause(call)
            live.resume(call)
        if verb == "resume":
            live.pause(call)
        with CaptureQueriesContext(connection) as queries:
            assert switch(supervisor, call, verb)[0] == 200
        counts.append(len(queries))
    # PostgreSQL is asked for its clock.
    assert counts == [8 + (connection.vendor == "postgresql")] * 2


# --- The provider -----------------------------------------------------------------------------------------
def test_the_provider_is_told(supervisor: Member, simulator: None) -> None:
    call = live.begin()

    switch(supervisor, call, "pause")
    ((start, end),) = SimulatedCall.objects.get().pauses
    assert start >= 0
    assert end is None

    switch(supervisor, call, "resume")
    ((_, end),) = SimulatedCall.objects.get().pauses
    assert end >= start
    assert Pause.objects.get().provider_error == ""


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_a_provider_that_fails_keeps_nobody_from_switching(
    supervisor: Member, simulator: None, verb: str
) -> None:
    call = live.begin()
    if verb == "resume":
        live.pause(call)
    SimulatedCall.objects.all().delete()

    state = "paused" if verb == "pause" else "recording"
    assert switch(supervisor, call, verb) == (200, state)
    assert Pause.objects.get().provider_error == "the provider does not know the call"


@pytest.mark.django_db(transaction=True)
def test_the_span_is_committed_before_the_provider_is_asked(
    supervisor: Member, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[tuple[int, bool]] = []

    class Slow(Simulator):
        name = "slow"

        def pause_recording(self, call_id: str) -> None:
            found.append((Pause.objects.count(), connection.in_atomic_block))
            raise Unavailable("it does not answer")

    monkeypatch.setitem(PROVIDERS, "slow", Slow)
    settings.TELEPHONY_PROVIDER = "slow"

    assert switch(supervisor, live.begin(), "pause") == (200, "paused")
    assert found == [(1, False)]
    assert Pause.objects.get().provider_error == "it does not answer"


def test_an_open_pause_stays_open_when_the_call_is_hung_up(supervisor: Member, simulator: None) -> None:
    call = live.begin()
    live.pause(call)

    body = supervisor.post(f"{CALLS}/{call.uuid}/hangup", {}).json()["data"]

    assert body["pauses"][0]["to"] is None
    assert switch(supervisor, call, "resume") == (409, "CALL_NOT_IN_PROGRESS")


# --- Whose call -------------------------------------------------------------------------------------------
def test_an_agent_pauses_only_own_calls() -> None:
    own, agent = live.agent_member("own")
    _, other = live.agent_member("other")

    assert switch(own, live.begin(agent=agent), "pause") == (200, "paused")
    assert switch(own, live.begin(agent=other), "pause")[0] == 403
    assert switch(own, live.begin(), "pause")[0] == 403


def test_another_accounts_call_does_not_exist() -> None:
    elsewhere = live.member(sub_tenant=factories.account("elsewhere"))

    assert switch(elsewhere, live.begin(), "pause")[0] == 404
    assert not Pause.objects.exists()


def test_a_pause_begins_when_it_was_asked_for(supervisor: Member) -> None:
    call = live.begin()
    before = services.work.database_now()

    switch(supervisor, call, "pause")

    assert timedelta(0) <= Pause.objects.get().paused_at - before < timedelta(seconds=5)

"""Live calls: registered, listed, hung up."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from calls.models import Agent, Call, Customer, Recording, SimulatedCall
from calls.services import live as services
from calls.services.live import HangUp
from calls.telephony import PROVIDERS
from calls.telephony.port import Unavailable
from calls.telephony.simulator import Simulator
from partners.models import Delivery, Role
from tests.support import factories, live, recordings
from tests.support.live import CALLS, PHONE, Member

pytestmark = pytest.mark.django_db

URL = "https://example.com/call.wav"


@pytest.fixture
def away(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider that does not answer."""

    class Away(Simulator):
        name = "away"

        def originate(self, *, to: str, caller_id: str = "") -> str:
            raise Unavailable("it does not answer")

        def hangup(self, call_id: str) -> Any:
            raise Unavailable("it does not answer")

    monkeypatch.setitem(PROVIDERS, "away", Away)
    settings.TELEPHONY_PROVIDER = "away"


def body(**fields: Any) -> dict[str, Any]:
    return {"campaign_id": live.campaign().pk, "phone": PHONE, **fields}


def iso(seconds_ago: float) -> str:
    return (timezone.now() - timedelta(seconds=seconds_ago)).isoformat().replace("+00:00", "Z")


def errors(answer: Any) -> dict[str, list[str]]:
    assert answer.status_code == 422, answer.content
    return answer.json()["errors"]


# --- Registering ------------------------------------------------------------------------------------------
def test_a_registered_call_is_in_progress(supervisor: Member) -> None:
    given = body(provider_call_id="pbx-1", started_at="2026-06-06T07:00:00Z")

    answer = supervisor.post(CALLS, given)

    call = Call.objects.get()
    assert answer.status_code == 201
    assert answer.json() == {"data": {"uuid": str(call.uuid), "status": "in_progress"}}
    assert answer["Location"] == f"{CALLS}/{call.uuid}"
    assert (call.source, call.external_id, call.provider) == ("live", "pbx-1", "")
    customer = Customer.objects.get()
    assert (customer.partner, customer.external_id, call.customer) == (None, PHONE, customer)
    assert supervisor.get(answer["Location"]).json()["data"] == {
        "uuid": str(call.uuid),
        "status": "in_progress",
        "started_at": "2026-06-06T07:00:00Z",
        "ended_at": None,
        "phone": PHONE,
        "agent": None,
        "campaign_id": given["campaign_id"],
        "disposition_code": None,
        "provider": None,
        "recording": "recording",
        "pauses": [],
    }


def test_the_same_id_again_changes_nothing(supervisor: Member) -> None:
    first = supervisor.post(CALLS, body(provider_call_id="pbx-1"))

    again = supervisor.post(CALLS, body(provider_call_id="pbx-1", phone="+4930111222"))

    assert (again.status_code, again.json()) == (200, first.json())
    assert again["Location"] == first["Location"]
    assert Call.objects.get().customer_phone == PHONE
    assert Customer.objects.count() == 1


def test_an_id_belongs_to_one_account(supervisor: Member) -> None:
    elsewhere = factories.account("elsewhere")
    live.begin(elsewhere, "pbx-1")

    assert supervisor.post(CALLS, body(provider_call_id="pbx-1")).status_code == 201


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"phone": "0301234"}, "phone"),
        ({"phone": ...}, "phone"),
        ({"campaign_id": ...}, "campaign_id"),
        ({"campaign_id": 999_999}, "campaign_id"),
        ({"campaign_id": "1"}, "campaign_id"),
        ({"campaign_id": True}, "campaign_id"),
        ({"agent_id": 999_999}, "agent_id"),
        ({"started_at": "yesterday"}, "started_at"),
        ({"started_at": "9999-12-31T23:59:59Z"}, "started_at"),
        ({"provider_call_id": ""}, "provider_call_id"),
        ({"provider_call_id": "a" * 256}, "provider_call_id"),
        ({"provider_call_id": "a\u0000"}, "provider_call_id"),
    ],
)
def test_what_is_wrong_is_named(supervisor: Member, wrong: dict[str, Any], field: str) -> None:
    given = {name: value for name, value in {**body(), **wrong}.items() if value is not ...}

    assert list(errors(supervisor.post(CALLS, given))) == [field]
    assert not Call.objects.exists()


def test_another_accounts_campaign_and_agent_are_unknown(supervisor: Member) -> None:
    elsewhere = factories.account("elsewhere")
    agent = Agent.objects.create(sub_tenant=elsewhere, external_id="x")
    given = {"phone": PHONE, "campaign_id": live.campaign(elsewhere).pk, "agent_id": agent.pk}

    assert errors(supervisor.post(CALLS, given)) == {
        "agent_id": [f"Unknown agent: {agent.pk}."],
        "campaign_id": [f"Unknown campaign: {given['campaign_id']}."],
    }


# --- Agents -----------------------------------------------------------------------------------------------
def test_an_agents_call_is_their_own() -> None:
    own, agent = live.agent_member()

    assert own.post(CALLS, body()).status_code == 201
    assert own.post(CALLS, body(agent_id=agent.pk)).status_code == 201
    assert set(Call.objects.values_list("agent", flat=True)) == {agent.pk}


def test_an_agent_registers_nothing_for_others() -> None:
    own, _ = live.agent_member("own")
    _, other = live.agent_member("other")
    live.begin(provider_call_id="pbx-1", agent=other)

    assert own.post(CALLS, body(agent_id=other.pk)).status_code == 403
    assert own.post(CALLS, body(provider_call_id="pbx-1")).status_code == 403
    assert Call.objects.count() == 1


def test_an_agent_who_is_none_registers_nothing() -> None:
    assert list(errors(live.member(Role.AGENT).post(CALLS, body()))) == ["agent_id"]


# --- The provider -----------------------------------------------------------------------------------------
def test_a_call_without_an_id_is_placed_by_the_provider(supervisor: Member, simulator: None) -> None:
    assert supervisor.post(CALLS, body()).status_code == 201

    call, simulated = Call.objects.get(), SimulatedCall.objects.get()
    assert (call.provider, call.external_id) == ("simulator", str(simulated.pk))
    assert simulated.phone == PHONE


def test_a_call_of_another_provider_is_only_registered(supervisor: Member, simulator: None) -> None:
    supervisor.post(CALLS, body(provider_call_id="pbx-1"))

    assert Call.objects.get().provider == ""
    assert not SimulatedCall.objects.exists()


def test_a_call_that_cannot_be_placed_is_none(supervisor: Member, away: None) -> None:
    answer = supervisor.post(CALLS, body())

    assert (answer.status_code, answer.json()) == (
        503,
        {"message": "The call could not be placed: it does not answer."},
    )
    assert not Call.objects.exists()


# --- Lists ------------------------------------------------------------------------------------------------
def shown(who: Member, **query: Any) -> list[str]:
    answer = who.get(CALLS, query)
    assert answer.status_code == 200, answer.content
    names = {str(call.uuid): call.external_id for call in Call.objects.all()}
    return [names[row["uuid"]] for row in answer.json()["data"]]


@pytest.fixture
def three() -> dict[str, Any]:
    """Ended yesterday, begun an hour ago by an agent for a campaign, begun now."""
    now, campaign = timezone.now(), live.campaign()
    _, agent = live.agent_member("listed")
    ended = live.begin(provider_call_id="ended", started_at=now - timedelta(days=1))
    services.hang_up(call=ended, how=HangUp())
    live.begin(provider_call_id="hour", started_at=now - timedelta(hours=1), agent=agent, campaign=campaign)
    live.begin(provider_call_id="now")
    return {"agent_id": agent.pk, "campaign_id": campaign.pk}


def test_the_list_is_of_live_calls_newest_first(supervisor: Member, three: dict[str, Any]) -> None:
    factories.ingest(factories.provisioned())

    assert shown(supervisor) == ["now", "hour", "ended"]
    assert shown(supervisor, status="in_progress") == ["now", "hour"]
    assert shown(supervisor, status="ended") == ["ended"]
    assert shown(supervisor, agent_id=three["agent_id"]) == ["hour"]
    assert shown(supervisor, campaign_id=three["campaign_id"]) == ["hour"]
    assert shown(supervisor, date_from=iso(7200)) == ["now", "hour"]
    assert shown(supervisor, date_to=iso(7200)) == ["ended"]
    assert shown(supervisor, per_page=1, page=2) == ["hour"]


def test_a_page_tells_where_it_stands(supervisor: Member, three: dict[str, Any]) -> None:
    page = supervisor.get(CALLS, {"per_page": 2}).json()
    del page["data"]
    assert page == {
        "current_page": 1,
        "last_page": 2,
        "per_page": 2,
        "total": 3,
        "total_is_capped": False,
    }


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"status": "ringing"}, "status"),
        ({"agent_id": "999999"}, "agent_id"),
        ({"agent_id": "a"}, "agent_id"),
        ({"campaign_id": "999999"}, "campaign_id"),
        ({"per_page": "201"}, "per_page"),
        ({"date_from": "2026-01-01T00:00:00Z", "date_to": "2026-03-01T00:00:00Z"}, "date_to"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(
    supervisor: Member, query: dict[str, str], field: str
) -> None:
    assert list(errors(supervisor.get(CALLS, query))) == [field]


def test_an_agent_sees_only_own_calls() -> None:
    own, agent = live.agent_member("own")
    mine = live.begin(provider_call_id="mine", agent=agent)
    other = live.begin(provider_call_id="other")

    assert shown(own) == ["mine"]
    assert own.get(f"{CALLS}/{mine.uuid}").status_code == 200
    assert own.get(f"{CALLS}/{other.uuid}").status_code == 403


def test_a_page_of_many_calls_costs_as_many_queries_as_one(supervisor: Member) -> None:
    counts = []
    supervisor.get(CALLS)  # notes that the token is in use, once a minute
    for number in (1, 9):
        for _ in range(number):
            live.pause(live.begin())
        with CaptureQueriesContext(connection) as queries:
            supervisor.get(CALLS)
        counts.append(len(queries))
    assert counts == [3, 3]


# --- Hanging up -------------------------------------------------------------------------------------------
def hang_up(who: Member, call: Call, **given: Any) -> Any:
    return who.post(f"{CALLS}/{call.uuid}/hangup", given)


def test_the_recording_of_a_call_that_ended_is_fetched(supervisor: Member) -> None:
    call = live.begin(provider_call_id="pbx-1", started_at=timezone.now() - timedelta(minutes=5))
    ended, began = iso(60), iso(290)

    answer = hang_up(
        supervisor,
        call,
        ended_at=ended,
        recording_url=f"{URL}?X-Amz-Date=20300101T000000Z&X-Amz-Expires=60",
        recording_started_at=began,
        pauses="silenced",
    )

    assert answer.status_code == 200
    assert (answer.json()["data"]["status"], answer.json()["data"]["recording"]) == ("ended", "queued")
    recording = Recording.objects.get(call=call)
    assert (recording.state, recording.lane) == ("due", f"sub_tenant:{call.sub_tenant_id}")
    assert (recording.target, recording.pause_handling) == ("example.com", "silenced")
    assert recording.url_expires_at.year == 2030
    assert recording.started_at.isoformat().replace("+00:00", "Z") == began
    assert Call.objects.get().ended_at.isoformat().replace("+00:00", "Z") == ended
    assert not Delivery.objects.exists()


def test_without_an_address_there_is_no_recording(supervisor: Member) -> None:
    call = live.begin()

    assert hang_up(supervisor, call).json()["data"]["recording"] == "none"
    assert not Recording.objects.exists()


def test_a_call_that_was_paused_needs_the_beginning_of_its_recording(supervisor: Member) -> None:
    call = live.begin()
    live.pause(call)

    assert list(errors(hang_up(supervisor, call, recording_url=URL))) == ["recording_started_at"]
    assert Call.objects.get().in_progress
    assert hang_up(supervisor, call, recording_url=URL, recording_started_at=iso(1)).status_code == 200
    assert Recording.objects.get().pause_handling == "ignored"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"ended_at": "2020-01-01T00:00:00Z"}, "ended_at"),
        ({"ended_at": "9999-12-31T23:59:59Z"}, "ended_at"),
        ({"recording_url": "ftp://example.com/a"}, "recording_url"),
        ({"recording_url": "simulator:00000000-0000-4000-8000-000000000000"}, "recording_url"),
        ({"recording_url": "https://"}, "recording_url"),
        ({"recording_url": "https://a:x/"}, "recording_url"),
        ({"pauses": "none"}, "pauses"),
    ],
)
def test_a_wrong_end_is_named(supervisor: Member, wrong: dict[str, Any], field: str) -> None:
    call = live.begin()

    assert list(errors(hang_up(supervisor, call, **wrong))) == [field]
    assert Call.objects.get().in_progress


def test_hanging_up_again_is_answered_alike_unless_something_differs(supervisor: Member) -> None:
    call = live.begin(started_at=timezone.now() - timedelta(minutes=5))
    given = {"ended_at": iso(60), "recording_url": URL, "recording_started_at": iso(290)}
    first = hang_up(supervisor, call, **given)

    for again in ({}, given, {"recording_url": URL}):
        answer = hang_up(supervisor, call, **again)
        assert (answer.status_code, answer.json()) == (200, first.json())
    for other in ({"ended_at": iso(1)}, {"recording_url": f"{URL}2"}, {"pauses": "omitted"}):
        answer = hang_up(supervisor, call, **other)
        assert (answer.status_code, answer.json()["error_code"]) == (409, "CALL_NOT_IN_PROGRESS")
    assert Recording.objects.get().source_url == URL


def test_the_provider_ends_the_call_and_has_the_recording(supervisor: Member, simulator: None) -> None:
    call = live.begin()
    live.pause(call)

    hang_up(supervisor, call)

    simulated, recording = SimulatedCall.objects.get(), Recording.objects.get()
    assert Call.objects.get().ended_at == simulated.ended_at
    assert recording.source_url == f"simulator:{simulated.pk}"
    assert (recording.started_at, recording.pause_handling) == (simulated.started_at, "ignored")


def test_a_call_that_the_provider_has_lost_can_still_be_ended(supervisor: Member, simulator: None) -> None:
    call = live.begin()
    SimulatedCall.objects.all().delete()

    assert hang_up(supervisor, call).json()["data"]["recording"] == "none"


def test_a_call_stays_in_progress_while_its_provider_is_away(supervisor: Member, away: None) -> None:
    call = live.begin(provider_call_id="x")
    Call.objects.update(provider="away")

    answer = hang_up(supervisor, call)

    assert (answer.status_code, "it does not answer" in answer.json()["message"]) == (503, True)
    assert Call.objects.get().in_progress


def test_a_stored_recording_is_told_with_the_call(supervisor: Member) -> None:
    call = live.begin()
    hang_up(supervisor, call, recording_url=URL)
    recordings.store(call, b"RIFF")

    assert supervisor.get(f"{CALLS}/{call.uuid}").json()["data"]["recording"] == "available"

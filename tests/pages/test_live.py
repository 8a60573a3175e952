"""Live calls: who sees which, what is said of their recording, and what may be done about them."""

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from calls.models import AccessRecord, Agent, Call, DispositionChange, DispositionCode, Pause, Recording
from partners.models import Role, SubTenant, User
from tests.support import factories, live

HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _simulated(settings: Any) -> None:
    settings.TELEPHONY_PROVIDER = "simulator"


@pytest.fixture
def ada(account: SubTenant) -> User:
    user = factories.person(Role.AGENT, username="ada")
    Agent.objects.create(sub_tenant=account, external_id="101", name="Ada Lindt", user=user)
    return user


@pytest.fixture
def call(ada: User) -> Call:
    """A call of Ada's in progress."""
    return live.begin(agent=ada.agent)


def as_(who: User | str) -> Client:
    client = Client()
    client.force_login(who if isinstance(who, User) else factories.person(who))
    return client


def text(answer: HttpResponse) -> str:
    assert answer.status_code == 200, answer.content[:1000]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def shown(answer: HttpResponse) -> list[str]:
    return re.findall(r'<article[^>]* id="call-([0-9a-f-]{36})"', answer.content.decode())


def act(client: Client, call: Call, what: str, body: Any = None, **options: Any) -> HttpResponse:
    return client.post(f"/live/{call.uuid}/{what}", body, **options)


# --- Who sees what ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", ["/live", "/live/calls"])
def test_a_supervisor_sees_all_an_agent_the_own_and_nobody_anothers(
    path: str, call: Call, account: SubTenant, ada: User
) -> None:
    other = live.begin()
    live.begin(factories.account("elsewhere"))
    ended = live.begin()
    Call.objects.filter(pk=ended.pk).update(ended_at=timezone.now())

    assert shown(as_(Role.SUPERVISOR).get(path)) == [str(other.uuid), str(call.uuid)]
    assert shown(as_(ada).get(path)) == [str(call.uuid)]
    assert shown(as_(Role.AGENT).get(path)) == []


def test_read_only_sees_and_cannot_act(call: Call) -> None:
    page = as_(Role.READ_ONLY).get("/live")
    assert shown(page) == [str(call.uuid)]
    for word in ("Pause recording", "Hang up", "Dispose", "Register"):
        assert word not in text(page)


def test_a_call_names_phone_agent_campaign_and_the_simulator(account: SubTenant, ada: User) -> None:
    live.begin(agent=ada.agent, campaign=live.campaign())
    page = text(as_(Role.SUPERVISOR).get("/live"))
    for word in (live.PHONE, "Ada Lindt (101)", "Spring", "simulator (no real telephone)", "Recording"):
        assert word in page


def test_start_and_pause_are_told_in_the_viewers_zone(call: Call) -> None:
    live.pause(call)
    client = as_(Role.SUPERVISOR)
    client.cookies["time_zone"] = "Asia/Kathmandu"
    local = timezone.localtime(call.started_at, timezone.get_fixed_timezone(345))
    page = text(client.get("/live"))
    assert f"since {local:%H:%M}" in page
    assert f"Paused since {local:%H:%M}" in page


# --- Pausing ----------------------------------------------------------------------------------------------
def test_an_agent_pauses_and_resumes_the_own_call(call: Call, ada: User) -> None:
    client = as_(ada)
    assert act(client, call, "pause").status_code == 302
    assert "Paused since" in text(client.get("/live"))
    assert act(client, call, "resume").status_code == 302
    assert "Paused since" not in text(client.get("/live"))

    pause = Pause.objects.get()
    assert (pause.paused_by, pause.resumed_by) == ("ada", "ada")
    assert list(AccessRecord.objects.order_by("pk").values_list("kind", "user")) == [
        ("pause", ada.pk),
        ("resume", ada.pk),
    ]


def test_htmx_gets_the_call_alone_as_it_is_then(call: Call, ada: User) -> None:
    answer = act(as_(ada), call, "pause", headers=HTMX)
    assert shown(answer) == [str(call.uuid)]
    assert "Resume recording" in text(answer)
    assert "<html" not in answer.content.decode()


def test_a_switch_that_comes_too_late_shows_that_the_call_has_ended(call: Call, ada: User) -> None:
    client = as_(ada)
    act(client, call, "hangup")
    answer = act(client, call, "pause", headers=HTMX)
    assert "Ended" in text(answer)
    assert "Pause recording" not in text(answer)
    assert "has ended already" in text(act(client, call, "pause", follow=True))
    assert not Pause.objects.exists()


def test_a_pause_that_stays_is_warned_of_in_words(call: Call, settings: Any) -> None:
    live.pause(call)
    client = as_(Role.SUPERVISOR)
    assert "Is it still meant to be?" not in text(client.get("/live/calls"))
    Pause.objects.update(paused_at=timezone.now() - timedelta(seconds=settings.PAUSE_ALERT_SECONDS))
    assert "Paused for 10 minutes. Is it still meant to be?" in text(client.get("/live/calls"))


# --- Ending -----------------------------------------------------------------------------------------------
def test_a_hang_up_ends_the_call_and_has_its_recording_fetched(call: Call) -> None:
    page = act(as_(Role.SUPERVISOR), call, "hangup", follow=True)
    assert shown(page) == []
    call.refresh_from_db()
    assert call.ended_at is not None
    assert Recording.objects.get().call == call


def test_an_agents_call_waits_for_its_disposition_after_its_end(
    call: Call, ada: User, account: SubTenant
) -> None:
    DispositionCode.objects.create(sub_tenant=account, code="SALE", label="Sale")
    client = as_(ada)
    page = act(client, call, "hangup", follow=True)
    assert shown(page) == [str(call.uuid)]
    assert "Sale (SALE)" in text(page)

    page = act(client, call, "disposition", {"code": "SALE", "note": "twice"}, follow=True)

    assert shown(page) == []
    call.refresh_from_db()
    assert call.disposition == "SALE"
    change = DispositionChange.objects.get()
    assert (change.new, change.note, change.changed_by) == ("SALE", "twice", "ada")


@pytest.mark.parametrize("code", ["", "GONE", "UNKNOWN"])
def test_a_disposition_that_is_not_offered_is_refused_at_the_calls_field(
    code: str, call: Call, account: SubTenant
) -> None:
    DispositionCode.objects.create(sub_tenant=account, code="GONE", is_active=False)
    other = live.begin()
    answer = act(as_(Role.SUPERVISOR), call, "disposition", {"code": code})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert f'id="{call.uuid}-code_error"' in page
    assert f'id="{other.uuid}-code_error"' not in page
    call.refresh_from_db()
    assert call.disposition == ""


@pytest.mark.parametrize("what", ["pause", "resume", "hangup", "disposition"])
def test_another_agents_call_is_forbidden_and_another_accounts_not_found(what: str, call: Call) -> None:
    elsewhere = live.begin(factories.account("elsewhere"))
    assert act(as_(Role.AGENT), call, what).status_code == 403
    assert act(as_(Role.READ_ONLY), call, what).status_code == 403
    for missing in (elsewhere, Call(uuid=uuid.uuid4())):
        assert act(as_(Role.ADMIN), missing, what).status_code == 404
    assert not Pause.objects.exists()
    assert not Call.objects.exclude(ended_at=None).exists()


# --- Registering ------------------------------------------------------------------------------------------
def test_a_supervisor_registers_a_call_for_an_agent(account: SubTenant, ada: User) -> None:
    fields = {"campaign": live.campaign().pk, "phone": "+1 (202) 555-0123", "agent": ada.agent.pk}
    page = as_(Role.SUPERVISOR).post("/live", fields, follow=True)

    made = Call.objects.get()
    assert shown(page) == [str(made.uuid)]
    assert (made.customer_phone, made.agent, made.provider) == (live.PHONE, ada.agent, "simulator")
    assert "simulator" in text(page)


def test_an_agent_registers_the_own_calls_only(account: SubTenant, ada: User) -> None:
    other = Agent.objects.create(sub_tenant=account, external_id="102")
    fields = {"campaign": live.campaign().pk, "phone": live.PHONE, "agent": other.pk}
    as_(ada).post("/live", fields)
    assert Call.objects.get().agent == ada.agent


def test_whoever_is_no_agent_of_the_account_is_offered_no_form(account: SubTenant) -> None:
    nobody = as_(Role.AGENT)
    assert "Register" not in text(nobody.get("/live"))
    fields = {"campaign": live.campaign().pk, "phone": live.PHONE}
    assert nobody.post("/live", fields).status_code == 403


@pytest.mark.parametrize(
    ("field", "value"),
    [("phone", ""), ("phone", "0301234567"), ("phone", "+0123"), ("phone", "+1٢٣"), ("campaign", "0")],
)
def test_a_mistake_is_named_at_its_field(field: str, value: str, account: SubTenant) -> None:
    fields = {"campaign": live.campaign().pk, "phone": live.PHONE, field: value}
    answer = as_(Role.SUPERVISOR).post("/live", fields)
    assert answer.status_code == 422
    assert f'id="id_{field}_error"' in answer.content.decode()
    assert not Call.objects.exists()


def test_campaign_and_agent_of_another_account_are_refused(account: SubTenant) -> None:
    elsewhere = factories.account("elsewhere")
    agent = Agent.objects.create(sub_tenant=elsewhere, external_id="9")
    fields = {"campaign": live.campaign(elsewhere).pk, "phone": live.PHONE, "agent": agent.pk}
    page = as_(Role.SUPERVISOR).post("/live", fields).content.decode()
    assert 'id="id_campaign_error"' in page
    assert 'id="id_agent_error"' in page


# --- Cost -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", ["/live", "/live/calls"])
def test_many_calls_take_as_many_queries_as_one(path: str, call: Call) -> None:
    live.pause(call)
    client = as_(Role.SUPERVISOR)

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            client.get(path)
        return len(seen)

    before = queries()
    for _ in range(8):
        live.pause(live.begin(agent=call.agent))
    assert queries() == before <= 10

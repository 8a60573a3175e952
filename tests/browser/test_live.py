"""Live calls: paused and resumed in the browser, and what the recording is like afterwards."""

from datetime import timedelta

import pytest
from playwright.sync_api import Locator, expect

from calls.models import AccessRecord, Call, Pause, Recording, SimulatedCall
from calls.telephony.simulator import Simulator
from tests.browser import seeds
from tests.browser.chromium import Window
from tests.browser.seeds import Account
from zipingest import work


@pytest.fixture
def live(account: Account) -> Call:
    """Ada's, carried by the simulator for a minute now."""
    call_id = Simulator().originate(to="+49305550001")
    call = seeds.in_progress(account, 501, minutes=1, provider=Simulator.name, external_id=call_id)
    SimulatedCall.objects.filter(pk=call_id).update(started_at=call.started_at)
    return call


@pytest.mark.slow
def test_an_agent_pauses_and_resumes_the_own_call(window: Window, account: Account, live: Call) -> None:
    other = seeds.in_progress(account, 502, minutes=1, agent=seeds.speaks(account.sub_tenant, "102", "Bruno"))
    window.sign_in(account.agent).open("/live")
    expect(window.page.get_by_text(other.customer_phone)).to_have_count(0)
    card = card_of(window, live)
    expect(card.get_by_text("Recording", exact=True)).to_be_visible()

    card.get_by_role("button", name="Pause recording").press("Enter")
    expect(card.get_by_text("Paused since")).to_be_visible()
    expect(card.get_by_role("button", name="Resume recording")).to_be_focused()
    assert window.violations() == []
    card.get_by_role("button", name="Resume recording").press("Enter")
    expect(card.get_by_text("Recording", exact=True)).to_be_visible()
    switched = AccessRecord.objects.filter(call=live).order_by("id").values_list("kind", "actor")
    assert list(switched) == [("pause", account.agent.username), ("resume", account.agent.username)]


@pytest.mark.slow
def test_a_supervisor_sees_what_others_do_without_reloading(
    window: Window, account: Account, live: Call
) -> None:
    window.sign_in(account.supervisor).open("/live")
    seeds.paused(live, minutes=0, by="somebody")
    expect(card_of(window, live).get_by_text("by somebody")).to_be_visible()
    newer = seeds.in_progress(account, 503, minutes=0)
    expect(card_of(window, newer)).to_be_visible()


@pytest.mark.slow
def test_a_paused_call_that_is_hung_up_shows_its_span(window: Window, account: Account, live: Call) -> None:
    window.sign_in(account.supervisor).open("/live")
    card = card_of(window, live)
    card.get_by_role("button", name="Pause recording").click()
    expect(card.get_by_text("Paused since")).to_be_visible()
    Pause.objects.filter(call=live).update(paused_at=live.started_at + timedelta(seconds=20))
    card.get_by_text("Hang up…").click()
    card.get_by_role("button", name="Hang up").click()
    expect(window.page.locator("main")).not_to_contain_text("Paused since")

    assert work.run_one(Recording)
    window.open(f"/library/{live.uuid}")
    expect(window.page.get_by_text("Recording paused: 0:20")).to_be_visible()
    assert window.violations() == []


def card_of(window: Window, call: Call) -> Locator:
    return window.page.locator(f"#call-{call.uuid}")

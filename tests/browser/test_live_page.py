"""The live page keeps itself current, and leaves alone what somebody is at."""

import pytest
from playwright.sync_api import expect

from calls.models import Call
from tests.browser import seeds
from tests.browser.chromium import Window
from tests.browser.seeds import Account
from zipingest import work

pytestmark = pytest.mark.slow


def test_a_form_that_is_open_stays_as_it_is_while_the_calls_are_refreshed(
    window: Window, account: Account
) -> None:
    call = seeds.in_progress(account, 11, minutes=2, agent=account.speaker)
    seeds.code(account, "SALE", "Sale", "success")
    window.sign_in(account.supervisor).open("/live")
    card = window.page.locator(f"#call-{call.uuid}")
    card.get_by_text("Dispose…").click()
    note = card.get_by_label("Note")
    note.fill("half a sen")

    seeds.paused(call, minutes=1, by="ada")
    other = seeds.in_progress(account, 12, minutes=1, agent=account.speaker)

    expect(card.get_by_text("Paused since")).to_be_visible()
    expect(window.page.locator(f"#call-{other.uuid}")).to_be_visible()
    expect(window.page.get_by_text("2 calls in progress")).to_be_visible()
    expect(note).to_be_focused()
    expect(note).to_have_value("half a sen")


def test_a_call_that_ends_elsewhere_leaves_the_page(window: Window, account: Account) -> None:
    call = seeds.in_progress(account, 11, minutes=2, agent=account.speaker)
    window.sign_in(account.supervisor).open("/live")
    card = window.page.locator(f"#call-{call.uuid}")
    expect(card).to_be_visible()

    Call.objects.filter(pk=call.pk).update(ended_at=work.database_now())

    expect(card).to_have_count(0)
    expect(window.role("heading", "No calls in progress")).to_be_visible()


def test_a_call_is_registered_hung_up_and_disposed(window: Window, account: Account) -> None:
    seeds.code(account, "SALE", "Sale", "success")
    window.sign_in(account.agent).open("/live")
    page = window.page
    page.get_by_text("Register a call…").click()
    page.get_by_label("Campaign").select_option(label="Spring renewals")
    page.get_by_label("Phone").fill("+49 30 1234567")
    window.role("button", "Register the call").click()
    expect(window.role("heading", "+49301234567")).to_be_visible()

    page.get_by_text("Hang up…").click()
    window.role("button", "Hang up", exact=True).click()
    expect(page.get_by_text("is hung up.")).to_be_visible()
    page.get_by_label("Disposition").select_option("SALE")
    window.role("button", "Dispose", exact=True).click()
    expect(page.get_by_text("is disposed as SALE.")).to_be_visible()
    expect(window.role("heading", "No calls in progress")).to_be_visible()
    assert Call.objects.get(customer_phone="+49301234567").disposition == "SALE"

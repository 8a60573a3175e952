"""The page of a batch in a real browser: it renews itself, waits while somebody is at it, and takes keys."""

import pytest
from playwright.sync_api import expect

from calls.dialer.models import Batch, Blocked, Contact
from tests.browser import seeds
from tests.browser.chromium import Window
from tests.browser.seeds import Account

pytestmark = pytest.mark.slow


def _batch(account: Account) -> Batch:
    """One contact whose outcome is not known, one that waits."""
    number = seeds.calling_number(account, "+12025550100", "Ava")
    batch = seeds.batch(account, "First wave", number)
    seeds.contact(batch, 1, "failed", "unknown", blocked_by=Blocked.UNKNOWN)
    seeds.contact(batch, 2, "pending")
    return batch


def test_the_page_renews_itself_but_not_under_an_open_question(window: Window, account: Account) -> None:
    batch = _batch(account)
    window.sign_in(account.supervisor).open(f"/batches/{batch.public_id}")
    page = window.page
    expect(page.locator("#contacts tbody tr")).to_have_count(2)
    question = page.get_by_label("Dial +12125551001 again…")
    question.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("somebody may have answered it")).to_be_visible()

    seeds.contact(batch, 3, "pending")
    expect(page.locator("#standing")).to_contain_text("Waiting 2")  # the figures go on meanwhile
    expect(page.locator("#contacts tbody tr")).to_have_count(2)
    page.keyboard.press("Enter")  # closed, and left
    page.get_by_label("Phone", exact=True).focus()
    expect(page.locator("#contacts tbody tr")).to_have_count(3)


def test_a_contact_is_found_and_dialled_again_by_keyboard(window: Window, account: Account) -> None:
    batch = _batch(account)
    window.sign_in(account.supervisor).open(f"/batches/{batch.public_id}")
    page = window.page
    page.get_by_label("Phone", exact=True).focus()
    page.keyboard.type("+1 212 555 1001")
    page.keyboard.press("Enter")
    expect(page.locator("#contacts tbody tr")).to_have_count(1)
    page.get_by_label("Dial +12125551001 again…").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("+12125551001 is called again")
    assert Contact.objects.get(batch=batch, phone="+12125551001").round == 2

"""Signing in, out, and back to where one was."""

import re

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import expect

from tests.browser.chromium import ZONE, Window
from tests.browser.seeds import PASSWORD, Account


@pytest.mark.slow
def test_signing_in_leads_to_the_library_and_signing_out_back(window: Window, account: Account) -> None:
    window.open("/")
    fill_in(window, account.supervisor.username)
    window.role("button", "Sign in").click()
    expect(window.page).to_have_url(f"{window.url}/library")
    expect(window.page.locator("header")).to_contain_text(account.supervisor.username)
    expect(window.page.get_by_text(f"Times are in {ZONE}")).to_be_visible()

    window.role("button", "Sign out").click()
    expect(window.role("heading", "Sign in")).to_be_visible()
    window.open("/library")
    expect(window.page).to_have_url(f"{window.url}/login?next=/library")


@pytest.mark.slow
def test_whoever_is_turned_away_is_told_why_and_keeps_the_name(window: Window, account: Account) -> None:
    window.open("/login")
    fill_in(window, account.supervisor.username, "not the password")
    window.role("button", "Sign in").click()
    expect(window.page.get_by_role("alert")).to_be_visible()
    expect(window.page.get_by_label("User name")).to_have_value(account.supervisor.username)
    assert window.violations() == []


@pytest.mark.slow
def test_a_session_that_ended_leads_back_to_the_page_one_was_at(window: Window, account: Account) -> None:
    window.sign_in(account.supervisor).open("/exports?page=1")
    Session.objects.all().delete()
    window.page.reload()
    fill_in(window, account.supervisor.username)
    window.page.keyboard.press("Enter")
    expect(window.page).to_have_url(f"{window.url}/exports?page=1")


@pytest.mark.slow
def test_the_links_of_the_pages_are_those_of_the_role(window: Window, account: Account) -> None:
    window.sign_in(account.agent).open("/library")
    links = window.page.get_by_role("navigation", name="Pages").get_by_role("link")
    expect(links).to_have_text(["Library", "Live calls"])
    expect(links.first).to_have_attribute("aria-current", "page")
    window.expected.add(403)
    window.page.goto("/exports")
    expect(window.page.locator("h1")).to_have_text(re.compile("."))


def fill_in(window: Window, username: str, password: str = PASSWORD) -> None:
    window.page.get_by_label("User name").fill(username)
    window.page.get_by_label("Password").fill(password)

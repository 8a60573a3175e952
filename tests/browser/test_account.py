"""People, retention and dispositions: what an account's admin does."""

import re

import pytest
from playwright.sync_api import Browser, Error, expect

from calls.models import DispositionCode
from partners.models import User
from tests.browser import seeds
from tests.browser.chromium import Window
from tests.browser.seeds import Account
from tests.browser.test_sign_in import fill_in

pytestmark = pytest.mark.slow


def test_a_person_is_added_with_a_password_that_is_shown_once(
    window: Window, browser: Browser, account: Account
) -> None:
    window.sign_in(account.admin).open("/people")
    window.role("link", "Add a person").click()
    username = f"ida.{account.sub_tenant.external_id}"
    window.page.get_by_label("User name").fill(username)
    window.page.get_by_label("Role").select_option("supervisor")
    window.role("button", "Add the person").click()
    password = window.page.locator("code.secret").inner_text()
    assert window.violations() == []

    window.role("link", "I have noted it").click()
    expect(window.page.get_by_text(username)).to_be_visible()
    with pytest.raises(Error, match="ERR_CACHE_MISS"):
        window.page.go_back()
    hers = Window(browser, window.url).open("/login")
    fill_in(hers, username, password)
    hers.role("button", "Sign in").click()
    expect(hers.role("heading", "Library")).to_be_visible()
    assert hers.trouble == []
    hers.close()


def test_a_shorter_retention_is_asked_about_before_it_counts(window: Window, account: Account) -> None:
    window.sign_in(account.admin).open("/retention")
    window.page.get_by_label(re.compile("Days")).fill("1")
    window.role("button", "Show what it does").click()
    expect(window.page.get_by_text("can no longer be heard")).to_be_visible()
    account.sub_tenant.refresh_from_db()
    assert account.sub_tenant.retention_days is None
    assert window.violations() == []
    window.role("button", re.compile("^Keep them")).click()
    expect(window.page.locator(".head")).to_contain_text("1 day")
    account.sub_tenant.refresh_from_db()
    assert account.sub_tenant.retention_days == 1


def test_a_call_that_expires_soon_is_held_and_released(window: Window, account: Account) -> None:
    account.sub_tenant.retention_days = 7
    account.sub_tenant.save()
    window.sign_in(account.admin).open("/retention")
    window.role("button", re.compile("^Hold the call")).first.click()
    held = window.page.get_by_role("region", name="Legal holds")
    expect(held).to_contain_text(account.admin.username)
    held.get_by_text("Release…").click()
    held.get_by_role("button", name="Release").click()
    expect(held).to_contain_text("No call is held.")


def test_a_code_is_added_and_switched_off(window: Window, account: Account) -> None:
    seeds.code(account, "SALE", "Sale", "success")
    window.sign_in(account.supervisor).open("/dispositions")
    window.page.get_by_label("Code", exact=True).fill("CALL-LATER")
    window.page.get_by_label("Label").fill("Call later")
    window.page.get_by_label("Category").select_option("callback")
    window.role("button", "Add the code").click()
    row = window.page.locator("tbody tr", has_text="CALL-LATER")
    row.get_by_role("button", name="Deactivate").click()
    expect(row).to_contain_text("Inactive")
    assert not DispositionCode.objects.get(sub_tenant=account.sub_tenant, code="CALL-LATER").is_active


def test_a_person_of_another_account_is_not_there(window: Window, account: Account) -> None:
    foreign = seeds.small(calls=0)
    window.sign_in(account.admin).open(f"/people/{foreign.agent.pk}", status=404)
    expect(window.page.locator("body")).not_to_contain_text(foreign.agent.username)
    assert User.objects.filter(sub_tenant=account.sub_tenant).count() == 3

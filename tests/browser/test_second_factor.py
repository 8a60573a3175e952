"""The way into the console by keyboard: password, app, recovery codes; in every size and colour of window."""

from base64 import b32decode
from collections.abc import Iterator

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.core.management import call_command
from django_otp.oath import TOTP
from playwright.sync_api import Browser, expect

from partners.models import User
from tests.browser.chromium import NARROW, WIDE, Window
from tests.support.api import gunicorn

PASSWORD = "a-Long-1-phrase"


@pytest.fixture(scope="module")
def console(server: str, patch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a product that asks for it, with the console's static files."""
    call_command("collectstatic", interactive=False, verbosity=0)
    patch.setenv("SECOND_FACTOR", "True")
    with gunicorn(threads=8) as (host, port):
        yield f"http://{host}:{port}"
    patch.delenv("SECOND_FACTOR")


@pytest.mark.slow
@pytest.mark.parametrize(("width", "dark"), [(WIDE, False), (NARROW, True)])
def test_somebody_sets_it_up_and_comes_in_with_it_by_keyboard(
    browser: Browser, console: str, width: int, dark: bool
) -> None:
    User.objects.filter(username="root").delete()
    User.objects.create(
        username="root",
        password=PBKDF2PasswordHasher().encode(PASSWORD, "salt", 1000),
        is_staff=True,
        is_superuser=True,
    )
    window = Window(browser, console, width=width, dark=dark)
    page, code = window.page, window.page.get_by_role("textbox", name="Code")

    _sign_in(window)
    expect(window.role("heading", "Set up the second factor")).to_be_visible()
    expect(code).to_be_focused()
    _check_looks(window)
    page.get_by_text("It cannot be scanned?").click()
    secret = page.locator("#secret").inner_text().replace(" ", "")
    code.fill(f"{TOTP(b32decode(secret)).token():06}")
    page.keyboard.press("Enter")
    expect(window.role("heading", "Recovery codes")).to_be_visible()
    _check_looks(window)
    kept = page.locator(".zi-codes li").all_inner_texts()
    window.role("link", "I have kept them").click()
    expect(page).to_have_url(f"{console}/admin/")

    window.context.clear_cookies()
    _sign_in(window)
    expect(code).to_be_focused()
    code.fill("not one")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("This code is wrong, or was used already.")
    expect(code).to_be_focused()
    _check_looks(window)
    page.wait_for_timeout(1100)  # the first wrong code costs a second
    code.fill(kept[0])
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{console}/admin/")
    window.open("/admin/second-factor/change/")
    expect(page.get_by_text("Recovery codes left: 9.")).to_be_visible()
    _check_looks(window)
    window.close()
    assert window.trouble == []


def _sign_in(window: Window) -> None:
    window.open("/admin/")
    window.page.get_by_label("Username").fill("root")
    window.page.get_by_label("Password").fill(PASSWORD)
    window.page.keyboard.press("Enter")


def _check_looks(window: Window) -> None:
    assert window.overflow() <= 0
    assert window.violations() == []

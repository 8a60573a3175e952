"""The window of the other tests: whatever goes wrong in a page is noticed."""

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import PATIENCE_MS, Window

pytestmark = pytest.mark.slow


@pytest.fixture
def watched(browser: Browser, server: str) -> Iterator[Window]:
    """A window in which something may go wrong."""
    window = Window(browser, server)
    yield window.open("/login")
    window.close()


# What is done in a page, and what is then noticed.
TROUBLE = {
    "document.body.setAttribute('style', 'color: red')": "Content Security Policy directive 'style-src",
    "document.body.setAttribute('onclick', '1'); document.body.click()": "directive 'script-src",
    "fetch('http://127.0.0.1:9/').catch(() => {})": "http://127.0.0.1:9/",
    "console.error('broken')": "console: broken",
    "setTimeout(() => { throw new Error('late') })": "script: late",
    "fetch('/nothing-here')": "/nothing-here was answered 404",
    "open('http://elsewhere.invalid/')": "request to elsewhere: http://elsewhere.invalid/",
}


def test_trouble_is_noticed(watched: Window) -> None:
    for script, noticed in TROUBLE.items():
        watched.page.evaluate(f"() => {{ {script} }}")
        wait_for(watched, noticed)


def test_what_hinders_people_is_found(watched: Window) -> None:
    watched.page.evaluate("() => document.querySelectorAll('label').forEach(label => label.remove())")
    assert any(fault.startswith("label: <input") for fault in watched.violations())


def test_too_wide_a_page_is_found(watched: Window) -> None:
    assert watched.overflow() <= 0
    watched.page.evaluate("() => document.querySelector('main').style.minWidth = '2000px'")
    assert watched.overflow() > 0


def wait_for(window: Window, noticed: str) -> None:
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while not any(noticed in trouble for trouble in window.trouble):
        assert time.monotonic() < deadline, f"nothing of {noticed!r} in {window.trouble}"
        window.page.wait_for_timeout(10)

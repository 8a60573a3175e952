"""One product and one Chromium for all browser tests of a process; an account and a window for each test."""

import os
from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import connection
from playwright.sync_api import Browser
from pytest_django import DjangoDbBlocker

from tests.browser import house, seeds
from tests.browser.chromium import Window, chromium
from tests.browser.house import House
from tests.browser.seeds import Account
from tests.support import flushing
from tests.support.api import gunicorn
from zipingest.storage import default_storage

# Static files that the pages have none of.
_NOT_OURS = ["admin", "unfold", "drf_spectacular_sidecar", "rest_framework"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(os.path.dirname(__file__)):
            item.add_marker(pytest.mark.needs_apt("chromium"))


@pytest.fixture(scope="package")
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="package")
def transactional_db(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Instead of the plugin's: emptied once, behind the last test, as each has an account of its own."""
    with django_db_blocker.unblock():
        yield
        flushing.empty(connection)
        for stored in list(default_storage().list("")):
            default_storage().delete(stored.key)


@pytest.fixture(scope="package")
def server(transactional_db: None, patch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of the product behind gunicorn, with the pages' static files."""
    call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=_NOT_OURS)
    patch.setenv("SIGN_IN_TRIES_PER_MINUTE", "1000")
    with gunicorn(threads=8) as (host, port):
        yield f"http://{host}:{port}"


@pytest.fixture(scope="package")
def browser(server: str, patch: pytest.MonkeyPatch) -> Iterator[Browser]:
    # Playwright's loop runs in this thread while nothing here is asynchronous.
    patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with chromium() as browser:
        yield browser


@pytest.fixture
def window(browser: Browser, server: str) -> Iterator[Window]:
    """A wide, light window of nobody; at the end nothing may have gone wrong in it."""
    window = Window(browser, server)
    yield window
    window.close()
    assert window.trouble == []


@pytest.fixture
def account(transactional_db: None) -> Account:
    return seeds.small()


@pytest.fixture(scope="package")
def believable(transactional_db: None) -> House:
    """To be looked at only: tests share it."""
    return house.believable(calls=24)

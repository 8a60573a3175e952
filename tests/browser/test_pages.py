"""Every page: accessible and no wider than the window, wide and narrow, light and dark."""

import pytest
from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver
from playwright.sync_api import Browser

from partners.pages import MemberPage
from tests.browser.chromium import NARROW, WIDE, Window
from tests.browser.house import House
from tests.browser.pages import PARTS, VIEWS


def test_every_page_is_in_the_table() -> None:
    routes = {view.route for view in VIEWS.values()}
    assert {name for _, name, *_ in settings.PAGES} <= routes
    assert _read_by_members() - PARTS <= routes
    assert routes & PARTS == set()


@pytest.mark.slow
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_whatever_a_page_can_be_is_accessible_and_fits(
    browser: Browser, server: str, believable: House, width: int, dark: bool
) -> None:
    faults = {}
    for name, view in VIEWS.items():
        window = Window(browser, server, width=width, dark=dark)
        view.open(window, believable)
        faults[name] = [*window.violations(), *window.trouble]
        if (excess := window.overflow()) > 0:
            faults[name].append(f"{excess} px too wide")
        window.close()
    assert {name: found for name, found in faults.items() if found} == {}


def _read_by_members() -> set[str]:
    """The names of the routes that members read with GET."""
    views = {each.name: getattr(each.callback, "view_class", object) for each in _patterns(get_resolver())}
    return {name for name, view in views.items() if issubclass(view, MemberPage) and hasattr(view, "get")}


def _patterns(resolver: URLResolver) -> list[URLPattern]:
    found: list[URLPattern] = []
    for each in resolver.url_patterns:
        found += _patterns(each) if isinstance(each, URLResolver) else [each]
    return found

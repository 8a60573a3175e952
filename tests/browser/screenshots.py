"""`make screenshots`: every page of the believable account as a picture, wide and narrow, light and dark.

Not collected by itself. The pictures are named after the page: var/screenshots/library-1280-light.png.
"""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import NARROW, WIDE, Window
from tests.browser.house import House
from tests.browser.pages import VIEWS

FOLDER = Path(__file__).resolve().parents[2] / "var" / "screenshots"


@pytest.fixture
def folder() -> Path:
    """Without pictures of pages that are no more."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for picture in FOLDER.glob("*.png"):
        picture.unlink()
    return FOLDER


def test_every_page_is_drawn(browser: Browser, server: str, believable: House, folder: Path) -> None:
    print()
    for number, (name, view) in enumerate(VIEWS.items(), 1):
        print(f"{number} of {len(VIEWS)}: {name}", flush=True)
        for width in (WIDE, NARROW):
            for dark in (False, True):
                picture = folder / f"{name}-{width}-{'dark' if dark else 'light'}.png"
                window = Window(browser, server, width=width, dark=dark)
                view.open(window, believable)
                window.page.screenshot(path=picture, full_page=not view.only_window, animations="disabled")
                window.close()
                assert window.trouble == []
    drawn = sorted(picture.name for picture in folder.glob("*.png"))
    assert len(drawn) == 4 * len(VIEWS)
    print(f"{len(drawn)} pictures in {folder}")

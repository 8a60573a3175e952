"""Debian's Chromium under Playwright, kept off the network, and windows that note what goes wrong in them."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from playwright.sync_api import Browser, ConsoleMessage, Locator, Request, Response, expect, sync_playwright

from partners.models import User
from partners.pages import ZONE_COOKIE

WIDE, NARROW = 1280, 390
HEIGHT = 900
# Nobody is in it: times on the pages are the viewer's, and the server's are UTC.
ZONE = "Europe/Berlin"
# A busy machine may be slow; nothing below waits longer than it has to.
PATIENCE_MS = 15_000

_FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-gpu",
    "--autoplay-policy=no-user-gesture-required",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
# What Chromium says of every answer from 400 up; of those the window itself keeps account.
_BAD_ANSWER = "Failed to load resource: the server responded with a status of"

expect.set_options(timeout=PATIENCE_MS)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Runs until the block ends. Meanwhile an event loop runs in this thread, which Django's ORM refuses."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=_FLAGS, chromium_sandbox=os.geteuid() != 0
        )
        yield browser
        browser.close()


class Window:
    """One person's browser window on the product at ``url``: cookies, size and colours of its own.

    ``trouble`` collects errors on the console and of scripts (the policy's among them), answers from 400 up
    other than those in ``expected``, and requests to anywhere else.
    """

    def __init__(self, browser: Browser, url: str, *, width: int = WIDE, dark: bool = False) -> None:
        self.url = url
        self.trouble: list[str] = []
        self.answers: list[Response] = []
        self.expected: set[int] = set()
        self.context = browser.new_context(
            base_url=url,
            viewport={"width": width, "height": HEIGHT},
            color_scheme="dark" if dark else "light",
            timezone_id=ZONE,
            accept_downloads=True,
        )
        self.context.set_default_timeout(PATIENCE_MS)
        self.context.on("console", self._on_console)
        self.context.on("weberror", lambda error: self.trouble.append(f"script: {error.error}"))
        self.context.on("request", self._on_request)
        self.context.on("response", self._on_response)
        self.page = self.context.new_page()

    def sign_in(self, user: User) -> "Window":
        """As ``user``, without the form; the zone is known as if its page had been seen."""
        user.refresh_from_db()  # a new password since would end the session at once
        client = Client()
        client.force_login(user)
        cookies = {"sessionid": client.cookies["sessionid"].value, ZONE_COOKIE: ZONE}
        self.context.add_cookies(
            [{"name": name, "value": value, "url": self.url} for name, value in cookies.items()]
        )
        return self

    def open(self, path: str, *, status: int = 200) -> "Window":
        """The page at ``path``, which must be answered with ``status``."""
        self.expected.add(status)
        answer = self.page.goto(path)
        assert answer is not None
        assert answer.status == status, f"{path} was answered {answer.status}"
        return self

    def role(self, role: str, name: str, **options: bool) -> Locator:
        """What assistive technology calls ``name`` and a ``role``; ``exact=True`` for the whole name."""
        return self.page.get_by_role(role, name=name, **options)

    def answers_to(self, path: str) -> list[Response]:
        """Every answer so far whose path contains ``path``."""
        return [answer for answer in self.answers if path in urlsplit(answer.url).path]

    def looks(self, *, width: int | None = None, dark: bool | None = None) -> None:
        """Change the window's width or the system's colours under the open page."""
        if width is not None:
            self.page.set_viewport_size({"width": width, "height": HEIGHT})
        if dark is not None:
            self.page.emulate_media(color_scheme="dark" if dark else "light")

    def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        return self.page.evaluate("() => document.scrollingElement.scrollWidth - window.innerWidth")

    def violations(self, *rules: str) -> list[str]:
        """What axe-core finds serious or critical, as rule, element and advice; ``rules``: only of these."""
        options = {"resultTypes": ["violations"]}
        if rules:
            options["runOnly"] = {"type": "rule", "values": list(rules)}
        found = Axe().run(self.page, options=options).response["violations"]
        return [
            f"{rule['id']}: {node['html']} {node['failureSummary']}"
            for rule in found
            if rule["impact"] in ("serious", "critical")
            for node in rule["nodes"]
        ]

    def close(self) -> None:
        self.context.close()

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(_BAD_ANSWER):
            self.trouble.append(f"console: {message.text}")

    def _on_request(self, request: Request) -> None:
        if urlsplit(request.url).scheme not in ("data", "blob") and not request.url.startswith(self.url):
            self.trouble.append(f"request to elsewhere: {request.url}")

    def _on_response(self, answer: Response) -> None:
        self.answers.append(answer)
        if answer.status >= 400 and answer.status not in self.expected:
            self.trouble.append(f"{answer.request.method} {answer.url} was answered {answer.status}")

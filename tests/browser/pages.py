"""The table of what is looked at: every page of an account and what it can be, and how to get there.

To add a page: a View that names its route, or the route's name in PARTS. A test compares both with the URLs.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import expect

from tests.browser.chromium import Window
from tests.browser.seeds import Account

At = Callable[[Account], str]


@dataclass(frozen=True)
class View:
    """A page at ``address``, as ``who`` of the account sees it (None: nobody) after ``settle``."""

    route: str
    address: At
    who: str | None = "admin"
    settle: Callable[[Window, Account], None] = lambda window, account: None
    status: int = 200
    # A picture of the window instead of the whole page: for what stays in its place, and for long lists.
    only_window: bool = False

    def open(self, window: Window, account: Account) -> None:
        if self.who is not None:
            window.sign_in(getattr(account, self.who))
        window.open(self.address(account), status=self.status)
        self.settle(window, account)


def at(path: str) -> At:
    return lambda _: path


def by_signal(account: Account) -> str:
    """Calls on which the account's first signal was met, and of which its first field holds something."""
    signal, custom = account.sub_tenant.signal_names.first(), account.sub_tenant.custom_fields.first()
    return f"/library?signal={signal.pk}&custom_field={custom.pk}"


def of_call(number: int) -> At:
    return lambda account: f"/library/{account.calls[number].uuid}"


def of_export(status: str) -> At:
    """The export in that state, of which the account has one."""
    return lambda account: f"/exports/{account.exports[status].public_id}"


def of_batch(name: str, query: str = "") -> At:
    return lambda account: f"/batches/{account.batches[name].public_id}{query}"


# --- What is done once the page is there --------------------------------------------------------------------
def select_two(window: Window, account: Account) -> None:
    for number in (3, 4):
        window.page.get_by_role("checkbox", name="Select the call").nth(number).check()


def play(window: Window, account: Account) -> None:
    window.page.get_by_label("Play the call").first.click()
    expect(window.role("slider", "Position in the recording")).to_be_visible()
    window.role("button", "Pause", exact=True).click()


def count(window: Window, account: Account) -> None:
    expect(window.page.locator("#estimate")).not_to_contain_text("Counting")
    # It fades while it is counted, and back afterwards.
    window.page.wait_for_function(
        "() => getComputedStyle(document.querySelector('.estimate')).opacity === '1'"
    )


def ask_to_delete(window: Window, account: Account) -> None:
    window.role("button", "Delete the ZIP").first.click()
    expect(window.role("dialog", "Delete this ZIP?")).to_be_visible()


def ask_to_dial(window: Window, account: Account) -> None:
    window.page.get_by_text("Dial again…").first.click()
    expect(window.role("button", "Dial again", exact=True)).to_be_visible()


def refuse(window: Window, account: Account) -> None:
    window.page.get_by_label("User name").fill("maria.keller")
    window.page.get_by_label("Password").fill("not the password")
    window.role("button", "Sign in").click()
    expect(window.page.get_by_role("alert")).to_be_visible()


def dispose(window: Window, account: Account) -> None:
    window.page.get_by_text("Dispose…").first.click()


def register(window: Window, account: Account) -> None:
    window.page.get_by_text("Register a call…").click()


def preview(window: Window, account: Account) -> None:
    window.page.get_by_label(re.compile("Days")).fill("7")
    window.role("button", "Show what it does").click()
    expect(window.page.locator("#preview")).to_be_visible()


def new_password(window: Window, account: Account) -> None:
    window.page.get_by_text("Make a new password…").click()
    window.role("button", "Make a new password").click()
    expect(window.page.locator("code.secret")).to_be_visible()


# --- The table --------------------------------------------------------------------------------------------
# Routes that answer with a part of one of the pages, or with a file.
PARTS = {
    "library-player",
    "live-calls",
    "batches-list",
    "batch-standing",
    "exports-agents",
    "exports-dispositions",
    "exports-estimate",
    "exports-standing",
    "exports-download",
}

VIEWS: dict[str, View] = {
    "sign-in": View("login", at("/login"), who=None),
    "sign-in-refused": View("login", at("/login"), who=None, settle=refuse),
    "not-found": View("", at("/nothing-here"), status=404),
    "forbidden": View("", at("/people"), who="agent", status=403),
    "library": View("library", at("/library")),
    "library-filtered": View("library", at("/library?disposition=SALE&phone=%2B49")),
    "library-by-signal": View("library", by_signal),
    "library-nothing-found": View("library", at("/library?phone=%2B1")),
    "library-selected": View("library", at("/library"), settle=select_two, only_window=True),
    "library-playing": View("library", at("/library"), settle=play, only_window=True),
    "library-of-an-agent": View("library", at("/library"), who="agent"),
    "call": View("library-call", of_call(0)),
    "call-expired": View("library-call", of_call(3)),
    "call-failed": View("library-call", of_call(5)),
    "live": View("live", at("/live")),
    "live-of-an-agent": View("live", at("/live"), who="agent", settle=dispose),
    "live-register": View("live", at("/live"), settle=register),
    "live-empty": View("live", at("/live"), who="stranger"),
    "batches": View("batches", at("/batches")),
    "batches-empty": View("batches", at("/batches"), who="stranger"),
    "batch-calling": View("batch", of_batch("calling")),
    "batch-asked-to-dial": View("batch", of_batch("calling", "?status=unknown"), settle=ask_to_dial),
    "batch-nothing-found": View("batch", of_batch("done", "?phone=%2B49")),
    "batch-stopped": View("batch", of_batch("stopped", "?phone=%2B1+212")),
    "batch-idle": View("batch", of_batch("idle")),
    "exports": View("exports", at("/exports"), settle=count),
    "exports-empty": View("exports", at("/exports"), who="stranger", settle=count),
    "export-ready": View("exports-job", of_export("ready")),
    "export-asked-to-delete": View("exports-job", of_export("ready"), settle=ask_to_delete),
    "export-running": View("exports-job", of_export("running")),
    "export-failed": View("exports-job", of_export("failed")),
    "export-expired": View("exports-job", of_export("expired")),
    "dispositions": View("dispositions", at("/dispositions")),
    "disposition": View("disposition", lambda account: f"/dispositions/{account.code.pk}"),
    "people": View("people", at("/people")),
    "person-new": View("person-new", at("/people/new")),
    "person": View("person", lambda account: f"/people/{account.agent.pk}"),
    "person-password": View("person", lambda account: f"/people/{account.agent.pk}", settle=new_password),
    "retention": View("retention", at("/retention")),
    "retention-preview": View("retention", at("/retention"), settle=preview),
}

"""The table of the pages: every route that people of an account open in a browser, by who asks.

To add a route: a Page for each of its methods, under the route as the URLconf spells it. A Page says what the
four roles of the account are answered; everybody else follows (CALLERS). ``address`` may use what the World
holds; what needs more makes it in ``prepare``, which runs first.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.authorisation.members import ROLES, World

SIGN_IN = 302  # to the sign-in, and back from there


@dataclass(frozen=True)
class Page:
    """One method of a route. ``answers``: the status for each of ROLES, ``"another agent"`` where it differs.

    ``elsewhere``: for another account's admin. ``body``: the fields of the form that is posted.
    """

    method: str
    address: Callable[[World], str]
    answers: dict[str, int]
    elsewhere: int = 404
    body: Callable[[World], dict[str, Any]] = field(default=lambda _: {})
    prepare: Callable[[World], None] = lambda _: None


def everybody(status: int = 200) -> dict[str, int]:
    return dict.fromkeys(ROLES, status)


def leaders(status: int = 200) -> dict[str, int]:
    return {**everybody(403), "admin": status, "supervisor": status}


def admins(status: int = 200) -> dict[str, int]:
    return {**everybody(403), "admin": status}


def at(path: str) -> Callable[[World], str]:
    return lambda _: path


# --- The table --------------------------------------------------------------------------------------------
PAGES: dict[str, tuple[Page, ...]] = {
    "": (Page("GET", at("/"), everybody(302), elsewhere=302),),
    "library": (Page("GET", at("/library"), everybody(), elsewhere=200),),
    "live": (Page("GET", at("/live"), everybody(), elsewhere=200),),
    "exports": (Page("GET", at("/exports"), leaders(), elsewhere=200),),
    "dispositions": (Page("GET", at("/dispositions"), leaders(), elsewhere=200),),
    "people": (Page("GET", at("/people"), admins(), elsewhere=200),),
    "retention": (Page("GET", at("/retention"), admins(), elsewhere=200),),
}

# --- Who asks ---------------------------------------------------------------------------------------------
CALLERS: dict[str, Callable[[Page], int]] = {
    "nobody": lambda _: SIGN_IN,
    "our own staff": lambda _: SIGN_IN,
    "a disabled person": lambda _: SIGN_IN,
    **{role: (lambda page, role=role: page.answers[role]) for role in ROLES},
    "another agent": lambda page: page.answers.get("another agent", page.answers["agent"]),
    "an admin of another account": lambda page: page.elsewhere,
    "an admin without the form's token": lambda page: 403 if page.method == "POST" else page.answers["admin"],
}

"""The table of the pages: every route that people of an account open in a browser, by who asks.

To add a route: a Page for each of its methods, under the route as the URLconf spells it. A Page says what the
four roles of the account are answered; everybody else follows (CALLERS). ``address`` may use what the World
holds; what needs more makes it in ``prepare``, which runs first.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from calls.dialer.models import ContactStatus, Switch
from calls.models import Agent, Call, DispositionCode
from calls.services import holds
from partners import tokens
from tests.authorisation.members import ROLES, World
from tests.exports.support import june, ordered, packed, stored
from tests.support import dialling, factories, live
from zipingest.work import WorkState

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


def of_the_call(path: str = "") -> tuple[Page]:
    return (
        Page(
            "GET",
            lambda world: f"/library/{world.call_uuid}{path}",
            {**everybody(), "another agent": 403},
        ),
    )


def _exported(world: World) -> None:
    """An export of the account that is ready, and the call in it."""
    world.made["uuid"] = str(stored(world.account, number=1).uuid)
    world.made["export"] = packed(ordered(june(world.account))).public_id


def _export(part: str = "") -> Callable[[World], str]:
    return lambda world: f"/exports/{world.made['export']}{part}"


# --- The table --------------------------------------------------------------------------------------------
PAGES: dict[str, tuple[Page, ...]] = {
    "": (Page("GET", at("/"), everybody(302), elsewhere=302),),
    "library": (Page("GET", at("/library"), everybody(), elsewhere=200),),
    "library/<uuid:uuid>": of_the_call(),
    "library/<uuid:uuid>/player": of_the_call("/player"),
    "exports": (Page("GET", at("/exports"), leaders(), elsewhere=200),),
    "exports/estimate": (Page("GET", at("/exports/estimate"), leaders(), elsewhere=200),),
    "exports/agents": (Page("GET", at("/exports/agents"), leaders(), elsewhere=200),),
    "exports/dispositions": (Page("GET", at("/exports/dispositions"), leaders(), elsewhere=200),),
    "exports/order": (
        Page(
            "POST",
            at("/exports/order"),
            leaders(302),
            elsewhere=422,
            body=lambda world: {"uuid": world.made["uuid"]},
            prepare=_exported,
        ),
    ),
    "exports/<str:job_id>": (Page("GET", _export(), leaders(), prepare=_exported),),
    "exports/<str:job_id>/standing": (Page("GET", _export("/standing"), leaders(), prepare=_exported),),
    "exports/<str:job_id>/download": (Page("GET", _export("/download"), leaders(), prepare=_exported),),
    "exports/<str:job_id>/discard": (Page("POST", _export("/discard"), leaders(302), prepare=_exported),),
    "exports/<str:job_id>/retry": (Page("POST", _export("/retry"), leaders(302), prepare=_exported),),
    "exports/<str:job_id>/supplement": (
        Page("POST", _export("/supplement"), leaders(302), prepare=_exported),
    ),
}


# --- Live calls -------------------------------------------------------------------------------------------
_ACTING = {**everybody(302), "read_only": 403, "another agent": 403}


def _begun(world: World) -> None:
    """A call in progress of ``agent``, an active code, and what a new call takes."""
    agent = Agent.objects.get(user=world.agent)
    world.made["call"] = live.begin(world.account, agent=agent)
    world.made["code"] = DispositionCode.objects.create(sub_tenant=world.account, code="SALE-OK")
    world.made["new"] = {"phone": live.PHONE, "campaign": live.campaign(world.account).pk}


def _acting(path: str, **options: Any) -> tuple[Page]:
    return (
        Page(
            "POST",
            lambda world: f"/live/{world.made['call'].uuid}/{path}",
            _ACTING,
            prepare=_begun,
            **options,
        ),
    )


PAGES |= {
    "live": (
        Page("GET", at("/live"), everybody(), elsewhere=200),
        Page(
            "POST",
            at("/live"),
            _ACTING,
            elsewhere=422,
            body=lambda world: world.made["new"],
            prepare=_begun,
        ),
    ),
    "live/calls": (Page("GET", at("/live/calls"), everybody(), elsewhere=200),),
    "live/<uuid:uuid>/pause": _acting("pause"),
    "live/<uuid:uuid>/resume": _acting("resume"),
    "live/<uuid:uuid>/hangup": _acting("hangup"),
    "live/<uuid:uuid>/disposition": _acting("disposition", body=lambda _: {"code": "SALE-OK"}),
}


# --- Batches of contacts ----------------------------------------------------------------------------------
# Contacts are nobody's own: agents see none of them.
_READING = {**everybody(), "agent": 403}


def _dialled(world: World) -> None:
    """A batch of the account, and a contact of it whose outcome is known."""
    batch = dialling.batch(world.provisioned, switch=Switch.STARTED)
    ended = {"status": ContactStatus.BUSY, "state": WorkState.DONE}
    world.made |= {"batch": batch, "contact": dialling.contact(batch, **ended)}
    dialling.contact(batch, "+12125551005")


def _batch(method: str, answers: dict[str, int], path: str = "", elsewhere: int = 404) -> tuple[Page]:
    def address(world: World) -> str:
        return f"/batches/{world.made['batch'].public_id}{path.format(**world.made)}"

    return (Page(method, address, answers, elsewhere=elsewhere, prepare=_dialled),)


PAGES |= {
    "batches": (Page("GET", at("/batches"), _READING, elsewhere=200),),
    "batches/list": (Page("GET", at("/batches/list"), _READING, elsewhere=200),),
    "batches/<str:batch_id>": _batch("GET", _READING),
    "batches/<str:batch_id>/standing": _batch("GET", _READING, "/standing"),
    "batches/<str:batch_id>/start": _batch("POST", leaders(302), "/start"),
    "batches/<str:batch_id>/stop": _batch("POST", leaders(302), "/stop"),
    "batches/<str:batch_id>/contacts/<str:contact_id>/again": _batch(
        "POST", leaders(302), "/contacts/{contact.public_id}/again"
    ),
}


# --- Disposition codes ------------------------------------------------------------------------------------
def _code(method: str, status: int, path: str = "") -> Page:
    def address(world: World) -> str:
        return f"/dispositions/{world.made['code'].pk}{path}"

    body = {"label": "Sold", "category": "success"}
    return Page(method, address, leaders(status), body=lambda _: body, prepare=_begun)


PAGES |= {
    "dispositions": (
        Page("GET", at("/dispositions"), leaders(), elsewhere=200),
        Page(
            "POST",
            at("/dispositions"),
            leaders(302),
            elsewhere=302,
            body=lambda _: {"code": "NEW", "category": "success"},
        ),
    ),
    "dispositions/<int:pk>": (_code("GET", 200), _code("POST", 302)),
    "dispositions/<int:pk>/active": (_code("POST", 302, "/active"),),
    "dispositions/<int:pk>/remove": (_code("POST", 302, "/remove"),),
}


# --- People and retention ---------------------------------------------------------------------------------
def _employed(world: World) -> None:
    """A person of the account with a token, and the account's call held."""
    world.made["person"] = person = factories.person("supervisor", world.account)
    world.made["token"] = tokens.issue_to_person(user=person).token
    calls = Call.objects.filter(uuid=world.call_uuid)
    holds.place(calls=calls, reason="case 7", placed_by="ada")
    world.made["hold"] = calls.get().holds.get()


def _person(method: str, status: int, path: str = "") -> Page:
    def address(world: World) -> str:
        return f"/people/{world.made['person'].pk}{path.format(**world.made)}"

    return Page(method, address, admins(status), body=lambda _: {"role": "agent"}, prepare=_employed)


PAGES |= {
    "people": (Page("GET", at("/people"), admins(), elsewhere=200),),
    "people/new": (
        Page("GET", at("/people/new"), admins(), elsewhere=200),
        Page(
            "POST",
            at("/people/new"),
            admins(),
            elsewhere=200,
            body=lambda _: {"username": "new.person", "role": "agent"},
        ),
    ),
    "people/<int:pk>": (_person("GET", 200), _person("POST", 302)),
    "people/<int:pk>/active": (_person("POST", 302, "/active"),),
    "people/<int:pk>/password": (_person("POST", 200, "/password"),),
    "people/<int:pk>/tokens/<int:token>": (_person("POST", 302, "/tokens/{token.pk}"),),
    "retention": (
        Page("GET", at("/retention"), admins(), elsewhere=200),
        Page("POST", at("/retention"), admins(), elsewhere=200, body=lambda _: {"days": "30"}),
    ),
    "retention/holds": (
        Page("POST", at("/retention/holds"), admins(302), body=lambda world: {"uuid": world.call_uuid}),
    ),
    "retention/holds/<int:pk>/release": (
        Page(
            "POST",
            lambda world: f"/retention/holds/{world.made['hold'].pk}/release",
            admins(302),
            prepare=_employed,
        ),
    ),
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

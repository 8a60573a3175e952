"""The table of the telesales surface: every route of /api/auth and /api/telesales, by who asks.

To add a route: a Row for each of its methods, under the route as the URLconf spells it. A row says what the
four roles of the account are answered, each with a token of their own; everybody else follows (CALLERS).
``address`` may use what the World holds; a row that needs more makes it in ``prepare``, which runs first.
A route without a row, or a method without one that is not answered 405, fails.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from calls.models import Agent, Call, DispositionCode
from partners.models import Right, SubTenant, User
from partners.provisioning import Provisioned
from tests.exports.support import june, ordered, packed, stored
from tests.support import live, recordings

MEMBER_PREFIXES = ("api/auth/", "api/telesales/")
# Routes where nobody has signed in yet; their own tests say what they answer.
DOORS = {"api/auth/login": ("POST",), "login": ("GET", "HEAD", "POST"), "logout": ("POST",)}

ROLES = ("admin", "supervisor", "agent", "read_only")


@dataclass
class World:
    """An account with one call (``call123``) that ``agent`` spoke on; ``elsewhere`` is another account."""

    account: SubTenant
    elsewhere: SubTenant
    provisioned: Provisioned
    call_uuid: str
    agent: User
    made: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One method of a route.

    ``right``: what a machine's token needs among its scopes, None where any will do. ``answers``: the
    status for each of ROLES; ``"another agent"`` where it is not that of the agent whose call it is.
    ``machine``: for a token with the role admin and the scope. ``elsewhere``: for another account's admin.
    """

    method: str
    address: Callable[[World], str]
    right: Right | None
    answers: dict[str, int]
    machine: int
    elsewhere: int
    body: Callable[[World], Any] | None = None
    prepare: Callable[[World], None] = lambda _: None


def everybody(status: int) -> dict[str, int]:
    return dict.fromkeys(ROLES, status)


_RECORDINGS = "/api/telesales/recordings"
_LEADERS = {"admin": 200, "supervisor": 200, "agent": 403, "read_only": 403}


def _leaders(status: int) -> dict[str, int]:
    return {**_LEADERS, "admin": status, "supervisor": status}


def _stored(world: World) -> None:
    recordings.store(Call.objects.get(uuid=world.call_uuid), b"RIFF")


def _recording(right: Right, answers: dict[str, int], path: str = "") -> tuple[Row]:
    def address(world: World) -> str:
        return f"{_RECORDINGS}/{world.call_uuid}{path}"

    answers = {**answers, "another agent": 403}
    return (Row("GET", address, right, answers, machine=200, elsewhere=404, prepare=_stored),)


# --- The table --------------------------------------------------------------------------------------------
MEMBERS: dict[str, tuple[Row, ...]] = {
    "api/auth/me": (Row("GET", lambda _: "/api/auth/me", None, everybody(200), machine=200, elsewhere=200),),
    "api/auth/logout": (
        Row("POST", lambda _: "/api/auth/logout", None, everybody(204), machine=403, elsewhere=204),
    ),
    _RECORDINGS[1:]: (
        Row("GET", lambda _: _RECORDINGS, Right.RECORDINGS_READ, everybody(200), machine=200, elsewhere=200),
    ),
    f"{_RECORDINGS[1:]}/<uuid:uuid>": _recording(Right.RECORDINGS_READ, everybody(200)),
    f"{_RECORDINGS[1:]}/<uuid:uuid>/download": _recording(
        Right.RECORDINGS_DOWNLOAD, {**everybody(200), "read_only": 403}, "/download"
    ),
}


# --- Live calls and disposition codes ---------------------------------------------------------------------
_CALLS = "/api/telesales/calls"
_CODES = "/api/telesales/dispositions"
_READERS = everybody(200)
_WRITERS = {**everybody(200), "read_only": 403, "another agent": 403}


def _begun(world: World) -> None:
    """A call in progress of ``agent``, a code nothing uses yet, and what a new call takes."""
    agent = Agent.objects.get(user=world.agent)
    world.made["call"] = live.begin(world.account, agent=agent, provider_call_id="pbx-1")
    world.made["code"] = DispositionCode.objects.create(sub_tenant=world.account, code="SALE-OK")
    world.made["new"] = {"phone": live.PHONE, "campaign_id": live.campaign(world.account).pk}


def _call_row(method: str, path: str, answers: dict[str, int], **options: Any) -> tuple[Row]:
    right = Right.CALLS_READ if method == "GET" else Right.CALLS_WRITE

    def address(world: World) -> str:
        return f"{_CALLS}/{world.made['call'].uuid}{path}"

    return (Row(method, address, right, answers, machine=200, elsewhere=404, prepare=_begun, **options),)


def _code_row(method: str, status: int, **options: Any) -> Row:
    def address(world: World) -> str:
        return f"{_CODES}/{world.made['code'].pk}"

    right, answers = Right.DISPOSITIONS_WRITE, _leaders(status)
    return Row(method, address, right, answers, machine=status, elsewhere=404, prepare=_begun, **options)


MEMBERS |= {
    _CALLS[1:]: (
        Row("GET", lambda _: _CALLS, Right.CALLS_READ, _READERS, machine=200, elsewhere=200),
        Row(
            "POST",
            lambda _: _CALLS,
            Right.CALLS_WRITE,
            # Another agent's person is linked to no agent, for whom they could register a call.
            {**everybody(201), "read_only": 403, "another agent": 422},
            machine=201,
            elsewhere=422,
            body=lambda world: world.made["new"],
            prepare=_begun,
        ),
    ),
    f"{_CALLS[1:]}/<uuid:uuid>": _call_row("GET", "", {**_READERS, "another agent": 403}),
    f"{_CALLS[1:]}/<uuid:uuid>/hangup": _call_row("POST", "/hangup", _WRITERS, body=lambda _: {}),
    f"{_CALLS[1:]}/<uuid:uuid>/disposition": _call_row(
        "POST", "/disposition", _WRITERS, body=lambda _: {"code": "SALE-OK"}
    ),
    f"{_CALLS[1:]}/<uuid:uuid>/recording/pause": _call_row("POST", "/recording/pause", _WRITERS),
    f"{_CALLS[1:]}/<uuid:uuid>/recording/resume": _call_row("POST", "/recording/resume", _WRITERS),
    _CODES[1:]: (
        Row("GET", lambda _: _CODES, Right.CALLS_READ, _READERS, machine=200, elsewhere=200),
        Row(
            "POST",
            lambda _: _CODES,
            Right.DISPOSITIONS_WRITE,
            _leaders(201),
            machine=201,
            elsewhere=201,
            body=lambda _: {"code": "NEW", "category": "success"},
        ),
    ),
    f"{_CODES[1:]}/<int:id>": (
        _code_row("PUT", 200, body=lambda _: {"label": "Sold"}),
        _code_row("DELETE", 204),
    ),
}


# --- Exports ----------------------------------------------------------------------------------------------
_EXPORTS = "/api/telesales/recordings/export-bulk"


def _ordered(world: World) -> None:
    """An export of the account that is ready."""
    call = stored(world.account, number=1)
    world.made["order"] = {"uuids": [str(call.uuid)]}
    world.made["export"] = packed(ordered(june(world.account))).public_id


def _export(suffix: str = "") -> Callable[[World], str]:
    return lambda world: f"{_EXPORTS}/{world.made['export']}{suffix}"


MEMBERS |= {
    _EXPORTS[1:]: (
        Row(
            "POST",
            lambda _: _EXPORTS,
            Right.EXPORTS,
            _leaders(201),
            machine=201,
            elsewhere=422,
            body=lambda world: world.made["order"],
            prepare=_ordered,
        ),
        Row("GET", lambda _: _EXPORTS, Right.EXPORTS, _leaders(200), machine=200, elsewhere=200),
    ),
    f"{_EXPORTS[1:]}/<str:job_id>": (
        Row("GET", _export(), Right.EXPORTS, _leaders(200), machine=200, elsewhere=404, prepare=_ordered),
        Row("DELETE", _export(), Right.EXPORTS, _leaders(204), machine=204, elsewhere=404, prepare=_ordered),
    ),
    f"{_EXPORTS[1:]}/<str:job_id>/download": (
        Row(
            "GET",
            _export("/download"),
            Right.EXPORTS,
            _leaders(200),
            machine=200,
            elsewhere=404,
            prepare=_ordered,
        ),
    ),
}


# --- Who asks ---------------------------------------------------------------------------------------------
def _role(role: str) -> Callable[[Row], int]:
    return lambda row: row.answers[role]


def _always(status: int) -> Callable[[Row], int]:
    return lambda _: status


CALLERS: dict[str, Callable[[Row], int]] = {
    "nobody": _always(401),
    "a partner's key": _always(401),
    "a basic password": _always(401),
    "a wrong token": _always(401),
    "a revoked token": _always(401),
    "an expired token": _always(401),
    "a token of a disabled person": _always(401),
    "an expired machine": _always(401),
    "our own staff by session": _always(401),
    **{role: _role(role) for role in ROLES},
    "another agent": lambda row: row.answers.get("another agent", row.answers["agent"]),
    "supervisor by session": _role("supervisor"),
    "supervisor by session without the CSRF token": lambda row: (
        row.answers["supervisor"] if row.method in ("GET", "HEAD") else 403
    ),
    "a machine with the scope": lambda row: row.machine,
    "a machine without the scope": lambda row: 403 if row.right else row.machine,
    "a machine at another address": _always(403),
    "an admin of another account": lambda row: row.elsewhere,
}

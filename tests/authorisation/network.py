"""The table of the network surface: every route of it, by the token that is shown.

To add a route: a NetworkRow for each of its methods, under the route as the URLconf spells it. A row says
what a right token is answered; every other one follows (TOKENS). A route without a row, or a method without
one that is not answered 405, fails.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from calls.models import Recording
from tests.support.network import CALLS, TRANSACTIONS, Networked, call_body, retry_path, status_path
from zipingest.work import WorkState

NETWORK_PREFIX = "api/<version:version>/"


@dataclass
class NetworkWorld:
    """A network with a call, and another network."""

    own: Networked
    other: Networked
    cuid: str


@dataclass(frozen=True)
class NetworkRow:
    """One method of a route.

    ``scope``: what the key must allow. ``own``, ``other``: the status for the network the call belongs to and
    for another one. ``ingests``: refused where ingestion is not enabled.
    """

    method: str
    address: Callable[[NetworkWorld], str]
    scope: str
    own: int
    other: int
    ingests: bool = False
    body: Callable[[NetworkWorld], Any] | None = None
    prepare: Callable[[], Any] = lambda: None


def _fail() -> None:
    Recording.objects.update(state=WorkState.FAILED)


def _create(method: str) -> NetworkRow:
    return NetworkRow(
        method,
        lambda _: CALLS,
        "ingest",
        own=201,
        other=201,
        ingests=True,
        body=lambda _: call_body(uuid.uuid4().hex),
    )


def _report(method: str) -> NetworkRow:
    return NetworkRow(
        method,
        lambda _: TRANSACTIONS,
        "ingest",
        own=200,
        other=404,
        body=lambda world: {"search": {"transaction_id": world.cuid}},
    )


# --- The table --------------------------------------------------------------------------------------------
NETWORK: dict[str, tuple[NetworkRow, ...]] = {
    f"{NETWORK_PREFIX}calls.json": (_create("POST"), _create("PUT")),
    f"{NETWORK_PREFIX}calls/<str:cuid>.json": (
        NetworkRow("GET", lambda world: status_path(world.cuid), "read", own=200, other=404),
    ),
    f"{NETWORK_PREFIX}calls/<str:cuid>/retry.json": (
        NetworkRow(
            "POST",
            lambda world: retry_path(world.cuid),
            "ingest",
            own=202,
            other=404,
            ingests=True,
            prepare=_fail,
        ),
    ),
    f"{NETWORK_PREFIX}transactions.json": (_report("POST"), _report("PUT")),
}

# What each token is answered.
TOKENS: dict[str, Callable[[NetworkRow], int]] = {
    "none": lambda _: 401,
    "of no key": lambda _: 401,
    "with another secret": lambda _: 401,
    "revoked": lambda _: 401,
    "expired": lambda _: 401,
    "of an inactive partner": lambda _: 401,
    "of a key that is not bound": lambda _: 401,
    "of a key whose grant was withdrawn": lambda _: 401,
    "a member's": lambda _: 401,
    "without the scope": lambda _: 403,
    "of a network without ingestion": lambda row: 403 if row.ingests else row.own,
    "of an account that is no network": lambda row: 403 if row.ingests else row.own,
    "with the scope alone": lambda row: row.own,
    "after Bearer": lambda row: row.own,
    "another network's": lambda row: row.other,
}

"""Ingest: the product on gunicorn, and beside it a bare FastAPI that validates and inserts the same rows.

Both get the same bodies from the same client, in turns; the floor is the peer's statement alone, sent to
PostgreSQL without HTTP or validation. Run under tests.support.services.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import psycopg

from bench.bodies import CALLS_PER_BODY, bodies
from bench.client import CONNECTIONS, post_all
from bench.peer.insert import INSERT, TABLES
from bench.processes import uvicorn
from bench.rounds import Contender, Ratio, alternate, ratio, show
from bench.tables import database_url, give_defaults, vacuum
from tests.faults.stack import BATCH_CALL, Stack

WORKERS = 2
ROUNDS = 7
BODIES_PER_ROUND = 40
UNLIMITED = 1_000_000_000


def measure(rounds: int) -> list[Ratio]:
    with ExitStack() as running:
        contenders = {
            "product": running.enter_context(_product()),
            "peer": running.enter_context(_peer()),
            "floor": running.enter_context(_floor()),
        }
        for handle in contenders.values():
            handle(0)  # known agents, filled caches, prepared statements: the middle of a day
        rates = alternate({name: _from_second(handle) for name, handle in contenders.items()}, rounds)
    show(rates, "calls")
    return [ratio("ingest, calls/s", rates, "peer", 1.0)]


@contextmanager
def _product() -> Iterator[Contender]:
    with Stack(programs=("web",), WEB_CONCURRENCY=str(WORKERS), LOG_LEVEL="INFO") as stack:
        (partner,) = stack.partners("bench", rate_limit=UNLIMITED)
        url, headers = f"{stack.url}{BATCH_CALL}", partner.session.headers
        yield _timed(database_url(stack), lambda given: post_all(url, given, headers))


@contextmanager
def _peer() -> Iterator[Contender]:
    with _tables() as database:
        environment = {"PEER_DATABASE_URL": database}
        with uvicorn("bench.peer.app:app", workers=WORKERS, environment=environment) as url:
            yield _timed(database, lambda given: post_all(f"{url}/batch-call", given, {}))


@contextmanager
def _floor() -> Iterator[Contender]:
    with _tables() as database, ExitStack() as open_:
        connect = psycopg.connect
        connections = [open_.enter_context(connect(database, autocommit=True)) for _ in range(CONNECTIONS)]
        yield _timed(database, lambda given: _insert_all(connections, given))


@contextmanager
def _tables() -> Iterator[str]:
    """The DATABASE_URL of the product's tables with one partner in them."""
    with Stack(programs=()) as stack:
        stack.partners("bench")
        give_defaults(database_url(stack), TABLES)
        yield database_url(stack)


def _timed(database: str, handle: Callable[[Sequence[bytes]], None]) -> Contender:
    """Calls a second of `handle`, given the bodies of a round; nothing before it counts."""

    def contend(number: int) -> float:
        given = bodies(number * BODIES_PER_ROUND, BODIES_PER_ROUND)
        vacuum(database)
        started = time.monotonic()
        handle(given)
        return len(given) * CALLS_PER_BODY / (time.monotonic() - started)

    return contend


def _from_second(handle: Contender) -> Contender:
    return lambda number: handle(number + 1)


def _insert_all(connections: Sequence[psycopg.Connection], given: Sequence[bytes]) -> None:
    """Each connection its share, all at once."""

    def insert(connection: psycopg.Connection, share: Sequence[bytes]) -> None:
        for body in share:
            connection.execute(INSERT, [body.decode()])

    with ThreadPoolExecutor(len(connections)) as pool:
        shares = [given[start :: len(connections)] for start in range(len(connections))]
        list(pool.map(insert, connections, shares))

"""Callbacks: 2,000 owed in the database and delivered by our worker, and a bare pool of requests.

Both send the same signed bodies to the same local endpoint from as many threads; the pool records nothing. It
opens a connection for each, and once more keeps one per thread.
Run under tests.support.services.
"""

import json
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import psycopg
import requests
from celery import Celery
from standardwebhooks import Webhook

from bench.processes import uvicorn
from bench.rounds import Contender, Ratio, alternate, ratio, show
from bench.tables import database_url, give_defaults, vacuum
from tests.faults.stack import Stack

CALLBACKS = 2000
ROUNDS = 5
THREADS = 8  # of run_stack's worker, and as many callbacks at once as one partner may have
# Who has not sent all of them by then has sent enough to tell how many a second.
ROUND_SECONDS = 15
END_SECONDS = 30
WARM_UP = 50
Post = Callable[..., requests.Response]
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
_OWE = """
    INSERT INTO partners_delivery (partner_id, event, url, body, webhook_id, state, lane, target, run, due_at)
    VALUES (1, 'call.processed', %s, %s, %s, 'due', 'partner:1', %s, 1, now())
"""
_RATE = """
    SELECT count(*) / extract(epoch FROM max(delivered_at) - min(started_at)),
        count(*) FILTER (WHERE error <> '')
    FROM partners_delivery d JOIN partners_attempt a ON a.delivery_id = d.id WHERE started_at > %s
"""

_own = threading.local()


def measure(rounds: int) -> list[Ratio]:
    with ExitStack() as running:
        url = running.enter_context(uvicorn("bench.endpoint:app")) + "/callback"
        contenders = {
            "product": running.enter_context(_product(url)),
            "pool": lambda number: _by_pool(requests.post, url, CALLBACKS),
            "sessions": lambda number: _by_pool(_by_session, url, CALLBACKS),
        }
        rates = alternate(contenders, rounds)
    show(rates, "callbacks")
    return [
        ratio("callbacks/s", rates, "pool", 0.7),
        ratio("the same / a pool that keeps connections", rates, "sessions", None),
    ]


@contextmanager
def _product(url: str) -> Iterator[Contender]:
    settings = {"ZIPINGEST_ALLOW_LOOPBACK": "True", "LOG_LEVEL": "INFO", "REDIS_URL": os.environ["REDIS_URL"]}
    with Stack(programs=("worker",), **settings) as stack:
        stack.partners("bench")
        give_defaults(database_url(stack), ["partners_delivery"])
        _deliver(stack, url, WARM_UP)
        yield lambda number: _deliver(stack, url, CALLBACKS)


def _deliver(stack: Stack, url: str, count: int) -> float:
    """Callbacks a second, from the first one begun to the last one recorded, by the database's clock."""
    ((begun_at,),) = stack.rows("SELECT clock_timestamp()")
    owed = [(url, _body(), f"msg_{uuid.uuid4().hex}_1", urlsplit(url).netloc) for _ in range(count)]
    with psycopg.connect(database_url(stack)) as connection, connection.cursor() as cursor:
        cursor.executemany(_OWE, owed)
    vacuum(database_url(stack))
    # What the sweep sends when it finds them.
    with Celery(broker=os.environ["REDIS_URL"]) as celery:
        celery.send_task("partners.tasks.deliver_callback", queue="callbacks")
    with suppress(TimeoutError):
        stack.wait_until_delivered(seconds=ROUND_SECONDS)
    with psycopg.connect(database_url(stack)) as connection:
        connection.execute("DELETE FROM partners_delivery WHERE state = 'due'")
    stack.wait_until_delivered(seconds=END_SECONDS)
    ((rate, failed),) = stack.rows(_RATE, begun_at)
    if failed:
        raise RuntimeError(f"{failed} callbacks failed")
    return float(rate)


def _by_pool(post: Post, url: str, count: int) -> float:
    bodies = [_body() for _ in range(count)]
    started = time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool:
        for status in pool.map(lambda body: _signed(post, url, body), bodies):
            assert status == 204
    return count / (time.monotonic() - started)


def _signed(post: Post, url: str, body: str) -> int:
    now, webhook_id = datetime.now(UTC), f"msg_{uuid.uuid4().hex}_1"
    headers = {
        "Content-Type": "application/json",
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(SECRET).sign(webhook_id, now, body),
    }
    return post(url, data=body.encode(), headers=headers, timeout=15).status_code


def _by_session(url: str, **given: Any) -> requests.Response:
    """By this thread's session, which keeps its connection."""
    if not hasattr(_own, "session"):
        _own.session = requests.Session()
    answer: requests.Response = _own.session.post(url, **given)
    return answer


def _body() -> str:
    """A callback as the product words it."""
    return json.dumps(
        {
            "call_id": uuid.uuid4().hex,
            "status": "completed",
            "processing_time": 1.234,
            "error": None,
            "results": {
                "transcription_available": False,
                "analytics_available": False,
                "duration_seconds": 30.0,
                "format": "mp3",
                "codec": "mp3",
                "channels": 2,
                "sample_rate": 16000,
                "bytes": 960044,
                "sha256": "0" * 64,
            },
            "meta": {"campaign": "Q1 Outreach", "source": "Website", "attempt": 1},
        },
        separators=(",", ":"),
    )

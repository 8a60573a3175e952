"""The one client of the ingest measurement: bodies made beforehand, a few connections kept open."""

import queue
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from urllib.parse import urlsplit

CONNECTIONS = 4
TIMEOUT_SECONDS = 60


def post_all(url: str, bodies: Sequence[bytes], headers: Mapping[str, str | bytes]) -> None:
    """Return with the last answer; RuntimeError where one is not 200."""
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    for body in bodies:
        waiting.put(body)
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for done in [pool.submit(_post_waiting, url, waiting, headers) for _ in range(CONNECTIONS)]:
            done.result()


def _post_waiting(url: str, waiting: queue.SimpleQueue[bytes], headers: Mapping[str, str | bytes]) -> None:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
    given = {**headers, "Content-Type": "application/json"}
    try:
        while True:
            connection.request("POST", parts.path, waiting.get_nowait(), given)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{url} answered {answer.status}: {text[:500]!r}")
    except queue.Empty:
        return
    finally:
        connection.close()

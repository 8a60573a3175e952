"""The partner surface from outside: a client that sends a partner's headers, and a real gunicorn."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from django.http import HttpResponse
from django.test import Client

from partners.provisioning import Provisioned
from tests.support import factories
from tests.support.services import free_port

ROOT = Path(__file__).resolve().parents[2]
BATCH_CALL = "/api/v1/partner/ingest/batch-call"
DISPOSITION_STATUS = "/api/v1/partner/ingest/disposition-status"
CALLS = "/api/v1/partner/ingest/calls"
BATCHES = "/api/v1/partner/ingest/batches"


class PartnerClient:
    """Requests as ``provisioned``; ``headers`` of a call replace (or with None remove) one of the four.

    An unexpected error answers with 500 instead of being raised, as it does on a real server.
    """

    def __init__(self, provisioned: Provisioned) -> None:
        self.provisioned = provisioned
        self._client = Client(raise_request_exception=False)

    def post_batch(self, *items: factories.Item, **headers: str | None) -> HttpResponse:
        return self.post({"data": list(items)}, **headers)

    def post(self, body: Any, **headers: str | None) -> HttpResponse:
        """POST ``body`` to batch-call: bytes as they are, anything else as JSON."""
        return self.request("POST", BATCH_CALL, body, **headers)

    def put_disposition(self, body: Any, **headers: str | None) -> HttpResponse:
        return self.request("PUT", DISPOSITION_STATUS, body, **headers)

    def get(self, path: str, query: dict[str, Any] | None = None, **headers: str | None) -> HttpResponse:
        return self._client.get(path, query, headers=factories.headers(self.provisioned, **headers))

    def request(
        self,
        method: str,
        path: str,
        body: Any = b"",
        *,
        content_type: str = "application/json",
        **headers: str | None,
    ) -> HttpResponse:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = factories.headers(self.provisioned, **headers)
        return self._client.generic(method, path, data, content_type, headers=given)


def data(response: HttpResponse) -> Any:
    """What a status request was answered with, unwrapped."""
    assert response.status_code == 200, response.content
    assert set(response.json()) == {"success", "data"}
    assert response.json()["success"] is True
    return response.json()["data"]


def ids(response: HttpResponse) -> list[str]:
    """The calls of a page of the list."""
    return [call["id"] for call in data(response)["calls"]]


@contextmanager
def gunicorn(*, threads: int = 16, workers: int = 1) -> Iterator[tuple[str, int]]:
    """The product behind a real gunicorn on this test's database: (host, port).

    The test needs ``django_db(transaction=True)``, or the server sees nothing of what it wrote.
    """
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "zipingest.wsgi", "--bind", f"127.0.0.1:{port}"]
    command += ["--threads", str(threads), "--workers", str(workers), "--no-control-socket"]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "LOG_LEVEL": "WARNING", "GUNICORN_CMD_ARGS": "--log-level=error"},
    )
    try:
        _wait_until_healthy(process, port)
        yield "127.0.0.1", port
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_until_healthy(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"gunicorn did not answer within 30 s (exit code {process.poll()})")

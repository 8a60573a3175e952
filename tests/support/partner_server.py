"""A partner to talk to: a real threaded HTTP server on loopback that serves recordings and takes callbacks.

    with PartnerServer() as partner:
        url = partner.serve("/rec/a.wav", wav, content_type="audio/wav")
        partner.serve("/callback", status=500, times=1)  # first this answer,
        partner.serve("/callback", status=204)  # then this one
        first, second = partner.wait_for("/callback", 2)

Answers of a path are given in the order they were added: one with `times` that many times, one without until
it is replaced. What was never served is 404. `script` writes raw bytes, for servers that misbehave.
"""

import json
import ssl
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import inf
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Received:
    """A request as it arrived; `headers` ignores case, `at` is of `time.monotonic()`."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: Message
    body: bytes
    at: float

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class _Answer:
    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    times: float = inf
    drip: tuple[int, float] | None = None
    hold: threading.Event | None = None
    hold_after: int = 0
    script: Callable[[], Iterable[bytes]] | None = None


class PartnerServer:
    """`requests` is the log of what arrived, `connections` counts what was accepted."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Received] = []
        self.connections = 0
        self._answers: dict[str, list[_Answer]] = defaultdict(list)
        self._arrived = threading.Condition()
        self.closing = False
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.partner, self._server.tls = self, tls
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing = True
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    def url(self, path: str, *, host: str = "127.0.0.1") -> str:
        return f"{'https' if self._server.tls else 'http'}://{host}:{self.port}{path}"

    def serve(
        self,
        path: str,
        body: bytes = b"",
        *,
        status: int = 200,
        content_type: str = "application/octet-stream",
        headers: Mapping[str, str] | None = None,
        times: float = inf,
        drip: tuple[int, float] | None = None,
        hold: threading.Event | None = None,
        hold_after: int = 0,
    ) -> str:
        """Answer `path` so from now on; returns its URL.

        A Content-Length among `headers` stands as it is, however wrong. `drip` is (bytes, seconds of pause
        after them). With `hold` the body stops after `hold_after` bytes until the event is set.
        """
        headers = {"Content-Type": content_type, "Content-Length": str(len(body)), **(headers or {})}
        return self._add(path, _Answer(body, status, headers, times, drip, hold, hold_after))

    def redirect(self, path: str, to: str, *, status: int = 302) -> str:
        return self.serve(path, status=status, headers={"Location": to})

    def script(self, path: str, pieces: Callable[[], Iterable[bytes]]) -> str:
        """After the request write exactly what `pieces()` yields, from the status line on, and hang up."""
        return self._add(path, _Answer(script=pieces))

    def count(self, path: str) -> int:
        return len(self.received(path))

    def received(self, path: str) -> list[Received]:
        with self._arrived:
            return [request for request in self.requests if request.path == path]

    def wait_for(self, path: str, n: int = 1, timeout: float = 10) -> list[Received]:
        """The requests for `path` once there are `n`; an AssertionError says what came instead."""
        with self._arrived:
            arrived = self._arrived.wait_for(lambda: self.count(path) >= n, timeout)
            seen = [f"{request.method} {request.path}" for request in self.requests]
            assert arrived, f"{path} did not arrive {n} times in {timeout} s; arrived: {seen}"
            return self.received(path)

    def _add(self, path: str, answer: _Answer) -> str:
        with self._arrived:
            answers = self._answers[path]
            if answers and answers[-1].times == inf:
                answers.pop()
            answers.append(answer)
        return self.url(path)

    def _take(self, request: Received) -> _Answer:
        """Log `request` and choose its answer."""
        with self._arrived:
            self.requests.append(request)
            self._arrived.notify_all()
            answers = self._answers[request.path] or [_Answer(status=404, headers={"Content-Length": "0"})]
            answer = answers[0]
            answer.times -= 1
            if answer.times == 0:
                answers.pop(0)
            return answer


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    partner: PartnerServer
    tls: ssl.SSLContext | None

    def process_request(self, request: Any, client_address: Any) -> None:
        self.partner.connections += 1
        super().process_request(request, client_address)

    def finish_request(self, request: Any, client_address: Any) -> None:
        # In the connection's own thread: a client that stalls its handshake keeps nobody waiting.
        with self.tls.wrap_socket(request, server_side=True) if self.tls else request as connection:
            super().finish_request(connection, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: clients that hang up or refuse the certificate are what this server is for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        query = parse_qs(parts.query)
        request = Received(self.command, parts.path, query, self.headers, body, time.monotonic())
        answer = self.server.partner._take(request)
        if answer.script is not None:
            self.close_connection = True
            for piece in answer.script():
                self.wfile.write(piece)
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self._send_body(answer)
        # A wrong length is only noticed once the connection ends.
        self.close_connection |= answer.headers.get("Content-Length") != str(len(answer.body))

    do_GET = do_POST = do_PUT = _answer

    def _send_body(self, answer: _Answer) -> None:
        if answer.hold is not None:
            self._send(answer.body[: answer.hold_after], answer.drip)
            while not answer.hold.wait(0.02) and not self.server.partner.closing:
                pass
        self._send(answer.body[answer.hold_after :], answer.drip)

    def _send(self, body: bytes, drip: tuple[int, float] | None) -> None:
        size, pause = drip or (len(body) or 1, 0)
        for start in range(0, len(body), size):
            self.wfile.write(body[start : start + size])
            time.sleep(pause)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: `PartnerServer.requests` is the log."""

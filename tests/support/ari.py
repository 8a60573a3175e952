"""A switch that speaks ARI: a real HTTP and WebSocket server on loopback.

    with Switch() as switch:
        switch.plans["+12125550002"] = Plan(cause=17)  # of calls to this number; others are answered

Whatever it is asked must be valid against ``ari_description``, else it answers 400; whatever it answers and
tells must be too. ``problems`` has what was not, and leaving the ``with`` block fails where there is any.
"""

import base64
import json
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.support import ari_description as description
from tests.support import websockets
from tests.support.ari_calls import NO_ANSWER, Calls, Plan
from tests.support.websockets import ServerSocket

__all__ = ["APP", "ENDPOINT", "PASSWORD", "USER", "Plan", "Switch"]

USER, PASSWORD, APP = "zipingest", "s3cret-of-ari", "zipingest"
ENDPOINT = "PJSIP/{number}@trunk"
_ANSWERS: dict[int, Any] = {
    400: "Invalid parameters",
    401: "Authentication required",
    404: "not found",
    409: "Conflict",
    500: "Allocation failed",
}


@dataclass(frozen=True)
class Asked:
    """A request: ``name`` of the operation, ``about`` the id in its path."""

    name: str
    about: str
    query: Mapping[str, str]


class Switch(Calls):
    """``asked`` is the log of valid requests."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        super().__init__()
        self.problems: list[str] = []
        self.asked: list[Asked] = []
        self.repeats = 1  # how often each event is told
        self.answers_pings = True
        self.pings = 0
        self.followed = 0  # how often somebody asked for the events
        self._followers: list[ServerSocket] = []
        self._followed = threading.Condition(self.lock)
        self._tls = tls
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.switch, self._server.tls = self, tls
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.is_closing.set()
        self.drop_followers()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        assert kind is not None or not self.problems, self.problems

    # --- For tests ------------------------------------------------------------------------------------------
    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._server.server_address[1]}/ari"

    def names(self, about: str = "") -> list[str]:
        """Of the operations so far, of one id or all."""
        with self.lock:
            return [one.name for one in self.asked if about in ("", one.about)]

    def wait_for_follower(self, timeout: float = 5) -> None:
        with self._followed:
            assert self._followed.wait_for(lambda: self._followers, timeout), "nobody follows the events"

    def drop_followers(self) -> None:
        """Cut the connections of the events."""
        with self.lock:
            for follower in self._followers:
                with suppress(OSError):
                    follower.cut()
            self._followers.clear()

    def tell(self, kind: str, **fields: Any) -> None:
        """An event to whoever follows; to nobody it is lost."""
        now = description.date(datetime.now(UTC))
        event = {"type": kind, "application": APP, "timestamp": now, **fields}
        self.problems += description.problems_of_event(event)
        self.tell_raw(json.dumps(event).encode())

    def tell_raw(self, payload: bytes) -> None:
        with self.lock:
            for follower in self._followers * self.repeats:
                with suppress(OSError):  # it has gone, which its own thread notices
                    follower.send(payload)

    def answer(self, asked: Asked) -> tuple[int, Any]:
        self.asked.append(asked)
        status, body = self.done(asked.name, asked.about, dict(asked.query))
        if status != NO_ANSWER:
            self.problems += description.problems_of_answer(asked.name, status, body)
        return status, body

    def follow(self, follower: ServerSocket) -> None:
        """Tell ``follower`` the events until it goes; one at a time, as an application has one connection."""
        with self._followed:
            self.followed += 1
            for other in self._followers:
                self.tell("ApplicationReplaced")
                other.send(b"", websockets.CLOSE)
            self._followers[:] = [follower]
            self._followed.notify_all()
        while True:
            opcode, payload = follower.receive()
            if opcode == websockets.PING:
                self.pings += 1
                if self.answers_pings:
                    follower.send(payload, websockets.PONG)
            if opcode == websockets.CLOSE:
                follower.send(payload, websockets.CLOSE)
                return

    def unfollow(self, follower: ServerSocket) -> None:
        with self.lock:
            if follower in self._followers:
                self._followers.remove(follower)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    switch: Switch
    tls: ssl.SSLContext | None

    def finish_request(self, request: Any, client_address: Any) -> None:
        with self.tls.wrap_socket(request, server_side=True) if self.tls else request as connection:
            super().finish_request(connection, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: clients that hang up are what this server is for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def _answer(self) -> None:
        switch, parts = self.server.switch, urlsplit(self.path)
        query = parse_qs(parts.query, keep_blank_values=True)
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        found = description.operation_of(self.command, parts.path.removeprefix("/ari"))
        if found is None:
            switch.problems.append(f"no operation {self.command} {parts.path}")
            return self._reply(400, None)
        name, arguments = found
        if problems := description.problems_of_query(name, query):
            switch.problems += problems
            return self._reply(400, None)
        pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {pair}":
            return self._reply(401, None)
        if name == "events":
            return self._follow()
        plain = {one: values[0] for one, values in query.items()}
        status, body = switch.answer(Asked(name, next(iter(arguments.values()), ""), plain))
        if status != NO_ANSWER:
            return self._reply(status, body)
        switch.is_closing.wait(5)
        self.close_connection = True
        return None

    do_GET = do_POST = do_PUT = do_DELETE = _answer

    def _follow(self) -> None:
        if not websockets.is_upgrade(self.headers):
            self.server.switch.problems.append("events: asked for without an upgrade to WebSocket")
            return self._reply(400, None)
        self.send_response(101)
        for name, value in websockets.accept(self.headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.close_connection = True
        follower = ServerSocket(self.connection, self.rfile)
        try:
            self.server.switch.follow(follower)
        finally:
            self.server.switch.unfollow(follower)

    def _reply(self, status: int, body: Any) -> None:
        if status in _ANSWERS:
            body = {"message": _ANSWERS[status]}
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        if status != 204:
            self.send_header(
                "Content-Type", "application/json" if not isinstance(body, bytes) else "audio/wav"
            )
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: ``Switch.asked`` is the log."""

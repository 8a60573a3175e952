"""Posts over a connection that is kept from one to the next where the server keeps it too.

`http.client` over a socket of our own: a session of `requests` costs several times as much as the exchange
itself. Addresses, TLS and time are judged as everywhere on the way out.
"""

import http.client
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from django.conf import settings
from urllib3.util.wait import wait_for_read

from partners.outbound import faults
from partners.outbound.client import EXCERPT_BYTES, parse_retry_after
from partners.outbound.connection import connect_to
from partners.outbound.deadline import Deadline
from partners.outbound.transport import USER_AGENT
from partners.outbound.urls import Target, check_url

CALLBACK_SCHEMES = ("https",)

# So old the judgement of its address may be when a kept connection is used again.
_KEPT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a callback's receiver answered: header names in lower case, at most 1 KiB of the body."""

    status: int
    headers: Mapping[str, str]
    body: str
    duration_seconds: float

    @property
    def retry_after(self) -> float | None:
        """Seconds the receiver asks us to wait (RFC 9110 §10.2.3), or None."""
        return parse_retry_after(self.headers.get("retry-after"))


class Line:
    """Posts one after the other; the connection of the last one serves the next to the same origin."""

    def __init__(self) -> None:
        self._kept: _Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._kept is not None:
            self._kept.close()

    def post(self, url: str, *, body: bytes, headers: Mapping[str, str], deadline_seconds: float) -> Answer:
        """POST `body` to `url` (https) and return whatever is answered; a redirect is an answer.

        Raises an `OutboundError` where there is no answer. Once the status is known a body that breaks off or
        hangs changes nothing. Where a kept connection is cut before the answer, `body` is sent once more.
        """
        with Deadline(deadline_seconds) as deadline, faults.in_plain_words(deadline):
            request = _Request(check_url(url, schemes=CALLBACK_SCHEMES), body, headers, deadline)
            connection, response = self._over_kept(request) or _over_new(request)
            text, is_sound = _excerpt(response)
            self._keep(connection, response, is_sound=is_sound)
            return Answer(
                status=response.status,
                headers={name.lower(): value for name, value in response.getheaders()},
                body=text.decode(errors="replace"),
                duration_seconds=deadline.elapsed,
            )

    def _over_kept(self, request: "_Request") -> "_Answered | None":
        """None where there is no connection for it, or there was one no more (RFC 9112 §9.3.1)."""
        connection, self._kept = self._kept, None
        if connection is None:
            return None
        if connection.leads_to(request.target):
            with suppress(ConnectionError, ssl.SSLEOFError):
                return connection, connection.ask(request)
        connection.close()
        request.deadline.check()
        return None

    def _keep(self, connection: "_Connection", response: http.client.HTTPResponse, *, is_sound: bool) -> None:
        """Only where nothing of the answer is left to come; behind a 1xx it all is (RFC 9110 §15.2)."""
        is_whole = response.isclosed() if response.chunked else response.length == 0
        response.close()
        if is_sound and is_whole and response.status >= 200 and not response.will_close:
            self._kept = connection
        else:
            connection.close()


@dataclass(frozen=True, slots=True)
class _Request:
    target: Target
    body: bytes
    headers: Mapping[str, str]
    deadline: Deadline


class _Connection(http.client.HTTPConnection):
    """Over one socket, to an address that was judged when it was opened."""

    auto_open = 0  # by itself it would look the name up again, and judge nothing

    def __init__(self, target: Target, deadline: Deadline) -> None:
        super().__init__(target.host, target.port)
        self._origin = target.origin
        self._opened_at = time.monotonic()
        self.sock = connect_to(target, schemes=CALLBACK_SCHEMES, deadline=deadline)

    def leads_to(self, target: Target) -> bool:
        """Whether it may serve `target`, and has neither been closed nor brought what nobody asked for."""
        is_young = time.monotonic() - self._opened_at < _KEPT_SECONDS
        return is_young and self._origin == target.origin and not wait_for_read(self.sock, timeout=0)

    def ask(self, request: _Request) -> http.client.HTTPResponse:
        """The answer up to its headers; where there is none, the connection is closed."""
        try:
            request.deadline.watch(self.sock)
            self.sock.settimeout(request.deadline.at_most(settings.OUTBOUND_READ_SECONDS))
            headers = {"Host": request.target.authority, "User-Agent": USER_AGENT, "Accept": "*/*"}
            headers |= {"Accept-Encoding": "identity", **request.headers}
            with suppress(BrokenPipeError):  # who closes without reading may have answered before
                self.request("POST", request.target.resource, request.body, headers)
            return self.getresponse()
        except BaseException:
            self.close()
            raise


_Answered = tuple[_Connection, http.client.HTTPResponse]


def _over_new(request: _Request) -> _Answered:
    connection = _Connection(request.target, request.deadline)
    return connection, connection.ask(request)


def _excerpt(response: http.client.HTTPResponse) -> tuple[bytes, bool]:
    """The first 1 KiB of the body, or what could be read of it, and whether it was read without trouble."""
    excerpt = b""
    try:
        for piece in _pieces(response, EXCERPT_BYTES):
            excerpt += piece
    except faults.TRANSPORT_ERRORS:
        return excerpt, False
    return excerpt, True


def _pieces(response: http.client.HTTPResponse, size: int) -> Iterator[bytes]:
    """The first `size` bytes of the body as they come, fewer where it ends before."""
    while size and (piece := response.read1(size)):
        size -= len(piece)
        yield piece

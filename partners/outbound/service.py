"""A service that staff has configured, asked in short exchanges or listened to on a long connection.

Its address is judged like that of every configured source (OUTBOUND_TRUSTED), and it leads nowhere else: a
redirect is an answer. Unlike a fetch, a request may have an effect: `NotSent` tells that it had none.
"""

import http.client
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from socket import socket

from django.conf import settings

from partners.outbound import faults
from partners.outbound.connection import connect_to
from partners.outbound.credentials import NO_CREDENTIALS, Credentials
from partners.outbound.deadline import Deadline
from partners.outbound.errors import OutboundError, TooLarge, Truncated
from partners.outbound.transport import USER_AGENT
from partners.outbound.urls import Target, check_url

SERVICE_SCHEMES = ("https",)

_PIECE_BYTES = 64 * 1024


class NotSent(OutboundError):
    """The service was not reached: nothing of the request has been sent."""

    def __init__(self, error: OutboundError) -> None:
        super().__init__(error.reason)
        self.permanent = error.permanent


@dataclass(frozen=True, slots=True)
class ServiceAnswer:
    """Whatever was answered, errors and redirects too."""

    status: int
    body: bytes


def check_service_url(url: str) -> Target:
    """`url` as it is asked for: https, or of one of OUTBOUND_TRUSTED. Raises `InvalidUrl`."""
    return check_url(url, schemes=SERVICE_SCHEMES, configured=True)


def call_service(
    method: str,
    url: str,
    *,
    credentials: Credentials = NO_CREDENTIALS,
    deadline_seconds: float,
    max_bytes: int,
) -> ServiceAnswer:
    """Ask without a body. Raises `NotSent`, or another `OutboundError` where the request may have arrived."""
    with _exchange(method, url, credentials, deadline_seconds) as response:
        return ServiceAnswer(response.status, b"".join(_pieces(response, max_bytes)))


@contextmanager
def stream_service(
    url: str, *, credentials: Credentials = NO_CREDENTIALS, deadline_seconds: float, max_bytes: int
) -> Iterator[tuple[int, Iterator[bytes]]]:
    """The status that a GET is answered with, and the pieces of its body. Raises `OutboundError`."""
    with _exchange("GET", url, credentials, deadline_seconds) as response:
        yield response.status, _pieces(response, max_bytes)


def connect_service(url: str, *, deadline: Deadline) -> socket:
    """A connection to the service, in TLS where its URL is https; nothing is sent yet. Raises `NotSent`."""
    try:
        return connect_to(check_service_url(url), schemes=SERVICE_SCHEMES, deadline=deadline)
    except OutboundError as error:
        raise NotSent(error) from None


@contextmanager
def _exchange(
    method: str, url: str, credentials: Credentials, deadline_seconds: float
) -> Iterator[http.client.HTTPResponse]:
    """The answer up to its headers; its body is read by the caller, whose errors are put in plain words."""
    with Deadline(deadline_seconds) as deadline:
        sock = connect_service(url, deadline=deadline)
        target = check_service_url(url)
        connection = http.client.HTTPConnection(target.host, target.port)
        connection.sock = sock
        with closing(connection), faults.in_plain_words(deadline):
            sock.settimeout(deadline.at_most(settings.OUTBOUND_READ_SECONDS))
            headers = {"Host": target.authority, "User-Agent": USER_AGENT, "Connection": "close"}
            connection.request(method, target.resource, headers={**headers, **credentials.headers})
            with connection.getresponse() as response:
                yield response
            deadline.check()  # at which a body without a length would seem to end


def _pieces(response: http.client.HTTPResponse, max_bytes: int) -> Iterator[bytes]:
    """The body as it comes. Raises `TooLarge` and `Truncated`."""
    received = 0
    while piece := response.read1(_PIECE_BYTES):
        received += len(piece)
        if received > max_bytes:
            raise TooLarge(max_bytes)
        yield piece
    if response.length:
        raise Truncated

"""A connection of another protocol than HTTP, under the same rules of addresses and time."""

import socket
from urllib.parse import urlsplit

from django.conf import settings

from partners.outbound import addresses, faults
from partners.outbound.deadline import Deadline
from partners.outbound.errors import AddressRefused, InvalidUrl, NetworkFault
from partners.outbound.urls import is_host, is_trusted


def connect(endpoint: str, *, default_port: int, deadline: Deadline) -> socket.socket:
    """A TCP connection to `endpoint` (``host`` or ``host:port``) of a configured source.

    Any port of public addresses, and the pairs of OUTBOUND_TRUSTED. `deadline` shuts it down when its time
    has come. Raises an `OutboundError`.
    """
    host, port = _parse(endpoint, default_port)
    address = _judged(host, port, deadline)
    try:
        sock = socket.create_connection(
            (address, port), timeout=deadline.at_most(settings.OUTBOUND_CONNECT_SECONDS)
        )
    except TimeoutError:
        deadline.check()
        raise NetworkFault("the server did not accept the connection in time") from None
    except OSError as error:
        deadline.check()
        raise faults.explain(error) from None
    deadline.watch(sock)
    return sock


def _judged(host: str, port: int, deadline: Deadline) -> str:
    seconds = deadline.at_most(settings.OUTBOUND_DNS_SECONDS)
    answers = addresses.resolve(host, port, seconds=seconds)
    try:
        addresses.require_reachable(answers, trusted=is_trusted(host, port))
    except AddressRefused:
        raise AddressRefused("the server's address is not public") from None
    return str(answers[0])


def _parse(endpoint: str, default_port: int) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{endpoint}")
        host, port = parts.hostname or "", parts.port or default_port
    except ValueError:
        host, port = "", default_port
    if not is_host(host) or parts.netloc != endpoint or "@" in endpoint:
        raise InvalidUrl("the server must be given as host or host:port")
    return host, port

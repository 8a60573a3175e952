"""A connection under the rules of addresses and time, whatever is spoken over it."""

import functools
import socket
import ssl
from collections.abc import Collection
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from requests_hardened.ip_filter import filter_host  # type: ignore[import-untyped]  # ships no type hints

from partners.outbound import addresses, faults
from partners.outbound.deadline import Deadline
from partners.outbound.errors import AddressRefused, InvalidUrl, NetworkFault
from partners.outbound.urls import Target, is_host, is_trusted, require_public_form


def connect(endpoint: str, *, default_port: int, deadline: Deadline) -> socket.socket:
    """A TCP connection to `endpoint` (``host`` or ``host:port``) of a configured source.

    Any port of public addresses, and the pairs of OUTBOUND_TRUSTED. `deadline` shuts it down when its time
    has come. Raises an `OutboundError`.
    """
    host, port = _parse(endpoint, default_port)
    answers = _resolved(host, port, deadline)
    try:
        addresses.require_reachable(answers, trusted=is_trusted(host, port))
    except AddressRefused:
        raise AddressRefused("the server's address is not public") from None
    return _open(str(answers[0]), port, deadline)


def connect_to(target: Target, *, schemes: Collection[str], deadline: Deadline) -> socket.socket:
    """A connection to where `target` leads, in TLS where it is https; nothing is sent yet.

    `deadline` shuts it down when its time has come. Raises an `OutboundError`.
    """
    address = judged_address(target, schemes=schemes, deadline=deadline)
    with faults.in_plain_words(deadline):
        if not target.trusted:  # the library's list is a second opinion
            filter_host(address, target.port, allow_loopback=settings.ALLOW_LOOPBACK)
        sock = _open(address, target.port, deadline)
        return _secured(sock, target) if target.scheme == "https" else sock


def judged_address(target: Target, *, schemes: Collection[str], deadline: Deadline) -> str:
    """The address to connect to: every answer of the resolver has been judged. Raises an `OutboundError`."""
    answers = _resolved(target.host, target.port, deadline)
    addresses.require_reachable(answers, trusted=target.trusted)
    # With ALLOW_LOOPBACK more has passed by its form than may, unless it is on this machine.
    if not (target.trusted or all(answer.is_loopback for answer in answers)):
        require_public_form(target, schemes=schemes)
    return str(answers[0])


def _resolved(host: str, port: int, deadline: Deadline) -> list[addresses.Address]:
    return addresses.resolve(host, port, seconds=deadline.at_most(settings.OUTBOUND_DNS_SECONDS))


def _open(address: str, port: int, deadline: Deadline) -> socket.socket:
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
    # Headers and body are two packets, of which the second would wait until the first is confirmed.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    deadline.watch(sock)
    return sock


def _secured(sock: socket.socket, target: Target) -> socket.socket:
    try:
        return trusted_roots(settings.OUTBOUND_CA_FILE).wrap_socket(sock, server_hostname=target.server_name)
    except BaseException:
        sock.close()
        raise


@functools.lru_cache(maxsize=4)
def trusted_roots(ca_file: str) -> ssl.SSLContext:
    """The public authorities of certifi, and those of `ca_file`. Loading takes long enough to do it once."""
    context = ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)
    if ca_file:
        try:
            context.load_verify_locations(ca_file)
        except OSError as error:
            raise ImproperlyConfigured(f"OUTBOUND_CA_FILE: cannot read {ca_file}: {error}") from error
    return context


def _parse(endpoint: str, default_port: int) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{endpoint}")
        host, port = parts.hostname or "", parts.port or default_port
    except ValueError:
        host, port = "", default_port
    if not is_host(host) or parts.netloc != endpoint or "@" in endpoint:
        raise InvalidUrl("the server must be given as host or host:port")
    return host, port

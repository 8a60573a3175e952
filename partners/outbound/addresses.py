"""From a host to addresses we may connect to.

Only addresses of the public internet pass: for IPv6 global unicast alone (2000::/3), for both the special
purposes of the IANA registries (RFC 6890) taken out. IPv6 forms that carry an IPv4 address (translated,
compatible, 6to4, Teredo, NAT64) are refused as such; the mapped form is judged as the IPv4 address it is.
"""

import queue
import socket
import threading
import time
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from django.conf import settings

from partners.outbound.errors import AddressRefused, NameNotResolved

Address = IPv4Address | IPv6Address
Outcome = list[str] | OSError | UnicodeError

_NOT_PUBLIC_4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared with carriers' NAT; a cloud's metadata service
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's host services, reachable from inside only
        "169.254.0.0/16",  # link-local, metadata services
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments, a cloud's metadata service
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
_GLOBAL_UNICAST_6 = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
    )
)

# What a pair of OUTBOUND_TRUSTED may stand for besides: networks of our own.
_PRIVATE_4 = tuple(
    IPv4Network(network)
    for network in ("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
)
_PRIVATE_6 = (IPv6Network("::1/128"), IPv6Network("fc00::/7"))
# Metadata services of the clouds, which hand out credentials. Nobody's trust reaches them.
_METADATA = frozenset(
    ip_address(address)
    for address in ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254")
)

# A resolver that never answers holds its thread; this many may hang before lookups fail without one.
_LOOKUPS = threading.BoundedSemaphore(32)


def lookup(host: str, port: int) -> list[str]:
    """Every address the system's resolver gives for `host`; blocks as long as the resolver does."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(answer[4][0]) for answer in answers]


def resolve(host: str, port: int, *, seconds: float) -> list[Address]:
    """The addresses of `host`, in the resolver's order, within `seconds`. Raises `NameNotResolved`."""
    # Some resolvers take the root's dot after an address, some do not; here it changes nothing.
    answers = _numeric(host.rstrip("."), port) or _lookup_in_time(host, port, seconds)
    if not answers:
        raise NameNotResolved(f"the name {host} has no address")
    return [_normalised(answer) for answer in answers]


def require_reachable(addresses: Iterable[Address], *, trusted: bool = False) -> None:
    """Raise `AddressRefused` unless every address is public, or loopback where ALLOW_LOOPBACK is set.

    Those of a `trusted` pair may be private; metadata services stay refused.
    """
    for address in addresses:
        public = is_public(address) or (settings.ALLOW_LOOPBACK and address.is_loopback)
        if not (public or (trusted and is_private(address))):
            raise AddressRefused


def is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    if address.scope_id is not None or address not in _GLOBAL_UNICAST_6:
        return False
    return not any(address in network for network in _NOT_PUBLIC_6)


def is_private(address: Address) -> bool:
    """Whether `address` is of a network of our own, or of this machine, and no metadata service."""
    networks = _PRIVATE_4 if isinstance(address, IPv4Address) else _PRIVATE_6
    return address not in _METADATA and any(address in network for network in networks)


def _numeric(host: str, port: int) -> list[str]:
    """What the C library takes for an address without asking anybody: 127.1, 0x7f000001, 2130706433, …"""
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return []
    return [str(answer[4][0]) for answer in answers]


def _lookup_in_time(host: str, port: int, seconds: float) -> list[str]:
    ends = time.monotonic() + seconds
    if not _LOOKUPS.acquire(timeout=max(seconds, 0)):
        raise NameNotResolved("too many name lookups are waiting for the resolver")
    outcome: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    # getaddrinfo knows no timeout. A daemon thread may be left behind; a pool would wait for it at exit.
    arguments = (outcome, host, port)
    threading.Thread(target=_lookup_into, args=arguments, name="name lookup", daemon=True).start()
    try:
        answers = outcome.get(timeout=max(ends - time.monotonic(), 0))
    except queue.Empty:
        raise NameNotResolved(f"the name {host} was not resolved within {seconds:.3g} seconds") from None
    if isinstance(answers, Exception):
        raise NameNotResolved(f"the name {host} could not be resolved")
    return answers


def _lookup_into(outcome: queue.SimpleQueue[Outcome], host: str, port: int) -> None:
    try:
        outcome.put(lookup(host, port))
    except (OSError, UnicodeError) as error:
        outcome.put(error)
    finally:
        _LOOKUPS.release()


def _normalised(answer: str) -> Address:
    address = ip_address(answer)
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or address
    return address

"""OUTBOUND_TRUSTED: pairs that configured sources may have on private addresses, and nobody else."""

import ipaddress
import socket
import time
from io import BytesIO

import pytest

from partners.outbound import (
    AddressRefused,
    Deadline,
    DeadlineExceeded,
    InvalidUrl,
    NameNotResolved,
    NetworkFault,
    OutboundError,
    addresses,
    connect,
    download,
    peek,
)
from tests.support.partner_server import PartnerServer
from tests.support.services import free_port

METADATA = [
    "169.254.169.254",
    "169.254.170.2",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "fd00:ec2::254",
    "fd20:ce::254",
    "::ffff:169.254.169.254",
    "fe80::a9fe:a9fe",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::",
]
PRIVATE = ["10.0.0.1", "172.16.5.4", "192.168.1.1", "127.0.0.1", "100.64.0.1", "::1", "fd12::1", "8.8.8.8"]


@pytest.fixture(autouse=True)
def _production(settings):
    settings.ALLOW_LOOPBACK = False


@pytest.fixture
def partner(settings):
    with PartnerServer() as server:
        server.serve("/a", b"RIFF")
        settings.OUTBOUND_TRUSTED = [f"127.0.0.1:{server.port}"]
        yield server


def fetch(url: str, *, configured: bool):
    return download(url, to=BytesIO(), max_bytes=1000, deadline_seconds=5, configured=configured)


def look(url: str, *, configured: bool):
    return peek(url, max_bytes=1000, deadline_seconds=5, configured=configured)


@pytest.mark.parametrize("use", [fetch, look])
def test_a_trusted_pair_serves_a_configured_source_and_never_a_url_of_a_request(partner, use):
    assert use(partner.url("/a"), configured=True).status == 200
    with pytest.raises(InvalidUrl):
        use(partner.url("/a"), configured=False)
    assert partner.count("/a") == 1


def test_a_pair_is_one_port_of_one_name(partner, settings, monkeypatch):
    monkeypatch.setattr(addresses, "lookup", lambda host, port: ["127.0.0.1"])
    settings.OUTBOUND_PORTS = (443, partner.port)
    settings.OUTBOUND_TRUSTED = [f"store.internal:{partner.port}", "store.internal:1"]
    for host in ("store.internal", "STORE.internal", "store.internal."):
        assert fetch(partner.url("/a", host=host), configured=True).status == 200
    for host in ("127.0.0.1", "other.internal", "store.internal.example"):
        with pytest.raises(OutboundError):
            fetch(partner.url("/a", host=host), configured=True)
        with pytest.raises(AddressRefused):
            fetch(f"https://{host}:{partner.port}/a", configured=True)


def test_a_configured_source_without_trust_is_under_the_rules_of_all(settings):
    for url in ("http://8.8.8.8/a", "https://8.8.8.8:9000/a"):
        with pytest.raises(InvalidUrl):
            fetch(url, configured=True)
    with pytest.raises(AddressRefused):
        fetch("https://10.0.0.1/a", configured=True)


def test_where_a_trusted_pair_redirects_to_is_a_url_like_any_other(partner):
    partner.redirect("/1", "/a")
    partner.redirect("/2", "https://127.0.0.1/a")
    for path, error in (("/1", InvalidUrl), ("/2", AddressRefused)):
        with pytest.raises(error):
            fetch(partner.url(path), configured=True)
    assert partner.count("/a") == 0


def test_trust_reaches_private_addresses_and_no_metadata_service(settings, monkeypatch):
    settings.OUTBOUND_TRUSTED = ["store.internal:80"]
    for address in METADATA:
        monkeypatch.setattr(addresses, "lookup", lambda host, port, address=address: [address])
        with pytest.raises(AddressRefused):
            fetch("http://store.internal/a", configured=True)
        # Nor as one answer of several.
        monkeypatch.setattr(addresses, "lookup", lambda host, port, address=address: ["10.0.0.1", address])
        with pytest.raises(AddressRefused), Deadline(5) as deadline:
            connect("store.internal", default_port=80, deadline=deadline)
    addresses.require_reachable([ipaddress.ip_address(address) for address in PRIVATE], trusted=True)
    for address in ("0.0.0.0", "224.0.0.1", "255.255.255.255", "::", "ff02::1", "fec0::1"):
        with pytest.raises(AddressRefused):
            addresses.require_reachable([ipaddress.ip_address(address)], trusted=True)


def test_a_connection_takes_any_port_of_a_public_address_and_private_ones_by_trust(partner, monkeypatch):
    with (
        Deadline(5) as deadline,
        connect(f"127.0.0.1:{partner.port}", default_port=22, deadline=deadline) as sock,
    ):
        assert sock.getpeername() == ("127.0.0.1", partner.port)
    with Deadline(5) as deadline, pytest.raises(AddressRefused, match="the server's address is not public"):
        connect("127.0.0.1", default_port=22, deadline=deadline)
    asked = []
    monkeypatch.setattr(socket, "create_connection", lambda to, timeout: asked.append(to) or socket.socket())
    with Deadline(5) as deadline:
        for endpoint in ("8.8.8.8", "8.8.8.8:2222", "[2606:4700::1111]:2022"):
            connect(endpoint, default_port=22, deadline=deadline)
    assert asked == [("8.8.8.8", 22), ("8.8.8.8", 2222), ("2606:4700::1111", 2022)]


@pytest.mark.parametrize(
    "endpoint",
    ["", "https://host", "user@host", "host/path", "host:port", "host:99999", "a b", "host?x", "[::1", "a\n"],
)
def test_an_endpoint_is_host_or_host_and_port(endpoint):
    with Deadline(5) as deadline, pytest.raises(InvalidUrl, match="host or host:port"):
        connect(endpoint, default_port=22, deadline=deadline)


def test_a_connection_fails_in_plain_words(settings, monkeypatch):
    endpoint = f"127.0.0.1:{free_port()}"
    settings.OUTBOUND_TRUSTED = [endpoint]
    with Deadline(5) as deadline, pytest.raises(NetworkFault, match="refused the connection"):
        connect(endpoint, default_port=22, deadline=deadline)
    monkeypatch.setattr(addresses, "lookup", lambda host, port: [])
    with Deadline(5) as deadline, pytest.raises(NameNotResolved):
        connect("store.example", default_port=22, deadline=deadline)


def test_the_deadline_ends_a_connection_on_which_nothing_comes(settings):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"127.0.0.1:{silent.getsockname()[1]}"
        settings.OUTBOUND_TRUSTED = [endpoint]
        began = time.monotonic()
        with Deadline(0.3) as deadline, connect(endpoint, default_port=22, deadline=deadline) as sock:
            sock.settimeout(None)
            assert sock.recv(1) == b""
            with pytest.raises(DeadlineExceeded):
                deadline.check()
        assert time.monotonic() - began < 2

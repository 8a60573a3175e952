"""No URL of the table is opened: not given as such, not as a redirect, not behind a name."""

import ipaddress
import socket
from collections.abc import Iterator
from io import BytesIO

import psutil
import pytest

from partners.outbound import AddressRefused, InvalidUrl, NetworkFault, addresses, download
from tests.hostile.urls import ANSWERS, LOCATIONS, hostile_urls
from tests.support.partner_server import PartnerServer
from tests.support.posting import post


class Canary:
    """Listens on every address of this machine, loopback or not, and should never be called."""

    def __init__(self) -> None:
        family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET
        self._socket = socket.create_server(("", 0), family=family, dualstack_ipv6=family == socket.AF_INET6)
        self._socket.setblocking(False)
        self.port: int = self._socket.getsockname()[1]

    @property
    def called_by(self) -> str | None:
        # The kernel queues a caller the moment it calls, so there is nothing to wait for.
        try:
            return self._socket.accept()[1][0]
        except BlockingIOError:
            return None

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def canary(settings) -> Iterator[Canary]:
    """As in production, but for one more port: that is not what stops a request."""
    canary = Canary()
    settings.ALLOW_LOOPBACK = False
    settings.OUTBOUND_PORTS = (80, 443, canary.port)
    yield canary
    canary.close()


@pytest.fixture
def partner() -> Iterator[PartnerServer]:
    with PartnerServer() as server:
        yield server


def fetch(url: str) -> None:
    download(url, to=BytesIO(), max_bytes=1000, deadline_seconds=5)


def send(url: str) -> None:
    post(url)


def targets(scheme: str) -> list[str]:
    # The canary's port is known only once it listens.
    return hostile_urls(scheme, port=1)


def at(canary: Canary, url: str) -> str:
    return url.replace(":1/", f":{canary.port}/")


def own_hosts() -> list[str]:
    """This machine's addresses beyond loopback, as they stand in a URL."""
    found = [
        address.address.partition("%")[0]
        for interface in psutil.net_if_addrs().values()
        for address in interface
        if address.family in (socket.AF_INET, socket.AF_INET6)
    ]
    private = [host for host in found if not ipaddress.ip_address(host).is_global]
    return [f"[{host}]" if ":" in host else host for host in private]


def test_the_canary_sings(canary):
    with socket.create_connection(("127.0.0.1", canary.port)):
        assert canary.called_by is not None
    assert canary.called_by is None


# --- Straight away ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("url", targets("http"))
def test_no_recording_is_fetched_from_a_hostile_url(canary, url):
    with pytest.raises((AddressRefused, InvalidUrl)) as refusal:
        fetch(at(canary, url))
    assert refusal.value.permanent
    assert "secret" not in refusal.value.reason
    assert canary.called_by is None


@pytest.mark.parametrize("url", targets("https"))
def test_no_callback_is_sent_to_a_hostile_url(canary, url):
    with pytest.raises((AddressRefused, InvalidUrl)) as refusal:
        send(at(canary, url))
    assert refusal.value.permanent
    assert canary.called_by is None


def test_no_address_of_this_machine_is_reached(canary):
    for host in own_hosts():
        with pytest.raises(AddressRefused):
            fetch(f"http://{host}:{canary.port}/a.wav")
        with pytest.raises(AddressRefused):
            send(f"https://{host}:{canary.port}/callback")
    assert canary.called_by is None


# --- Redirects --------------------------------------------------------------------------------------------
@pytest.fixture
def redirecting(canary, partner, settings):
    """The URL of a server that redirects to whatever it is given.

    The server is on loopback, so loopback is allowed until it has been asked: the redirect is judged as it
    is in production.
    """

    def to(location: str) -> str:
        settings.ALLOW_LOOPBACK = True

        def answer() -> Iterator[bytes]:
            settings.ALLOW_LOOPBACK = False
            yield b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + location.encode() + b"\r\n\r\n"

        return partner.script("/a.wav", answer)

    return to


@pytest.mark.parametrize("url", [*targets("http"), *LOCATIONS])
def test_no_redirect_leads_to_a_hostile_url(canary, partner, redirecting, url):
    with pytest.raises((AddressRefused, InvalidUrl)):
        fetch(redirecting(at(canary, url)))
    assert partner.connections == 1
    assert canary.called_by is None


def test_the_third_redirect_is_judged_like_the_first(canary, partner, redirecting):
    redirecting(f"http://127.0.0.1:{canary.port}/a.wav")
    partner.redirect("/2", partner.url("/a.wav"))
    with pytest.raises((AddressRefused, InvalidUrl)):
        fetch(partner.redirect("/1", partner.url("/2")))
    assert partner.connections == 3
    assert canary.called_by is None


# --- Names ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ANSWERS)
def test_no_name_leads_to_a_hostile_address(canary, monkeypatch, name):
    monkeypatch.setattr(addresses, "lookup", lambda host, port: list(ANSWERS[name]))
    with pytest.raises(AddressRefused):
        fetch(f"http://{name}.example:{canary.port}/a.wav")
    with pytest.raises(AddressRefused):
        send(f"https://{name}.example:{canary.port}/callback")
    assert canary.called_by is None


def test_a_name_that_changes_between_check_and_connect_is_not_asked_again(canary, monkeypatch, settings):
    """The first answer, which passed, is the one connected to; the canary waits behind the second."""
    settings.ALLOW_LOOPBACK = True
    asked = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        # Nobody listens on the first: the canary would hear of it if the name were looked up once more.
        return ["127.0.0.1"] if len(asked) == 1 else ["::1"]

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setattr(addresses, "lookup", rebinding)
    with socket.create_server(("::1", port), family=socket.AF_INET6) as second:
        second.setblocking(False)
        with pytest.raises(NetworkFault, match="refused the connection"):
            fetch(f"http://rebinding.example:{port}/a.wav")
        with pytest.raises(BlockingIOError):
            second.accept()
    assert asked == ["rebinding.example"]


@pytest.mark.parametrize("second", ["10.0.0.1", "127.0.0.1", "169.254.169.254"])
def test_a_redirect_back_to_a_name_that_changed_is_judged_anew(
    canary, partner, redirecting, monkeypatch, second
):
    asked = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else [second]

    monkeypatch.setattr(addresses, "lookup", rebinding)
    redirecting(f"http://rebinding.example:{canary.port}/b.wav")
    with pytest.raises(AddressRefused):
        fetch(partner.url("/a.wav", host="rebinding.example"))
    assert (len(asked), partner.connections, canary.called_by) == (2, 1, None)

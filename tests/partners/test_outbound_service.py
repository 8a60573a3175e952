"""A configured service: what it may be, and whether what was asked of it can have had an effect."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from partners.outbound import (
    Credentials,
    DeadlineExceeded,
    NetworkFault,
    OutboundError,
    TooLarge,
    Truncated,
)
from partners.outbound.service import NotSent, ServiceAnswer, call_service, stream_service
from tests.support.partner_server import PartnerServer

SECRET = Credentials(headers={"Authorization": "Basic dTpwNHNzdzByZA=="})


@pytest.fixture(scope="module")
def server() -> Iterator[PartnerServer]:
    with PartnerServer() as running:
        yield running


def ask(url: str, method: str = "GET", **given: Any) -> ServiceAnswer:
    limits = {"deadline_seconds": 3, "max_bytes": 1000} | given
    return call_service(method, url, credentials=SECRET, **limits)


def test_it_is_asked_with_its_credentials_and_answers_for_itself(server: PartnerServer) -> None:
    for status in (200, 404, 500):
        url = server.serve(f"/ask/{status}", b"said", status=status)
        assert ask(f"{url}?a=b%2Fc&d=%2B1") == ServiceAnswer(status, b"said")
        (asked,) = server.received(f"/ask/{status}")
        assert asked.query == {"a": ["b/c"], "d": ["+1"]}
        assert asked.headers["Authorization"] == SECRET.headers["Authorization"]
        assert asked.headers["Host"] == f"127.0.0.1:{server.port}"


def test_it_leads_nowhere_else(server: PartnerServer) -> None:
    elsewhere = server.serve("/elsewhere")
    assert ask(server.redirect("/leading", elsewhere)).status == 302
    assert not server.received("/elsewhere")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:9/", "the server refused the connection"),
        ("http://service.example.test/", "the URL must start with https://"),
        ("https://u:p4ssw0rd@127.0.0.1/", "the URL holds a user name or password"),
        ("https://no-such-name.invalid/", "the name no-such-name.invalid could not be resolved"),
    ],
)
def test_what_was_not_sent_is_told_as_such(url: str, reason: str) -> None:
    with pytest.raises(NotSent) as caught:
        ask(url, "POST")
    assert caught.value.reason == reason


def test_an_address_of_our_own_network_is_asked_only_where_it_is_trusted(
    server: PartnerServer, settings: Any
) -> None:
    settings.ALLOW_LOOPBACK = False
    url = server.serve("/private", b"yes")
    with pytest.raises(NotSent):
        ask(url)
    settings.OUTBOUND_TRUSTED = [f"127.0.0.1:{server.port}"]
    assert ask(url).body == b"yes"
    settings.OUTBOUND_TRUSTED = ["169.254.169.254:80"]
    with pytest.raises(NotSent, match="not public"):
        ask("http://169.254.169.254/latest/meta-data")


def silent(server: PartnerServer) -> str:
    return server.serve("/silent", b"late", hold=threading.Event())


def endless(server: PartnerServer) -> str:
    """A body without a length, which only the end of the connection would end."""

    def pieces() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n\r\nabc"
        threading.Event().wait(1)

    return server.script("/endless", pieces)


@pytest.mark.parametrize(
    ("url", "error"),
    [
        (lambda server: server.script("/gone", list), NetworkFault),
        (lambda server: server.script("/odd", lambda: [b"nonsense\r\n\r\n"]), NetworkFault),
        (lambda server: server.serve("/short", b"abc", headers={"Content-Length": "9"}), Truncated),
        (lambda server: server.serve("/large", bytes(1001)), TooLarge),
        (silent, DeadlineExceeded),
        (endless, DeadlineExceeded),
    ],
)
def test_what_may_have_arrived_is_never_told_as_not_sent(
    server: PartnerServer, url: Callable[[PartnerServer], str], error: type[OutboundError]
) -> None:
    with pytest.raises(error) as caught:
        ask(url(server), "POST", deadline_seconds=0.4)
    assert not isinstance(caught.value, NotSent)
    assert "dTpwNHNz" not in caught.value.reason


def test_a_file_comes_in_pieces_and_no_larger_than_allowed(server: PartnerServer) -> None:
    url = server.serve("/file", bytes(300_000))
    with stream_service(url, deadline_seconds=3, max_bytes=300_000) as (status, pieces):
        found = [len(piece) for piece in pieces]
    assert (status, sum(found)) == (200, 300_000)
    assert len(found) > 1
    with (
        pytest.raises(TooLarge),
        stream_service(url, deadline_seconds=3, max_bytes=299_999) as (_, pieces),
    ):
        list(pieces)

"""Sending a callback: what is sent, and that any answer is an answer."""

import socket
import threading
import time
from contextlib import suppress
from ipaddress import ip_address

import pytest

from partners.outbound import (
    AddressRefused,
    DeadlineExceeded,
    InvalidUrl,
    Line,
    NetworkFault,
    addresses,
)
from tests.support.partner_server import PartnerServer
from tests.support.posting import post


@pytest.fixture
def partner():
    with PartnerServer() as server:
        yield server


def send(url: str, *, body: bytes = b'{"call_id": "1"}', headers=None, deadline: float = 5):
    return post(url, body=body, headers=headers, deadline_seconds=deadline)


def test_it_sends_body_and_headers_as_they_are(partner):
    url = partner.serve("/callback", status=204)
    send(url, body="{ü}".encode(), headers={"Content-Type": "application/json", "webhook-id": "msg_1"})
    (request,) = partner.wait_for("/callback")
    assert (request.method, request.body) == ("POST", "{ü}".encode())
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["webhook-id"] == "msg_1"
    assert request.headers["User-Agent"].startswith("Zipingest/")


@pytest.mark.parametrize("status", [200, 204, 400, 401, 404, 410, 429, 500, 503])
def test_every_status_is_an_answer(partner, status):
    assert send(partner.serve("/callback", status=status)).status == status


def test_the_answer_keeps_the_start_of_the_body_as_text(partner):
    answer = send(partner.serve("/callback", b"\xff<html>" + b"x" * 5000))
    assert answer.body == "\ufffd<html>" + "x" * 1017
    assert 0 < answer.duration_seconds < 5


def test_the_answer_says_when_to_come_back(partner):
    answer = send(partner.serve("/callback", status=503, headers={"Retry-After": "17"}))
    assert (answer.headers["retry-after"], answer.retry_after) == ("17", 17)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_answered_not_followed(partner, status):
    partner.serve("/elsewhere")
    answer = send(partner.redirect("/callback", "/elsewhere", status=status))
    assert answer.status == status
    assert partner.count("/elsewhere") == 0


def test_a_known_status_stands_although_the_body_hangs(partner):
    url = partner.serve("/callback", b"okay", status=200, hold=threading.Event(), hold_after=2)
    answer = send(url, deadline=0.5)
    assert (answer.status, answer.body) == (200, "ok")


def test_answers_come_in_the_order_they_were_programmed(partner):
    partner.serve("/callback", status=500, times=2)
    url = partner.serve("/callback", status=200)
    assert [send(url).status for _ in range(4)] == [500, 500, 200, 200]


def test_a_receiver_that_is_gone_is_a_network_fault():
    with PartnerServer() as gone:
        url = gone.url("/callback")
    with pytest.raises(NetworkFault, match="refused the connection"):
        send(url)


def test_plain_http_is_refused_where_loopback_is_not_allowed(partner, settings):
    settings.ALLOW_LOOPBACK = False
    settings.OUTBOUND_PORTS = (partner.port,)
    with pytest.raises(InvalidUrl, match="must start with https://"):
        send(partner.serve("/callback"))
    assert partner.connections == 0


# --- One after the other ------------------------------------------------------------------------------------
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n"


@pytest.fixture
def line():
    with Line() as line:
        yield line


def statuses(line: Line, *urls: str) -> list[int]:
    return [line.post(url, body=b"{}", headers={}, deadline_seconds=5).status for url in urls]


class Keeping:
    """A server that gives `answer` to so many requests on each connection, and hangs up."""

    def __init__(self, answer: bytes, *, each: int) -> None:
        self.answer, self.each = answer, each
        self.connections = self.requests = 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/callback"

    def __enter__(self) -> "Keeping":
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                self.connections += 1
                with connection:
                    self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        for _ in range(self.each):
            received = b""
            while not received.endswith(b"{}"):
                received += (piece := connection.recv(65536))
                if not piece:
                    return
            self.requests += 1
            connection.sendall(self.answer)


@pytest.mark.parametrize(
    "answer",
    [
        NO_CONTENT + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ],
)
def test_a_connection_that_the_server_keeps_serves_the_next_to_the_same_origin(line, answer):
    with Keeping(answer, each=10) as server, Keeping(answer, each=10) as other:
        statuses(line, server.url, server.url, server.url, other.url, other.url, server.url)
        assert (server.requests, server.connections) == (4, 2)
        assert (other.requests, other.connections) == (2, 1)


UNTIL_THE_END = b"HTTP/1.1 200 OK\r\n\r\nuntil the end"


@pytest.mark.parametrize(
    "answer",
    [
        NO_CONTENT + b"Connection: close\r\n\r\n",
        UNTIL_THE_END,
        b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + b"x" * 2000,
        b"HTTP/1.1 102 Processing\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_a_connection_on_which_more_may_come_is_not_used_again(line, answer):
    with Keeping(answer, each=1 if answer == UNTIL_THE_END else 10) as server:
        assert len(set(statuses(line, server.url, server.url, server.url))) == 1
        assert (server.requests, server.connections) == (3, 3)


def test_what_a_kept_connection_loses_is_sent_again_over_a_new_one_once(line, monkeypatch):
    # Nobody looks whether it is closed: as if the server did so a moment later.
    monkeypatch.setattr("partners.outbound.line.wait_for_read", lambda *_, **__: False)
    with Keeping(NO_CONTENT + b"\r\n", each=1) as server:
        assert statuses(line, server.url, server.url) == [204, 204]
        assert (server.requests, server.connections) == (2, 2)
        server.each = 0
        with pytest.raises(NetworkFault):
            statuses(line, server.url)
        assert server.requests == 2


def test_a_kept_connection_is_judged_anew_after_a_short_time(line, monkeypatch):
    with Keeping(NO_CONTENT + b"\r\n", each=10) as server:
        statuses(line, server.url)
        monkeypatch.setattr("partners.outbound.line._KEPT_SECONDS", 0)
        monkeypatch.setattr(addresses, "resolve", lambda *_, **__: [ip_address("10.0.0.1")])
        with pytest.raises(AddressRefused):
            statuses(line, server.url)


def test_nothing_that_one_answer_sets_is_shown_to_the_next(line):
    with PartnerServer() as partner:
        url = partner.serve("/callback", status=204, headers={"Set-Cookie": "a=b"})
        statuses(line, url, url)
        assert not any(request.headers["Cookie"] for request in partner.wait_for("/callback", 2))


def test_every_post_on_a_kept_connection_has_a_deadline_of_its_own(line):
    with Keeping(NO_CONTENT + b"\r\n", each=10) as server:
        statuses(line, server.url, server.url)
        server.answer = b""
        began = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            line.post(server.url, body=b"{}", headers={}, deadline_seconds=0.3)
        assert time.monotonic() - began < 2
        assert (server.requests, server.connections) == (3, 1)

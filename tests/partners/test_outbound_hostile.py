"""Servers that never end: each is left at the deadline or the limit, whatever it does."""

import itertools
import socket
import threading
import time
from contextlib import suppress
from io import BytesIO

import psutil
import pytest

from partners.outbound import (
    BadStatus,
    DeadlineExceeded,
    NetworkFault,
    OutboundError,
    TooLarge,
    download,
)
from tests.support.partner_server import PartnerServer
from tests.support.posting import post

# Servers that make one wait.
pytestmark = pytest.mark.slow

DEADLINE = 0.5
OK = b"HTTP/1.1 200 OK\r\n"
MOVED = b"HTTP/1.1 302 Found\r\nLocation: /b.wav\r\n\r\n"
# What the two ends' socket buffers may hold beyond what was read.
MOST_IN_FLIGHT = 16 * 1024 * 1024
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def partner():
    with PartnerServer() as server:
        yield server


def fetch(url: str, *, max_bytes: int = 1_000_000, deadline: float = DEADLINE, to=None):
    return download(url, to=to or BytesIO(), max_bytes=max_bytes, deadline_seconds=deadline)


def dripping(head: bytes, drop: bytes = b"x"):
    yield head
    while True:
        time.sleep(0.05)
        yield drop


def counted(pieces, sent: list[int]):
    for piece in pieces:
        yield piece
        sent.append(len(piece))


def endless(head: bytes, piece: bytes):
    return itertools.chain([head], itertools.repeat(piece))


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda: dripping(b"H"), id="status line"),
        pytest.param(lambda: dripping(OK + b"X-Slow: "), id="header"),
        pytest.param(lambda: dripping(OK, b"A: b\r\n"), id="headers"),
        pytest.param(lambda: dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), id="interim answers"),
        pytest.param(lambda: endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 50), id="interim answers, fast"),
        pytest.param(lambda: dripping(OK + b"Content-Length: 1000\r\n\r\n"), id="body"),
        pytest.param(lambda: dripping(OK + b"\r\n"), id="body without length"),
        pytest.param(lambda: dripping(CHUNKED, b"1\r\nx\r\n"), id="chunks"),
        pytest.param(lambda: dripping(CHUNKED + b"1;"), id="chunk extension"),
        pytest.param(lambda: dripping(CHUNKED + b"0\r\n", b"A: b\r\n"), id="trailers"),
        pytest.param(lambda: endless(CHUNKED + b"0\r\n", b"A: b\r\n" * 500), id="trailers, fast"),
    ],
)
def test_a_server_that_drips_is_left_at_the_deadline(partner, answer):
    url = partner.script("/a.wav", answer)
    began = time.monotonic()
    with pytest.raises(DeadlineExceeded, match=r"longer than 0\.5 seconds altogether") as caught:
        fetch(url)
    assert time.monotonic() - began < DEADLINE + 1
    assert not caught.value.permanent


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_accepts_and_says_nothing_is_left_at_the_deadline(scheme):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            fetch(f"{scheme}://127.0.0.1:{silent.getsockname()[1]}/a.wav")
        assert time.monotonic() - began < DEADLINE + 1


def test_a_server_that_falls_silent_is_left_at_the_read_timeout(partner, settings):
    settings.OUTBOUND_READ_SECONDS = 0.3
    held = partner.serve("/a.wav", b"RIFF" * 100, hold=threading.Event(), hold_after=10)
    with pytest.raises(NetworkFault, match="fell silent"):
        fetch(held, deadline=5)


def test_the_deadline_covers_all_redirects_together(partner):
    partner.script("/1", lambda: (time.sleep(0.3), b"HTTP/1.1 302 Found\r\nLocation: /2\r\n\r\n")[1:])
    partner.script("/2", lambda: (time.sleep(0.3), OK + b"\r\n")[1:])
    with pytest.raises(DeadlineExceeded):
        fetch(partner.url("/1"))


def test_the_deadline_covers_the_resolver(monkeypatch):
    hang = threading.Event()
    monkeypatch.setattr("partners.outbound.addresses.lookup", lambda host, port: hang.wait(10) and [])
    with pytest.raises(DeadlineExceeded):
        fetch("http://recordings.example/a.wav", deadline=0.3)
    hang.set()


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda: endless(OK + b"\r\n", bytes(65536)), id="no length"),
        pytest.param(lambda: endless(CHUNKED, b"10000\r\n" + bytes(65536) + b"\r\n"), id="chunks"),
        pytest.param(lambda: endless(CHUNKED + b"fffffffffffffff\r\n", bytes(65536)), id="one chunk"),
        pytest.param(lambda: endless(CHUNKED + b"-1\r\n", bytes(65536)), id="chunk of negative size"),
        pytest.param(
            lambda: endless(CHUNKED + b"-ff\r\n", bytes(65536)), id="chunk of another negative size"
        ),
    ],
)
def test_an_endless_body_is_left_at_the_limit(partner, answer):
    to, sent = BytesIO(), []
    with pytest.raises(TooLarge):
        fetch(partner.script("/a.wav", lambda: counted(answer(), sent)), to=to, deadline=10)
    assert len(to.getvalue()) <= 1_000_000
    assert sum(sent) < MOST_IN_FLIGHT


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda: endless(b"", b"A" * 65536), id="status line"),
        pytest.param(lambda: endless(OK + b"A: ", b"b" * 65536), id="header"),
        pytest.param(lambda: endless(OK, b"A: b\r\n"), id="headers"),
        pytest.param(lambda: endless(CHUNKED, b"1" * 65536), id="chunk size"),
        pytest.param(lambda: endless(CHUNKED + b"1;", b"x" * 65536), id="chunk extension"),
        pytest.param(lambda: endless(CHUNKED + b"0\r\nA: ", b"x" * 65536), id="trailer"),
    ],
)
def test_an_endless_line_is_left_early(partner, answer):
    sent = []
    with pytest.raises(OutboundError) as caught:
        fetch(partner.script("/a.wav", lambda: counted(answer(), sent)), deadline=10)
    assert not isinstance(caught.value, DeadlineExceeded)
    assert sum(sent) < MOST_IN_FLIGHT


def test_the_body_of_a_redirect_is_not_read(partner):
    partner.serve("/b.wav", b"RIFF")
    assert fetch(partner.script("/a.wav", lambda: endless(MOVED, bytes(65536)))).bytes == 4


def test_the_body_of_a_callbacks_answer_is_not_read_to_its_end(partner):
    url = partner.script("/callback", lambda: endless(MOVED, b"x" * 65536))
    answer = post(url)
    assert (answer.status, len(answer.body)) == (302, 1024)


def test_a_bad_status_with_a_hanging_body_is_still_told(partner):
    url = partner.script("/a.wav", lambda: dripping(b"HTTP/1.1 403 Forbidden\r\n\r\n"))
    with pytest.raises(BadStatus) as caught:
        fetch(url)
    assert caught.value.head.startswith(b"x")


def test_a_callback_ends_at_its_deadline(partner):
    url = partner.script("/callback", lambda: dripping(b"HTTP"))
    began = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        post(url, deadline_seconds=DEADLINE)
    assert time.monotonic() - began < DEADLINE + 1


def test_a_receiver_that_does_not_read_is_left_at_the_deadline():
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/callback"
        began = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            post(url, body=bytes(32 * 1024 * 1024), deadline_seconds=DEADLINE)
        assert time.monotonic() - began < DEADLINE + 1


def test_nothing_is_left_behind(partner):
    """Neither threads nor sockets, whether an exchange ends well, at its limit or at its deadline."""
    good = partner.serve("/good", b"RIFF")
    large = partner.serve("/large", bytes(2_000_000))
    slow = partner.script("/slow", lambda: dripping(OK + b"\r\n"))
    for url in (good, large, slow):
        with suppress(OutboundError):
            fetch(url, deadline=0.3 if url == slow else 30)
    time.sleep(0.1)
    assert not [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
    sockets = psutil.Process().net_connections("tcp")
    assert not [found for found in sockets if found.raddr and found.raddr.port == partner.port]

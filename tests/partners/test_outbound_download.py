"""Fetching a recording from a server that means well, and how its failures are told."""

import hashlib
import logging
import tomllib
import traceback
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from io import BytesIO
from pathlib import Path

import pytest

from partners.outbound import (
    AddressRefused,
    BadStatus,
    CompressedBody,
    Credentials,
    InvalidUrl,
    NetworkFault,
    OutboundError,
    TooLarge,
    TooManyRedirects,
    Truncated,
    download,
)
from tests.support.partner_server import PartnerServer

BODY = bytes(range(256)) * 1000


@pytest.fixture
def partner():
    with PartnerServer() as server:
        yield server


def fetch(url: str, *, to=None, max_bytes: int = 1_000_000, **options):
    return download(url, to=to or BytesIO(), max_bytes=max_bytes, deadline_seconds=5, **options)


# --- What arrives -----------------------------------------------------------------------------------------
def test_it_streams_the_body_and_says_what_it_was(partner):
    url, to = partner.serve("/a.wav", BODY, content_type="audio/wav") + "?sig=1", BytesIO()
    got = fetch(url, to=to)
    assert to.getvalue() == BODY
    assert (got.final_url, got.status, got.content_type) == (url, 200, "audio/wav")
    assert (got.bytes, got.sha256) == (len(BODY), hashlib.sha256(BODY).hexdigest())
    assert got.head == BODY[:512]
    assert 0 < got.duration_seconds < 5


def test_it_takes_a_chunked_body(partner):
    chunks = b"".join(b"%x;ext=1\r\n%s\r\n" % (len(piece), piece) for piece in (b"RI", b"FF" * 40_000))
    url = partner.script(
        "/a.wav",
        lambda: [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunks, b"0\r\nX-Sum: 1\r\n\r\n"],
    )
    to = BytesIO()
    assert fetch(url, to=to).bytes == 80_002
    assert to.getvalue() == b"RI" + b"FF" * 40_000


def test_it_takes_a_body_that_ends_with_the_connection(partner):
    url = partner.script("/a.wav", lambda: [b"HTTP/1.0 200 OK\r\n\r\n", BODY])
    assert fetch(url).bytes == len(BODY)


def test_it_takes_an_empty_body(partner):
    got = fetch(partner.serve("/a.wav"))
    assert (got.bytes, got.head) == (0, b"")


def test_it_takes_a_body_of_exactly_the_limit(partner):
    assert fetch(partner.serve("/a.wav", BODY), max_bytes=len(BODY)).bytes == len(BODY)


def test_it_says_who_asks_and_wants_the_body_as_it_is(partner):
    credentials = Credentials(headers={"X-Token": "t", "Accept-Encoding": "gzip"})
    fetch(partner.serve("/a.wav"), credentials=credentials)
    headers = partner.requests[0].headers
    version = tomllib.loads(Path("pyproject.toml").read_text())["project"]["version"]
    assert headers["User-Agent"] == f"Zipingest/{version}"
    assert headers.get_all("Accept-Encoding") == ["identity"]
    assert headers.get_all("Host") == [f"127.0.0.1:{partner.port}"]
    assert headers["X-Token"] == "t"


def test_proxies_and_netrc_of_the_environment_are_ignored(partner, monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with PartnerServer() as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url(""))
            monkeypatch.setenv(name.upper(), proxy.url(""))
        fetch(partner.serve("/a.wav"))
        assert proxy.connections == 0
    assert "Authorization" not in partner.requests[0].headers


def test_a_full_disk_is_not_the_servers_fault(partner):
    with open("/dev/full", "wb", buffering=0) as full, pytest.raises(OSError, match="No space left"):
        fetch(partner.serve("/a.wav", BODY), to=full)


# --- Redirects --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_it_follows_redirects_relative_and_absolute(partner, status):
    partner.redirect("/1", "/2?a=ä".encode().decode("latin-1"), status=status)
    partner.redirect("/2", partner.url("/3"), status=status)
    partner.redirect("/3", "4", status=status)
    partner.serve("/4", b"RIFF")
    got = fetch(partner.url("/1"))
    assert (got.final_url, got.bytes) == (partner.url("/4"), 4)
    assert partner.received("/2")[0].query == {"a": ["ä"]}


def test_it_follows_three_redirects_and_no_fourth(partner):
    for step in range(1, 5):
        partner.redirect(f"/{step}", f"/{step + 1}")
    with pytest.raises(TooManyRedirects) as caught:
        fetch(partner.url("/1"))
    assert caught.value.permanent
    assert partner.count("/5") == 0


@pytest.mark.parametrize(
    "location",
    ["http://10.0.0.1/", "http://169.254.169.254/latest/", "http://[::ffff:10.0.0.1]/", "http://0/"],
)
def test_a_redirect_to_an_address_that_is_not_public_is_refused(partner, location):
    with pytest.raises(AddressRefused):
        fetch(partner.redirect("/a.wav", location))


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "ftp://127.0.0.1/", "http://u:p@127.0.0.1/", "http://[/", "http://a\\b/"],
)
def test_a_redirect_to_something_we_do_not_open_is_refused(partner, location):
    with pytest.raises(InvalidUrl):
        fetch(partner.redirect("/a.wav", location))


def test_a_redirect_without_a_location_is_a_bad_status(partner):
    with pytest.raises(BadStatus) as caught:
        fetch(partner.serve("/a.wav", status=302))
    assert caught.value.permanent


def test_credentials_stay_with_the_origin_they_were_meant_for(partner):
    with PartnerServer() as other:
        other.serve("/b.wav")
        partner.redirect("/1", "/2")
        partner.redirect("/2", other.url("/b.wav"))
        fetch(partner.url("/1"), credentials=Credentials(headers={"X-Token": "t"}))
        assert partner.received("/2")[0].headers["X-Token"] == "t"
        assert "X-Token" not in other.requests[0].headers


# --- Answers that are no recording ------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("status", "permanent"),
    [
        *((status, True) for status in (201, 204, 206, 304, 400, 401, 403, 404, 410)),
        *((status, False) for status in (408, 425, 429, 500, 502, 503, 599)),
    ],
)
def test_a_bad_status_says_whether_trying_again_can_help(partner, status, permanent):
    with pytest.raises(BadStatus, match=f"the server answered {status}") as caught:
        fetch(partner.serve("/a.wav", status=status))
    assert (caught.value.status, caught.value.permanent) == (status, permanent)


def test_a_bad_status_carries_the_start_of_what_was_answered(partner):
    with pytest.raises(BadStatus, match="404 Not Found") as caught:
        fetch(partner.serve("/a.wav", b"<html>" + BODY, status=404, content_type="text/html"))
    assert caught.value.content_type == "text/html"
    assert caught.value.head == (b"<html>" + BODY)[:1024]


def test_a_bad_status_is_told_even_where_its_body_breaks_off(partner):
    with pytest.raises(BadStatus) as caught:
        fetch(partner.serve("/a.wav", b"gone", status=410, headers={"Content-Length": "100"}))
    assert caught.value.head == b"gone"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("120", 120),
        ("0", 0),
        (" 7 ", 7),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("9" * 5000, None),
        ("²", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("Wed, 21 Oct 2015 07:28:00 -0000", 0),
        ("Wed, 99 Oct 2015 07:28:00 GMT", None),
    ],
)
def test_retry_after_is_read_in_either_form(partner, value, expected):
    url = partner.serve("/a.wav", status=429, headers={"Retry-After": value})
    with pytest.raises(BadStatus) as caught:
        fetch(url)
    assert caught.value.retry_after == expected


def test_retry_after_as_a_date_counts_from_now(partner):
    then = format_datetime(datetime.now(UTC) + timedelta(minutes=2), usegmt=True)
    with pytest.raises(BadStatus) as caught:
        fetch(partner.serve("/a.wav", status=503, headers={"Retry-After": then}))
    assert caught.value.retry_after == pytest.approx(120, abs=5)


@pytest.mark.parametrize(
    "header", ["Content-Encoding: gzip", "Content-Encoding: br", "Transfer-Encoding: gzip, chunked"]
)
def test_a_compressed_body_is_refused(partner, header):
    url = partner.script("/a.wav", lambda: [f"HTTP/1.1 200 OK\r\n{header}\r\n\r\n".encode(), b"\x1f\x8b"])
    with pytest.raises(CompressedBody) as caught:
        fetch(url)
    assert caught.value.permanent


def test_a_body_announced_larger_than_the_limit_is_not_read(partner):
    to = BytesIO()
    with pytest.raises(TooLarge, match="larger than the allowed 1,000 bytes") as caught:
        fetch(partner.serve("/a.wav", BODY), to=to, max_bytes=1000)
    assert caught.value.permanent
    assert to.getvalue() == b""


def test_a_body_cut_short_is_truncated(partner):
    url = partner.serve("/a.wav", b"RIFF", headers={"Content-Length": "100"})
    with pytest.raises(Truncated) as caught:
        fetch(url)
    assert not caught.value.permanent


@pytest.mark.parametrize("tail", [b"", b"8\r\nRIFF", b"4\r\nRIFF\r\n", b"zz\r\n"])
def test_a_chunked_body_without_its_end_is_truncated(partner, tail):
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with pytest.raises(Truncated):
        fetch(partner.script("/a.wav", lambda: [head + tail]))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "closed the connection without an answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "not valid HTTP"),
        (b"HTTP/1.1 OK\r\n\r\n", "not valid HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n12345", "not valid HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n", "not valid HTTP"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70_000 + b"\r\n\r\n", "not valid HTTP"),
    ],
)
def test_an_answer_that_is_not_http_is_a_network_fault(partner, answer, words):
    with pytest.raises(NetworkFault, match=words) as caught:
        fetch(partner.script("/a.wav", lambda: [answer]))
    assert not caught.value.permanent


def test_a_refused_connection_is_a_network_fault():
    with PartnerServer() as gone:
        url = gone.url("/a.wav")
    with pytest.raises(NetworkFault, match="refused the connection"):
        fetch(url)


# --- What is told to whom ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 404 Not Found\r\n\r\n",
        b"HTTP/1.1 500 Oops\r\nno colon in this\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://u:s3cret@127.0.0.1/?s3cret\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/?s3cret\r\n\r\n",
    ],
)
def test_no_error_and_no_log_line_holds_the_query(partner, caplog, answer):
    url = partner.script("/a.wav", lambda: [answer]) + "?sig=s3cret"
    with caplog.at_level(logging.INFO), pytest.raises(OutboundError) as caught:
        fetch(url)
    told = "".join(traceback.format_exception(caught.value))
    assert "s3cret" not in told + caught.value.reason + caplog.text


def test_no_trace_of_a_failed_connection_holds_the_query():
    with PartnerServer() as gone:
        url = gone.url("/a.wav?sig=s3cret")
    with pytest.raises(NetworkFault) as caught:
        fetch(url)
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))

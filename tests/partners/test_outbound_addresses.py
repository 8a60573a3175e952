"""Which URLs may be opened at all: their form, and every address their host stands for."""

import ipaddress
import threading
import time
from io import BytesIO

import pytest

from partners.outbound import (
    AddressRefused,
    InvalidUrl,
    NameNotResolved,
    addresses,
    check_url,
    download,
)
from tests.support.partner_server import PartnerServer
from tests.support.posting import post

NOT_PUBLIC = [
    # Loopback, and the ways of writing it that the C library accepts.
    "127.0.0.1", "127.255.255.254", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1",
    "017700000001", "127.0.0.1.", "%31%32%37.0.0.1", "localhost", "LOCALHOST", "[::1]", "[0:0:0:0:0:0:0:1]",
    # "This" network: on Linux it connects to loopback.
    "0", "0.0.0.0", "0.1.2.3", "[::]",
    # Private, shared, link-local, metadata services.
    "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "100.100.100.200",
    "169.254.169.254", "0xa9fea9fe", "2852039166", "192.0.0.192", "168.63.129.16", "[fd00:ec2::254]",
    "[fd20:ce::254]", "[fc00::1]", "[fe80::1]", "[fec0::1]",
    # IPv6 that carries IPv4: mapped, translated, compatible, NAT64, 6to4, Teredo.
    "[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]", "[::ffff:a9fe:a9fe]", "[::ffff:0:127.0.0.1]",
    "[::127.0.0.1]", "[::8.8.8.8]", "[64:ff9b::127.0.0.1]", "[64:ff9b:1::1]", "[2002:7f00:1::]",
    "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
    # Multicast, reserved, documentation, benchmarks, segment routing, discard.
    "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1",
    "192.88.99.1", "[ff02::1]", "[2001:db8::1]", "[3fff::1]", "[2001:2::1]", "[2001:20::1]", "[5f00::1]",
    "[100::1]",
]  # fmt: skip # a table: its rows stay on a line each

INVALID = [
    "", "recordings.example", "//recordings.example/a.wav", "/a.wav", "http://", "http:///a.wav",
    "https:a.wav", "ftp://recordings.example/a.wav", "file:///etc/passwd", "gopher://recordings.example/",
    "data:audio/wav,x", "javascript:alert(1)", "httpx://recordings.example/", "unix:///run/docker.sock",
    "https://user:secret@recordings.example/", "https://@recordings.example/", "https://user@127.0.0.1/",
    "https://recordings.example\\@127.0.0.1/", "https:\\\\recordings.example/",
    "https://recordings.example\\.evil/", "https://rec ordings.example/", " https://recordings.example/",
    "https://recordings.example/a b.wav", "https://recordings.example/\r\nHost: evil",
    "https://recordings.example/\x00", "https://recordings.example/\u2028",
    "https://\uff11\uff12\uff17.\uff10.\uff10.\uff11/", "https://127。0。0。1/", "https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/",
    "https://a..b/", "https://.a/", "https://-/x",
    "https://" + "a" * 64 + ".example/", "https://" + "a." * 127 + "example/", "https://*.example/",
    "https://[fe80::1%25eth0]/", "https://[fe80::1%eth0]/", "https://[::1%25lo]/", "https://[::1",
    "https://[v1.a]/", "https://recordings.example:99999/", "https://recordings.example:a/",
    "https://recordings.example:-1/", "https://recordings.example:22/", "https://recordings.example:8443/",
    "https://xn--/", "https://a\u0338.\uff20b/", "https://recordings.example/" + "a" * 2048,
]  # fmt: skip # a table: its rows stay on a line each


@pytest.fixture
def partner():
    with PartnerServer() as server:
        server.serve("/a.wav", b"RIFF")
        yield server


@pytest.fixture
def public_only(settings, partner):
    """Loopback is refused as in production; the canary's port is not what stops a request."""
    settings.ALLOW_LOOPBACK = False
    settings.OUTBOUND_PORTS = (80, 443, partner.port)


def fetch(url: str):
    return download(url, to=BytesIO(), max_bytes=1000, deadline_seconds=5)


# --- Addresses --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("host", NOT_PUBLIC)
def test_it_refuses_a_recording_at_an_address_that_is_not_public(public_only, partner, host):
    with pytest.raises(AddressRefused):
        fetch(partner.url("/a.wav", host=host))
    assert partner.connections == 0


@pytest.mark.parametrize("host", NOT_PUBLIC)
def test_it_refuses_a_callback_to_an_address_that_is_not_public(public_only, partner, host):
    with pytest.raises(AddressRefused):
        post(f"https://{host}:{partner.port}/")
    assert partner.connections == 0


@pytest.mark.parametrize(
    "host", ["10.0.0.1", "0.0.0.0", "169.254.169.254", "[fe80::1]", "[::ffff:192.168.0.1]", "[::127.0.0.1]"]
)
def test_allowing_loopback_allows_nothing_else_that_is_private(settings, host):
    settings.ALLOW_LOOPBACK = True
    with pytest.raises(AddressRefused):
        fetch(f"http://{host}/a.wav")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "localhost", "[::ffff:127.0.0.1]"])
def test_it_reaches_loopback_on_any_port_where_that_is_allowed(partner, host):
    assert fetch(partner.url("/a.wav", host=host)).bytes == 4


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "1.1.1.1", "100.63.255.255", "172.32.0.1", "192.0.1.1", "2606:4700::1111", "2a00::1"],
)
def test_addresses_of_the_public_internet_pass(address):
    assert addresses.is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "answers",
    [
        ["8.8.8.8", "10.0.0.1"],
        ["10.0.0.1", "8.8.8.8"],
        ["2606:4700::1111", "::ffff:127.0.0.1"],
        ["2606:4700::1111%2"],
        ["fe80::1%2"],
    ],
)
def test_one_bad_answer_of_the_resolver_refuses_the_name(public_only, monkeypatch, answers):
    monkeypatch.setattr(addresses, "lookup", lambda host, port: answers)
    with pytest.raises(AddressRefused):
        fetch("http://recordings.example/a.wav")


def test_the_address_that_was_judged_is_the_one_connected_to(monkeypatch, partner):
    """A name that changes its mind after the check (rebinding) is asked only once."""
    asked = []

    def rebinding(host, port):
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    monkeypatch.setattr(addresses, "lookup", rebinding)
    assert fetch(partner.url("/a.wav", host="recordings.example")).bytes == 4
    assert asked == ["recordings.example"]


def test_a_port_allowed_on_loopback_is_not_allowed_elsewhere(monkeypatch, partner):
    monkeypatch.setattr(addresses, "lookup", lambda host, port: ["127.0.0.1", "8.8.8.8"])
    with pytest.raises(InvalidUrl, match="port"):
        fetch(partner.url("/a.wav", host="recordings.example"))
    assert partner.connections == 0


# --- Names ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("error", [OSError("no such name"), UnicodeError("label too long")])
def test_a_name_that_does_not_resolve_fails_closed_and_may_be_retried(monkeypatch, error):
    def failing(host, port):
        raise error

    monkeypatch.setattr(addresses, "lookup", failing)
    with pytest.raises(NameNotResolved, match=r"recordings\.example could not be resolved") as caught:
        fetch("http://recordings.example/a.wav")
    assert not caught.value.permanent


def test_a_name_without_addresses_fails_closed(monkeypatch):
    monkeypatch.setattr(addresses, "lookup", lambda host, port: [])
    with pytest.raises(NameNotResolved, match="no address"):
        fetch("http://recordings.example/a.wav")


@pytest.fixture
def hanging_resolver(monkeypatch):
    answered = threading.Event()
    monkeypatch.setattr(addresses, "lookup", lambda host, port: answered.wait(30) and [])
    yield
    answered.set()
    for thread in threading.enumerate():
        if thread.name == "name lookup":
            thread.join()


def test_a_resolver_that_hangs_ends_in_time(settings, hanging_resolver):
    settings.OUTBOUND_DNS_SECONDS = 0.3
    began = time.monotonic()
    with pytest.raises(NameNotResolved, match=r"within 0\.3 seconds"):
        fetch("http://recordings.example/a.wav")
    assert time.monotonic() - began < 1.5


def test_hanging_lookups_are_bounded_in_number(settings, monkeypatch, hanging_resolver):
    settings.OUTBOUND_DNS_SECONDS = 0.2
    monkeypatch.setattr(addresses, "_LOOKUPS", threading.BoundedSemaphore(2))
    before = threading.active_count()
    reasons = []
    for _ in range(4):
        with pytest.raises(NameNotResolved) as caught:
            fetch("http://recordings.example/a.wav")
        reasons.append(caught.value.reason)
    assert reasons[2:] == ["too many name lookups are waiting for the resolver"] * 2
    # Two hang; the timer of the last exchange may be about to end.
    assert threading.active_count() - before <= 3


def test_an_address_is_not_asked_of_the_resolver(partner, hanging_resolver):
    assert fetch(partner.url("/a.wav", host="2130706433")).bytes == 4


# --- Form -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("url", INVALID)
def test_it_refuses_a_url_whose_form_is_wrong(settings, url):
    settings.ALLOW_LOOPBACK = False
    with pytest.raises(InvalidUrl) as caught:
        check_url(url, schemes=("http", "https"))
    assert caught.value.permanent
    assert "secret" not in caught.value.reason


@pytest.mark.parametrize(
    ("url", "host", "port", "authority"),
    [
        ("https://Recordings.Example/a.wav?sig=%2F", "recordings.example", 443, "recordings.example"),
        ("https://recordings.example:443/", "recordings.example", 443, "recordings.example"),
        ("http://recordings.example:443/", "recordings.example", 443, "recordings.example:443"),
        ("http://recordings.example.:80/", "recordings.example.", 80, "recordings.example"),
        ("https://büro.example/ä.wav", "xn--bro-hoa.example", 443, "xn--bro-hoa.example"),
        ("https://my_bucket.s3.example/", "my_bucket.s3.example", 443, "my_bucket.s3.example"),
        ("http://[2606:4700::1111]:443/", "2606:4700::1111", 443, "[2606:4700::1111]:443"),
    ],
)
def test_it_names_the_host_as_it_will_be_sent(settings, url, host, port, authority):
    settings.ALLOW_LOOPBACK = False
    target = check_url(url, schemes=("http", "https"))
    assert (target.host, target.port, target.authority) == (host, port, authority)


def test_a_presigned_query_is_sent_as_it_was_given():
    url = "https://bucket.example/a%20b.wav?X-Amz-Credential=AK%2F20250101%2Fs3&sig=a%2Bb%3D&e=2025-01-01T00%3A00%3A00Z"
    assert check_url(url, schemes=("https",)).url == url


@pytest.mark.parametrize("host", ["callbacks.example", "10.0.0.1", "localhost.example", "8.8.8.8"])
def test_plain_http_callbacks_are_refused_off_loopback(host):
    with pytest.raises(InvalidUrl, match="must start with https://"):
        check_url(f"http://{host}/", schemes=("https",))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_plain_http_callbacks_pass_on_loopback_only_where_that_is_allowed(settings, host):
    url = f"http://{host}:8123/callback"
    assert check_url(url, schemes=("https",)).port == 8123
    settings.ALLOW_LOOPBACK = False
    settings.OUTBOUND_PORTS = (8123,)
    with pytest.raises(InvalidUrl):
        check_url(url, schemes=("https",))


def test_localhost_that_is_not_loopback_gets_no_plain_http_callback(monkeypatch):
    monkeypatch.setattr(addresses, "resolve", lambda *_, **__: [ipaddress.ip_address("8.8.8.8")])
    with pytest.raises(InvalidUrl, match="must start with https://"):
        post("http://localhost/callback", deadline_seconds=2)

"""https by host name: the connection goes to the judged address, name and certificate are the URL's."""

import ssl
import time
from io import BytesIO

import pytest
import trustme
from django.core.exceptions import ImproperlyConfigured

from partners.outbound import DeadlineExceeded, InvalidUrl, Line, NetworkFault, addresses, download
from tests.support.partner_server import PartnerServer
from tests.support.posting import post

HOST = "recordings.example.test"


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def trusted(settings, authority, tmp_path):
    """Our authority is one of OUTBOUND_CA_FILE, and every name is this machine."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    settings.OUTBOUND_CA_FILE = str(tmp_path / "ca.pem")


@pytest.fixture(autouse=True)
def _every_name_is_loopback(monkeypatch):
    monkeypatch.setattr(addresses, "lookup", lambda host, port: ["127.0.0.1"])


def serving(certificate: trustme.LeafCert, names: list[str] | None = None) -> PartnerServer:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    if names is not None:
        context.sni_callback = lambda sock, name, context: names.append(name)
    return PartnerServer(tls=context)


def fetch(url: str):
    return download(url, to=BytesIO(), max_bytes=1_000_000, deadline_seconds=5)


def send(url: str):
    return post(url)


EITHER_WAY = pytest.mark.parametrize("use", [fetch, send])


@EITHER_WAY
def test_the_server_sees_the_name_of_the_url(trusted, authority, use):
    names = []
    with serving(authority.issue_cert(HOST), names) as partner:
        partner.serve("/a", b"RIFF")
        assert use(partner.url("/a", host=HOST)).status == 200
        assert names == [HOST]
        assert partner.requests[0].headers["Host"] == f"{HOST}:{partner.port}"


def test_the_roots_dot_is_not_part_of_the_name(trusted, authority):
    names = []
    with serving(authority.issue_cert(HOST), names) as partner:
        partner.serve("/a", b"RIFF")
        assert fetch(partner.url("/a", host=f"{HOST}.")).status == 200
    assert names == [HOST]


def test_an_address_needs_a_certificate_for_that_address(trusted, authority):
    with serving(authority.issue_cert("127.0.0.1")) as partner:
        assert fetch(partner.serve("/a", b"RIFF")).bytes == 4


@EITHER_WAY
def test_a_certificate_for_another_name_is_refused(trusted, authority, use):
    with serving(authority.issue_cert("elsewhere.example.test")) as partner:
        partner.serve("/a")
        with pytest.raises(NetworkFault, match="not valid for this name") as caught:
            use(partner.url("/a", host=HOST))
        assert not caught.value.permanent
        assert partner.requests == []


def test_a_certificate_for_another_address_is_refused(trusted, authority):
    with serving(authority.issue_cert("127.0.0.2", HOST)) as partner:
        url = partner.serve("/a")
        with pytest.raises(NetworkFault, match="not valid for this address"):
            fetch(url)


@EITHER_WAY
def test_a_certificate_of_an_unknown_authority_is_refused(trusted, use):
    with serving(trustme.CA().issue_cert(HOST)) as partner:
        partner.serve("/a")
        with pytest.raises(NetworkFault, match="not from an authority we trust"):
            use(partner.url("/a", host=HOST))
        assert partner.requests == []


@EITHER_WAY
def test_a_self_signed_certificate_is_refused(trusted, tmp_path, use):
    itself = trustme.CA()
    (tmp_path / "self.pem").write_bytes(itself.private_key_pem.bytes() + itself.cert_pem.bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "self.pem")
    with PartnerServer(tls=context) as partner:
        with pytest.raises(NetworkFault, match="self-signed"):
            use(partner.url("/a", host=HOST))
        assert partner.requests == []


def test_without_the_setting_our_authority_is_as_unknown_as_any(settings, authority):
    settings.OUTBOUND_CA_FILE = ""
    with serving(authority.issue_cert(HOST)) as partner:
        url = partner.serve("/a")
        with pytest.raises(NetworkFault, match="not from an authority we trust"):
            fetch(url)


def test_an_authority_file_that_is_missing_names_the_setting(settings, tmp_path):
    settings.OUTBOUND_CA_FILE = str(tmp_path / "missing.pem")
    with pytest.raises(ImproperlyConfigured, match="OUTBOUND_CA_FILE"):
        fetch(f"https://{HOST}/a")


def test_a_server_without_tls_is_a_network_fault():
    with PartnerServer() as plain, pytest.raises(NetworkFault, match="secure connection"):
        fetch(f"https://{HOST}:{plain.port}/a")


def test_a_redirect_may_lead_to_https_but_not_back(trusted, authority):
    with serving(authority.issue_cert(HOST)) as secure, PartnerServer() as plain:
        secure.serve("/a", b"RIFF")
        secure.redirect("/back", plain.url("/a"))
        assert fetch(plain.redirect("/a", secure.url("/a", host=HOST))).bytes == 4
        with pytest.raises(InvalidUrl, match="from https to plain http"):
            fetch(secure.url("/back", host=HOST))


def test_a_body_that_drips_over_tls_ends_at_the_deadline(trusted, authority):
    with serving(authority.issue_cert(HOST)) as partner:
        partner.serve("/a", bytes(1000), drip=(1, 0.05))
        began = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            download(partner.url("/a", host=HOST), to=BytesIO(), max_bytes=10_000, deadline_seconds=0.5)
        assert time.monotonic() - began < 1.5


def test_a_secured_connection_is_kept_for_the_next_and_has_its_deadline(trusted, authority):
    names: list[str] = []
    with serving(authority.issue_cert(HOST), names) as partner, Line() as line:
        partner.serve("/a", b"okay")
        partner.serve("/hangs", b"okay", drip=(1, 5))
        for _ in range(3):
            answer = line.post(partner.url("/a", host=HOST), body=b"{}", headers={}, deadline_seconds=5)
            assert answer.body == "okay"
        assert (len(names), partner.connections) == (1, 1)
        began = time.monotonic()
        answer = line.post(partner.url("/hangs", host=HOST), body=b"{}", headers={}, deadline_seconds=0.5)
        assert (answer.body, time.monotonic() - began < 3) == ("o", True)
        assert partner.connections == 1

"""Recordings on https servers that want to be shown a secret."""

import logging
import ssl

import pytest
import trustme

from calls.models import Recording
from calls.sources import trial
from partners.outbound import OutboundError, addresses
from tests.calls import sourcing
from tests.support import audio
from tests.support.partner_server import PartnerServer
from zipingest.work import WorkState

pytestmark = pytest.mark.django_db

WAV = audio.wav(0.5, channels=2)
HOST, OTHER = "recordings.example.test", "elsewhere.example.test"
SECRET = "a/planted+secret=4711"  # a URL writes none of these signs as it is
WAYS = {
    "bearer": {"method": "bearer"},
    "query": {"method": "query", "parameter": "access_token"},
    "header": {"method": "header", "parameter": "X-Recording-Key"},
}


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def server(authority, settings, monkeypatch, tmp_path):
    """https under two names, whose certificate we trust; every name is this machine."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    settings.OUTBOUND_CA_FILE = str(tmp_path / "ca.pem")
    monkeypatch.setattr(addresses, "lookup", lambda host, port: ["127.0.0.1"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST, OTHER).configure_cert(context)
    with PartnerServer(tls=context) as server:
        server.serve("/a.wav", WAV, content_type="audio/wav")
        yield server


@pytest.fixture(params=WAYS)
def way(request):
    return request.param


def auth(server, way: str, **changes):
    fields = {"name": way, "hosts": [f"{HOST}:{server.port}"], **WAYS[way], **changes}
    return sourcing.auth(fields.pop("secret", SECRET), **fields)


def shown(way: str, request) -> str | None:
    """What of the secret arrived."""
    if way == "query":
        return request.query.get("access_token", [None])[0]
    return request.headers["X-Recording-Key" if way == "header" else "Authorization"]


def as_sent(way: str) -> str:
    return f"Bearer {SECRET}" if way == "bearer" else SECRET


def test_the_secret_is_shown_to_the_recordings_server_and_is_left_nowhere(server, way, caplog):
    caplog.set_level(logging.DEBUG)
    server.serve(
        "/b.wav",
        WAV,
        content_type=f"audio/wav; as={SECRET}",
        headers={"Content-Disposition": f"filename=b.wav?access_token={SECRET}"},
    )
    url = server.url("/b.wav?part=1", host=HOST)
    recording = sourcing.fetched(sourcing.secured(url, auth(server, way)))
    assert (recording.state, recording.last_error) == (WorkState.DONE, "")
    (request,) = server.received("/b.wav")
    assert shown(way, request) == as_sent(way)
    assert request.query["part"] == ["1"]
    assert_left_nowhere(caplog)


def test_a_redirect_keeps_it_within_the_origin_and_loses_it_beyond(server, way, caplog):
    caplog.set_level(logging.DEBUG)
    echo = "access_token=a%2Fplanted%2Bsecret%3D4711&again=a/planted%2bsecret=4711"
    server.redirect("/1", f"/2?{echo}&kept=1")
    server.redirect("/2", server.url(f"/3/{SECRET}/a.wav?{echo}&kept=2#{SECRET}", host=OTHER))
    server.serve("/3/***/a.wav", WAV)
    recording = sourcing.fetched(sourcing.secured(server.url("/1", host=HOST), auth(server, way)))
    assert (recording.state, recording.last_error) == (WorkState.DONE, "")
    first, second, third = server.requests
    assert [shown(way, request) for request in (first, second)] == [as_sent(way)] * 2
    assert shown(way, third) in (None, "***")
    assert SECRET not in str(third)
    assert (second.query["kept"], third.query["kept"]) == (["1"], ["2"])
    assert_left_nowhere(caplog)


def test_what_the_auth_config_does_not_cover_is_not_asked_at_all(server, way):
    given = auth(server, way)
    with PartnerServer() as plain:
        urls = [
            server.url("/a.wav", host=OTHER),
            f"https://{HOST}/a.wav",
            plain.url("/a.wav", host=HOST),
            f"https://{HOST}:{server.port}@{OTHER}/a.wav",
            f"https://{OTHER}:{server.port}\\@{HOST}:{server.port}/a.wav",
        ]
        for url in urls:
            recording = sourcing.fetched(sourcing.secured(url, given))
            assert recording.state == WorkState.FAILED
            assert SECRET not in recording.last_error
        assert (server.connections, plain.connections) == (0, 0)
    assert recording.tried.get().code == "invalid_url"
    first = Recording.objects.order_by("pk")[0]
    assert first.last_error == "the URL's host is not one of the auth config's https hosts; nothing was sent"
    assert first.tried.get().code == "host_not_covered"


def test_a_refusal_tells_its_status_and_not_the_secret(server, way, caplog):
    server.serve("/a.wav", f"no: {SECRET}".encode(), status=401, content_type="text/plain")
    recording = sourcing.fetched(sourcing.secured(server.url("/a.wav", host=HOST), auth(server, way)))
    assert recording.last_error == "the server answered 401 Unauthorized"
    assert_left_nowhere(caplog)


def test_a_secret_that_no_header_can_hold_is_told_without_it(server):
    for secret in ("two\r\nLines: 1", "käse", " "):
        given = auth(server, "header", secret=secret)
        with pytest.raises(OutboundError) as caught:
            trial.try_auth(given, server.url("/a.wav", host=HOST))
        assert (caught.value.code, caught.value.permanent) == ("auth_unusable", True)
        assert secret.strip() not in caught.value.reason or not secret.strip()
    assert server.connections == 0


def test_a_secret_that_none_of_our_keys_opens_is_waited_for(server, settings):
    given = auth(server, "bearer")
    settings.ENCRYPTION_KEYS = ["another"]
    recording = sourcing.fetched(sourcing.secured(server.url("/a.wav", host=HOST), given))
    assert recording.state == WorkState.DUE
    assert recording.last_error == "the secret cannot be read: none of ENCRYPTION_KEYS opens it"
    assert server.connections == 0


def test_a_parameter_of_the_same_name_gives_way(server):
    trial.try_auth(auth(server, "query"), server.url("/a.wav?access_token=theirs&x=1", host=HOST))
    assert server.requests[0].query == {"access_token": [SECRET], "x": ["1"]}


def test_a_trial_says_what_it_found(server, way):
    given = auth(server, way)
    said = trial.try_auth(given, server.url("/a.wav", host=HOST))
    assert said == f"Access works: the file is WAV audio, {len(WAV):,} bytes."
    assert shown(way, server.requests[0]) == as_sent(way)
    for url, reason in (
        (server.url("/b.wav", host=HOST), "the server answered 404 Not Found"),
        (server.url("/a.wav", host=OTHER), "the URL's host is not one of the auth config's https hosts"),
    ):
        with pytest.raises(OutboundError, match=reason):
            trial.try_auth(given, url)


def assert_left_nowhere(log) -> None:
    said = sourcing.everything_said(log)
    for form in (SECRET, "a%2Fplanted%2Bsecret%3D4711", "a/planted%2bsecret=4711"):
        assert form not in said

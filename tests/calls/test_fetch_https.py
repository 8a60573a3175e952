"""Recording and callback over https by host name: the name is what the certificate must be valid for."""

import ssl

import pytest
import trustme

from partners.models import Attempt, Delivery
from partners.outbound import addresses
from tests.support import audio
from tests.support.partner_server import PartnerServer
from tests.work.fetching import fetched
from zipingest import work
from zipingest.work import WorkState

pytestmark = pytest.mark.django_db

RECORDINGS, CALLBACKS = "recordings.example.test", "hooks.example.test"
WRONG_NAME = "the server's certificate is not valid for this name"


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(autouse=True)
def _our_authority_and_names(settings, authority, tmp_path, monkeypatch):
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    settings.OUTBOUND_CA_FILE = str(tmp_path / "ca.pem")
    monkeypatch.setattr(addresses, "lookup", lambda host, port: ["127.0.0.1"])


@pytest.fixture
def server(authority):
    """It shows each caller the certificate of both names, and keeps the names it was asked for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(RECORDINGS, CALLBACKS).configure_cert(context)
    names = []
    context.sni_callback = lambda sock, name, context: names.append(name)
    with PartnerServer(tls=context) as server:
        server.names = names
        server.serve("/a.wav", audio.wav(0.2))
        server.serve("/hook", status=204)
        yield server


def fetched_from(server, recordings=RECORDINGS, callbacks=CALLBACKS):
    url, callback_url = server.url("/a.wav", host=recordings), server.url("/hook", host=callbacks)
    return fetched(url, callback_url=callback_url)


def test_recording_and_callback_go_to_the_names_of_their_urls(server):
    recording = fetched_from(server)
    assert recording.state == WorkState.DONE
    assert work.run_one(Delivery)
    assert Delivery.objects.get().state == WorkState.DONE
    assert server.names == [RECORDINGS, CALLBACKS]
    assert [request.headers["Host"] for request in server.requests] == [
        f"{RECORDINGS}:{server.port}",
        f"{CALLBACKS}:{server.port}",
    ]


def test_a_recording_from_a_server_of_another_name_is_refused(server):
    recording = fetched_from(server, recordings="other.example.test")
    assert (recording.state, recording.last_error) == (WorkState.DUE, WRONG_NAME)
    assert server.requests == []


def test_a_callback_to_a_server_of_another_name_is_not_sent(server):
    fetched_from(server, callbacks="other.example.test")
    assert work.run_one(Delivery)
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.last_error) == (WorkState.DUE, WRONG_NAME)
    assert Attempt.objects.get().status is None
    assert server.count("/hook") == 0


def test_an_authority_we_do_not_know_is_refused(server, settings):
    settings.OUTBOUND_CA_FILE = ""
    recording = fetched_from(server)
    assert recording.last_error == "the server's certificate is not from an authority we trust"
    assert server.requests == []

"""What only SFTP has: host keys, keys of users, and servers that misbehave below HTTP."""

import hashlib
import socket
import threading
import time
from contextlib import contextmanager
from io import BytesIO

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa

from calls.models import DirectAccess, Recording
from calls.sources import SOURCES, trial
from calls.sources.ssh_keys import private_key
from partners.outbound import DeadlineExceeded, NetworkFault, OutboundError
from tests.calls import sourcing
from tests.support import audio
from tests.support.sftp import private_pem, public_line, sftp_server
from tests.work.fetching import stored_bytes
from zipingest.work import WorkState

pytestmark = pytest.mark.django_db

WAV = audio.wav(0.5, channels=2)
# Longer than what is asked for ahead, and no multiple of anything.
LONG = bytes(range(251)) * 36_000


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Takes a user's key only."""
    with sftp_server(tmp_path_factory.mktemp("sftp"), by_key=True) as server:
        (server.data / "a.wav").write_bytes(WAV)
        (server.data / "long").write_bytes(LONG)
        (server.data / "empty").write_bytes(b"")
        (server.data / "folder/empty").mkdir(parents=True)
        yield server


def access(server, **changes) -> DirectAccess:
    fields = {"endpoint": server.endpoint, "account": server.user, "host_key": server.host_key, **changes}
    return sourcing.access(fields.pop("secret", server.private_key), kind="sftp", **fields)


def fetch(access: DirectAccess, filename: str) -> bytes:
    to = BytesIO()
    recording = Recording(source_url=f"sftp:{filename}", sub_tenant=access.sub_tenant)
    got = SOURCES["sftp"].fetch(recording, to)
    assert got.sha256 == hashlib.sha256(to.getvalue()).hexdigest()
    return to.getvalue()


def refused(access: DirectAccess, filename: str = "a.wav") -> OutboundError:
    with pytest.raises(OutboundError) as caught:
        trial.try_direct(access, filename)
    return caught.value


def test_a_recording_is_fetched_with_the_users_key(server):
    recording = sourcing.fetched(sourcing.named(access(server), "a.wav"))
    assert (recording.state, recording.last_error) == (WorkState.DONE, "")
    assert stored_bytes(recording.original_key) == WAV


def test_long_and_empty_files_come_whole_and_a_folder_is_no_file(server):
    at = access(server)
    assert fetch(at, "long") == LONG
    assert fetch(at, "empty") == b""
    assert refused(at, "folder").code == "no_such_file"
    at.base_path = "folder/empty"
    assert trial.try_direct(at) == "Access works: there is nothing in folder/empty."


def test_only_a_server_with_a_configured_host_key_is_talked_to(server):
    other = public_line(ed25519.Ed25519PrivateKey.generate())
    rsa_line = _public(rsa.generate_private_key(65537, 1024))
    at = access(server, host_key=f"# ours\n{rsa_line}\n[sftp.example]:22 {server.host_key} comment\n")
    assert fetch(at, "a.wav") == WAV
    # Of the server's own type, and of a type that it has no key of.
    for line in (other, rsa_line):
        at.host_key = line
        error = refused(at)
        assert (error.code, error.permanent) == ("host_key_mismatch", True)
    for line in ("ssh-ed25519", "ssh-dss AAAA", "ssh-ed25519 nonsense!"):
        at.host_key = line
        assert refused(at).code == "secret_unusable"


def test_a_password_or_another_key_is_refused_in_plain_words(server):
    at = access(server, secret="a password")
    assert refused(at).reason == "the server does not accept the user or the secret"
    at.delete()
    key = private_pem(ed25519.Ed25519PrivateKey.generate())
    assert refused(access(server, secret=key)).code == "access_denied"


def test_private_keys_of_every_form_are_read_and_others_told():
    keys = [rsa.generate_private_key(65537, 1024), ec.generate_private_key(ec.SECP256R1())]
    form = serialization.PrivateFormat
    for key in keys:
        for kind in (form.TraditionalOpenSSL, form.PKCS8, form.OpenSSH):
            assert private_key(_private(key, kind)).can_sign()
    key = ed25519.Ed25519PrivateKey.generate()
    assert private_key(_private(key, form.PKCS8)).can_sign()
    locked = _private(key, form.PKCS8, serialization.BestAvailableEncryption(b"passphrase"))
    unknown = _private(dsa.generate_private_key(1024), form.PKCS8)
    for pem in (locked, unknown, "-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----"):
        with pytest.raises(OutboundError, match="the private key cannot be read") as caught:
            private_key(pem)
        assert pem not in caught.value.reason


def test_a_server_that_drips_or_falls_silent_ends_on_time(server, settings):
    settings.FETCH_DEADLINE_SECONDS, settings.OUTBOUND_READ_SECONDS = 0.6, 30
    for behaviour in (_dripping, _silent, _slow_to(server.endpoint)):
        with _serving(behaviour) as endpoint:
            at = access(server, endpoint=endpoint)
            began = time.monotonic()
            with pytest.raises(DeadlineExceeded) as caught:
                fetch(at, "long")
            assert time.monotonic() - began < 2
            assert not caught.value.permanent
            at.delete()


def test_what_speaks_no_ssh_is_a_network_fault(server):
    for behaviour in (_web, _hanging_up):
        with _serving(behaviour) as endpoint:
            at = access(server, endpoint=endpoint)
            with pytest.raises(NetworkFault) as caught:
                trial.try_direct(at)
            assert "connection was cut" in caught.value.reason
            at.delete()


# --- Servers that misbehave -------------------------------------------------------------------------------
def _dripping(client: socket.socket) -> None:
    while True:
        client.sendall(b"x")
        time.sleep(0.05)


def _silent(client: socket.socket) -> None:
    while client.recv(1024):
        pass


def _web(client: socket.socket) -> None:
    client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 200)


def _hanging_up(client: socket.socket) -> None:
    client.recv(1024)


def _slow_to(endpoint: str):
    """A way to the server at ``endpoint`` whose answers trickle, after a brisk beginning."""

    def behave(client: socket.socket) -> None:
        host, _, port = endpoint.partition(":")
        with socket.create_connection((host, int(port))) as server:
            threading.Thread(target=_pass_on, args=(client, server, 0), daemon=True).start()
            _pass_on(server, client, 0.05)

    return behave


def _pass_on(source: socket.socket, to: socket.socket, pause: float) -> None:
    passed = 0
    try:
        while piece := source.recv(4096):
            to.sendall(piece)
            passed += len(piece)
            time.sleep(pause if passed > 16_000 else 0)
    except OSError:
        return


@contextmanager
def _serving(behave):
    """The endpoint of a server that does so to whoever connects."""

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client:
                try:
                    behave(client)
                except OSError:
                    continue

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)  # which ends the wait for another client


def _private(key, kind, cipher=None) -> str:
    cipher = cipher or serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, kind, cipher).decode()


def _public(key) -> str:
    form = serialization.PublicFormat.OpenSSH
    return key.public_key().public_bytes(serialization.Encoding.OpenSSH, form).decode()

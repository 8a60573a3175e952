"""How recordings are got at, in the console: what is refused, that no secret is ever shown, and the trial."""

import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from calls.admin.access_forms import DirectAccessForm, RecordingAuthForm
from calls.models import DirectAccess, RecordingAuth, StoreKind
from partners.groups import SUPPORT
from tests.console.conftest import AUTH_SECRET, STORE_SECRET, World, staff
from tests.console.test_secrets import kept_somewhere
from tests.support import audio, factories
from tests.support.partner_server import PartnerServer
from tests.support.sftp import sftp_server
from zipingest import crypto

NEW_SECRET = "planted-secret-that-is-new"
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJQ7X0sYBpEaRVfXJc8u8zrjA5s5W1Tk3o0u3V0m1x2y"
AZURE_KEY = "cGxhbnRlZC1zZWNyZXQ="


def url(name: str, *args: object) -> str:
    return reverse(f"admin:calls_{name}", args=args)


def errors(answer: Any) -> dict[str, list[str]]:
    """What the form says of its fields; nothing where it was taken."""
    if answer.status_code == 302:
        return {}
    return {name: list(found) for name, found in answer.context["adminform"].form.errors.items()}


def auth_data(world: World, **given: object) -> dict[str, object]:
    usual = {"name": "crm", "method": "bearer", "hosts": "a.example.com", "new_secret": NEW_SECRET}
    return {"sub_tenant": world.sub_tenant.pk, **usual, **given}


def access_data(kind: StoreKind, **given: object) -> dict[str, object]:
    usual: dict[StoreKind, dict[str, object]] = {
        StoreKind.S3: {"container": "recordings", "new_secret": NEW_SECRET},
        StoreKind.AZURE: {"container": "recordings", "new_secret": AZURE_KEY},
        StoreKind.SFTP: {"endpoint": "sftp.example.com", "host_key": HOST_KEY, "new_secret": NEW_SECRET},
    }
    account = {"sub_tenant": factories.account("elsewhere").pk, "account": "zipingest"}
    return {"kind": kind, **account, **usual[kind], **given}


@pytest.fixture
def auth(world: World) -> RecordingAuth:
    return RecordingAuth.objects.get(name="Unused")


@pytest.fixture
def access(world: World) -> DirectAccess:
    return DirectAccess.objects.get()


# --- What is taken ----------------------------------------------------------------------------------------
def test_an_auth_config_is_set_up_here(world: World, administrator: Client) -> None:
    hosts = "Recordings.Example.com, recordings.example.com:443 b.example.com:8443"
    given = auth_data(world, hosts=hosts, method="header", parameter="X-Api-Key")
    assert not errors(administrator.post(url("recordingauth_add"), given))

    made = RecordingAuth.objects.get(name="crm")
    assert (made.secret, made.parameter) == (NEW_SECRET, "X-Api-Key")
    assert made.hosts == ["recordings.example.com", "b.example.com:8443"]
    assert made.covers("https://RECORDINGS.example.com/a.wav")
    assert str(made.pk) in administrator.get(url("recordingauth_change", made.pk)).content.decode()


def test_an_auth_config_is_refused_in_plain_words(world: World) -> None:
    wrong = {
        "hosts": ["https://a.example.com", "a.example.com/x", "user@a.example.com", "a b_!.example.com", ""],
        "new_secret": ["", "two\nlines", "sécret"],
    }
    for name, values in wrong.items():
        for value in values:
            assert RecordingAuthForm(auth_data(world, **{name: value})).errors.keys() == {name}, value
    wrong_parameters = {
        "bearer": ["token"],
        "query": ["", "a&b", "a=b", "a b"],
        "header": ["", "X Api", "é", "Host", "content-length", "Cookie", "TE", "X-Forwarded-For"],
    }
    for method, parameters in wrong_parameters.items():
        for parameter in parameters:
            form = RecordingAuthForm(auth_data(world, method=method, parameter=parameter))
            assert form.errors.keys() == {"parameter"}, (method, parameter)
            assert "Constraint" not in str(form.errors)


def test_direct_access_is_set_up_here(world: World, administrator: Client, settings: Any) -> None:
    settings.ALLOW_LOOPBACK = False
    settings.OUTBOUND_TRUSTED = ["10.0.0.5:9000"]
    pem = "-----BEGIN PRIVATE KEY-----\r\nAAAA\r\n-----END PRIVATE KEY-----\r\n"
    taken: list[tuple[StoreKind, dict[str, object], dict[str, str]]] = [
        (StoreKind.S3, {"region": "eu-central-1"}, {"secret": NEW_SECRET, "endpoint": ""}),
        (StoreKind.S3, {"endpoint": "http://10.0.0.5:9000/"}, {"endpoint": "http://10.0.0.5:9000"}),
        (StoreKind.AZURE, {"base_path": "calls/2026"}, {"secret": AZURE_KEY, "base_path": "calls/2026"}),
        (
            StoreKind.SFTP,
            {
                "endpoint": "SFTP.example.com:2222",
                "host_key": f"# seen\n[sftp.example.com]:2222 {HOST_KEY} me",
            },
            {"endpoint": "sftp.example.com:2222", "host_key": HOST_KEY},
        ),
        (StoreKind.SFTP, {"new_secret": pem}, {"secret": pem.replace("\r\n", "\n").strip()}),
    ]
    for kind, given, kept in taken:
        assert not errors(administrator.post(url("directaccess_add"), access_data(kind, **given)))
        made = DirectAccess.objects.latest("pk")
        assert {name: getattr(made, name) for name in kept} == kept
        made.delete()


def test_direct_access_is_refused_in_plain_words(world: World, settings: Any) -> None:
    settings.ALLOW_LOOPBACK = False
    wrong: dict[StoreKind, dict[str, list[str]]] = {
        StoreKind.S3: {
            "endpoint": ["http://s3.example.com", "s3.example.com", "https://s3.example.com/?a=b"],
            "container": ["", "a/b", ".."],
            "base_path": ["..", "a/../b", "a\\..\\b"],
            "host_key": [HOST_KEY],
            "new_secret": [""],
        },
        StoreKind.AZURE: {"container": [""], "region": ["eu-central-1"], "new_secret": ["", "not base64!"]},
        StoreKind.SFTP: {
            "endpoint": ["", "sftp://sftp.example.com", "user@sftp.example.com", "a.example.com:0", "a:b:c"],
            "container": ["recordings"],
            "host_key": [
                "",
                "ssh-ed25519",
                "ssh-ed25519 AAAA",
                HOST_KEY.replace("ed25519 ", "rsa ", 1),
                "x y",
            ],
        },
    }
    for kind, fields in wrong.items():
        for name, values in fields.items():
            for value in values:
                found = DirectAccessForm(access_data(kind, **{name: value})).errors
                assert found.keys() == {name}, (kind, name, value)
                assert "Constraint" not in str(found)
    again = DirectAccessForm(access_data(StoreKind.S3, sub_tenant=world.sub_tenant.pk))
    assert again.errors == {"sub_tenant": ["This sub-tenant has direct access already."]}


# --- Secrets ----------------------------------------------------------------------------------------------
def test_an_empty_secret_keeps_the_present_one(auth: RecordingAuth, administrator: Client) -> None:
    given = {"name": "Renamed", "method": "bearer", "hosts": "recordings.example.com"}
    administrator.post(url("recordingauth_change", auth.pk), {**given, "new_secret": ""})
    auth.refresh_from_db()
    assert (auth.name, auth.secret) == ("Renamed", AUTH_SECRET)

    administrator.post(url("recordingauth_change", auth.pk), {**given, "new_secret": NEW_SECRET})
    auth.refresh_from_db()
    assert auth.secret == NEW_SECRET
    assert json.loads(LogEntry.objects.latest("pk").change_message) == [{"changed": {"fields": ["Secret"]}}]


def test_a_secret_goes_nowhere_that_it_was_not_entered_for(
    auth: RecordingAuth, access: DirectAccess, administrator: Client
) -> None:
    host, store = "mine.example.com", "https://mine.example.com"
    changes: list[tuple[str, dict[str, str]]] = [
        (url("recordingauth_change", auth.pk), {"name": "x", "method": "bearer", "hosts": host}),
        (
            url("directaccess_change", access.pk),
            {"kind": "s3", "endpoint": store, "container": "recordings", "account": "AKIA"},
        ),
    ]

    for page, given in changes:
        said = errors(administrator.post(page, given))
        assert said == {
            "new_secret": [
                "Enter the secret again: the present one was not entered for where it would now be sent."
            ]
        }
        assert not errors(administrator.post(page, {**given, "new_secret": NEW_SECRET}))
    auth.refresh_from_db()
    access.refresh_from_db()
    assert auth.secret == access.secret == NEW_SECRET


def test_no_page_history_session_or_log_holds_a_secret(
    auth: RecordingAuth, access: DirectAccess, administrator: Client, caplog: pytest.LogCaptureFixture
) -> None:
    world_of = {"recordingauth": auth, "directaccess": access}
    for client in (administrator, staff("helper", SUPPORT), staff("looker", "viewers")):
        for name, row in world_of.items():
            pages = [url(f"{name}_changelist"), url(f"{name}_change", row.pk), url(f"{name}_history", row.pk)]
            for page in pages:
                answer = client.get(page)
                assert answer.status_code == 200
                for secret in (AUTH_SECRET, STORE_SECRET, row.sealed_secret):
                    assert secret not in answer.content.decode()
    # What was just entered is not sent back either, whatever was wrong with the rest.
    for name, row in world_of.items():
        answer = administrator.post(url(f"{name}_change", row.pk), {"new_secret": NEW_SECRET})
        assert errors(answer)
        assert NEW_SECRET not in answer.content.decode()
    assert not any(
        kept_somewhere(administrator, secret) for secret in (AUTH_SECRET, STORE_SECRET, NEW_SECRET)
    )
    assert NEW_SECRET not in caplog.text
    assert NEW_SECRET not in repr([auth, access])


def test_whoever_only_looks_has_no_field_for_the_secret(auth: RecordingAuth, support: Client) -> None:
    text = support.get(url("recordingauth_change", auth.pk)).content.decode()

    assert "recordings.example.com" in text
    assert "new_secret" not in text
    assert url("recordingauth_test_access", auth.pk) not in text


def test_a_config_that_recordings_came_by_is_not_deleted(world: World, administrator: Client) -> None:
    used = RecordingAuth.objects.get(name="Sale")
    answer = administrator.post(url("recordingauth_delete", used.pk), {"post": "yes"}, follow=True)

    assert "Calls were sent with it" in answer.content.decode()
    assert RecordingAuth.objects.filter(pk=used.pk).exists()


# --- Test access ------------------------------------------------------------------------------------------
@pytest.fixture
def server(settings: Any, tmp_path: Path) -> Iterator[PartnerServer]:
    """Over https, trusted, with a recording; it keeps what it was asked."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    settings.OUTBOUND_CA_FILE = str(tmp_path / "ca.pem")
    with PartnerServer(tls=context) as server:
        server.serve("/a.wav", audio.wav(0.2))
        server.serve("/gone.wav", status=404)
        yield server


def test_an_auth_config_is_tried_with_a_recording(
    auth: RecordingAuth, administrator: Client, server: PartnerServer
) -> None:
    RecordingAuth.objects.filter(pk=auth.pk).update(hosts=[f"127.0.0.1:{server.port}"])

    def told(address: str) -> str:
        asked = administrator.post(url("recordingauth_test_access", auth.pk), {"url": address}, follow=True)
        return " ".join(f"{one.level_tag}: {one}" for one in asked.context["messages"])

    assert told(server.url("/a.wav")).startswith("success: Access works: the file is WAV audio")
    assert server.requests[0].headers["Authorization"] == f"Bearer {AUTH_SECRET}"
    assert told(server.url("/gone.wav")) == "error: No access: the server answered 404 Not Found."
    assert told("https://elsewhere.example.com/a.wav").startswith("error: No access: ")
    assert len(server.requests) == 2
    tried = LogEntry.objects.filter(object_id=str(auth.pk), change_message="Test access")
    assert {entry.user.username for entry in tried} == {"administrator"}
    assert not any(kept_somewhere(administrator, secret) for secret in (AUTH_SECRET, STORE_SECRET))


def test_direct_access_is_tried_with_and_without_a_file(
    access: DirectAccess, administrator: Client, settings: Any, tmp_path: Path
) -> None:
    def told(filename: str = "") -> str:
        page = url("directaccess_test_access", access.pk)
        asked = administrator.post(page, {"filename": filename}, follow=True)
        return " ".join(f"{one.level_tag}: {one}" for one in asked.context["messages"])

    with sftp_server(tmp_path / "sftp") as server:
        (server.data / "a.wav").write_bytes(audio.wav(0.2))
        DirectAccess.objects.update(
            kind=StoreKind.SFTP,
            endpoint=server.endpoint,
            host_key=server.host_key,
            account=server.user,
            sealed_secret=crypto.encrypt(server.password),
        )
        assert told().startswith("success: Access works: there is at least one file")
        assert told("a.wav").startswith("success: Access works: the file is WAV audio")
        assert told("../a.wav").startswith("error: No access: the filename ")
        DirectAccess.objects.update(sealed_secret=crypto.encrypt(STORE_SECRET))
        assert told() == "error: No access: the server does not accept the user or the secret."
    assert LogEntry.objects.filter(change_message="Test access").count() == 4

"""Direct access to real stores: S3 and SFTP by rclone, Azure Blob by azurite. One world for all three."""

import logging
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pytest

from calls.models import DirectAccess, FetchAttempt, Recording
from calls.sources import SOURCES, trial
from calls.sources.direct import STORES
from partners.outbound import OutboundError
from tests.calls import sourcing
from tests.support import audio
from tests.support.azure import azure_server
from tests.support.s3 import s3_server
from tests.support.services import free_port
from tests.support.sftp import sftp_server
from tests.work.fetching import stored_bytes
from zipingest.work import WorkState

pytestmark = pytest.mark.django_db

WAV = audio.wav(0.5, channels=2)
HARD_NAME = "2024/a b+ü%41&?#'();~=.wav"
FILES = ("recordings/2024/a.wav", "above.wav")


@dataclass(frozen=True)
class Store:
    """A server that has `FILES`, and what an account must know to read those below ``recordings``."""

    kind: str
    secret: str
    fields: dict[str, Any]

    def access(self, **changes: Any) -> DirectAccess:
        secret = changes.pop("secret", self.secret)
        return sourcing.access(secret, kind=self.kind, **{**self.fields, **changes})


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        fields = {
            "endpoint": server.endpoint_url,
            "container": server.bucket,
            "base_path": "recordings",
            "account": server.access_key,
        }

        storage = server.storage("")
        for name in (*FILES, f"recordings/{HARD_NAME}"):
            with storage.open_writer(name, content_type="audio/wav") as writer:
                writer.write(WAV)
        yield Store("s3", server.secret_key, fields)


@pytest.fixture(scope="module")
def azure(tmp_path_factory):
    with azure_server(tmp_path_factory.mktemp("azure")) as server:
        fields = {
            "endpoint": server.url,
            "container": server.container,
            "base_path": "/recordings/",
            "account": server.account,
        }
        for name in FILES:
            server.put(name, WAV)
        yield Store("azure", server.key, fields)


@pytest.fixture(scope="module")
def sftp(tmp_path_factory):
    with sftp_server(tmp_path_factory.mktemp("sftp")) as server:
        fields = {
            "endpoint": server.endpoint,
            "base_path": "/recordings",
            "account": server.user,
            "host_key": server.host_key,
        }

        for name in (*FILES, f"recordings/{HARD_NAME}"):
            (server.data / name).parent.mkdir(parents=True, exist_ok=True)
            (server.data / name).write_bytes(WAV)
        yield Store("sftp", server.password, fields)


@pytest.fixture(params=["s3", "azure", "sftp"])
def store(request):
    return request.getfixturevalue(request.param)


def test_a_recording_is_fetched_by_its_filename_and_no_secret_is_left_anywhere(store, caplog):
    caplog.set_level(logging.DEBUG)
    access = store.access()
    recording = sourcing.fetched(sourcing.named(access, "2024/a.wav"))
    assert (recording.state, recording.last_error) == (WorkState.DONE, "")
    assert recording.source_url == f"{store.kind}:2024/a.wav"
    assert stored_bytes(recording.original_key) == WAV
    assert recording.channels == 2
    said = sourcing.everything_said(caplog) + repr(access)
    for secret in (store.secret, "X-Amz-Signature", "sig="):
        assert secret not in said


def test_what_comes_is_hashed_and_costs_one_query(store, django_assert_num_queries):
    access, to = store.access(), BytesIO()
    recording = Recording(source_url=f"{store.kind}:2024/a.wav", sub_tenant=access.sub_tenant)
    with django_assert_num_queries(1):
        got = SOURCES[store.kind].fetch(recording, to)
    assert to.getvalue() == WAV
    assert (got.bytes, got.head, got.final_url) == (len(WAV), WAV[:512], recording.source_url)


MISSING = {
    "s3": ("the server answered 404 Not Found (NoSuchKey)", "http_404"),
    "azure": ("the server answered 404 Not Found (BlobNotFound)", "http_404"),
    "sftp": ("there is no such file on the server", "no_such_file"),
}
DENIED = {
    "s3": ("the server answered 403 Forbidden (SignatureDoesNotMatch)", "http_403"),
    "azure": ("the server answered 403 Forbidden (AuthorizationFailure)", "http_403"),
    "sftp": ("the server does not accept the user or the secret", "access_denied"),
}


def test_a_missing_file_a_wrong_secret_and_a_file_too_large_end_at_once(store, settings):
    access = store.access()
    missing = sourcing.fetched(sourcing.named(access, "2024/b.wav"))
    assert (missing.state, missing.last_error) == (WorkState.FAILED, MISSING[store.kind][0])
    settings.FETCH_MAX_BYTES = 1000
    large = sourcing.fetched(sourcing.named(access, "2024/a.wav"))
    assert (large.state, large.last_error) == (
        WorkState.FAILED,
        "the file is larger than the allowed 1,000 bytes",
    )
    access.delete()
    denied = sourcing.fetched(sourcing.named(store.access(secret="bm90IHRoZSBzZWNyZXQ="), "2024/a.wav"))
    assert (denied.state, denied.last_error) == (WorkState.FAILED, DENIED[store.kind][0])
    codes = FetchAttempt.objects.order_by("pk").values_list("code", flat=True)
    assert list(codes) == [MISSING[store.kind][1], "too_large", DENIED[store.kind][1]]


def test_a_server_that_is_away_is_tried_again(store):
    endpoint = f"127.0.0.1:{free_port()}"
    access = store.access(endpoint=endpoint if store.kind == "sftp" else f"http://{endpoint}")
    recording = sourcing.fetched(sourcing.named(access, "2024/a.wav"))
    assert (recording.state, recording.last_error) == (WorkState.DUE, "the server refused the connection")


def test_a_secret_that_none_of_our_keys_opens_is_told(store, settings):
    access = store.access()
    settings.ENCRYPTION_KEYS = ["another"]
    with pytest.raises(OutboundError, match="none of ENCRYPTION_KEYS opens it"):
        trial.try_direct(access)


def test_access_that_was_taken_away_or_exchanged_meanwhile_ends_it_in_plain_words(store):
    access = store.access()
    call = sourcing.named(access, "2024/a.wav")
    reason = f"the account's direct access of the kind {store.kind} is not set up any more"
    access.delete()
    ended = sourcing.fetched(call)
    assert (ended.state, ended.last_error) == (WorkState.FAILED, reason)
    other = "azure" if store.kind != "azure" else "s3"
    sourcing.access("c2VjcmV0", kind=other, container="recordings", account="other")
    call = sourcing.named(access, "2024/a.wav")
    ended = sourcing.fetched(call)
    assert (ended.state, ended.last_error) == (WorkState.FAILED, reason)


def test_a_filename_written_into_the_row_by_other_ways_stays_below_the_base_path(store):
    call = sourcing.named(store.access(), "2024/a.wav")
    Recording.objects.filter(call=call).update(source_url=f"{store.kind}:../above.wav")
    ended = sourcing.fetched(call)
    assert ended.state == WorkState.FAILED
    assert ended.last_error == "the filename is empty, or has a part that is empty, . or .."


def test_a_private_endpoint_needs_to_be_trusted_and_no_metadata_service_can_be(store, settings):
    access = store.access()
    settings.ALLOW_LOOPBACK = False
    with pytest.raises(OutboundError) as caught:
        trial.try_direct(access)
    assert caught.value.permanent
    settings.OUTBOUND_TRUSTED = [
        access.endpoint.removeprefix("http://").partition("/")[0],
        "169.254.169.254:80",
    ]
    assert trial.try_direct(access).startswith("Access works")
    access.endpoint = access.endpoint.replace(settings.OUTBOUND_TRUSTED[0], "169.254.169.254:80")
    with pytest.raises(OutboundError, match="address"):
        trial.try_direct(access)


def test_a_trial_says_what_it_found(store):
    access = store.access()
    assert trial.try_direct(access, "2024/a.wav") == (
        f"Access works: the file is WAV audio, {len(WAV):,} bytes."
    )
    assert trial.try_direct(access).startswith("Access works: there is at least one file in ")
    for problem, reason in (
        ("2024/b.wav", MISSING[store.kind][0]),
        ("../a.wav", "the filename is empty, or"),
    ):
        with pytest.raises(OutboundError) as caught:
            trial.try_direct(access, problem)
        assert caught.value.reason.startswith(reason)
    access.base_path = "elsewhere"
    if store.kind == "sftp":
        with pytest.raises(OutboundError, match="no such file"):
            trial.try_direct(access)
    else:
        assert trial.try_direct(access) == "Access works: there is nothing in recordings/elsewhere."


def test_names_that_a_url_must_escape_are_found(s3, sftp):
    for store in (s3, sftp):
        access = store.access()
        assert "WAV audio" in trial.try_direct(access, HARD_NAME)
        access.delete()


@pytest.mark.parametrize(
    ("fields", "host"),
    [
        ({"region": "eu-central-1"}, "https://calls.s3.eu-central-1.amazonaws.com/a.wav?"),
        ({}, "https://calls.s3.us-east-1.amazonaws.com/a.wav?"),
        ({"container": "calls.example"}, "https://s3.us-east-1.amazonaws.com/calls.example/a.wav?"),
    ],
)
def test_amazons_own_endpoint_is_that_of_the_bucket_and_region(fields, host):
    access = sourcing.access("secret", **{"kind": "s3", "container": "calls", "account": "AKIA", **fields})
    url = direct_url(access)
    assert url.startswith(host)
    assert "X-Amz-Expires=900" in url


def test_azures_own_endpoint_is_that_of_the_account():
    access = sourcing.access("c2VjcmV0", kind="azure", container="calls", account="acme")
    assert direct_url(access).startswith("https://acme.blob.core.windows.net/calls/a.wav?sv=")


def test_an_account_key_that_is_none_is_told():
    access = sourcing.access("not base64!", kind="azure", container="calls", account="acme")
    with pytest.raises(OutboundError, match="the account key is not one of Azure's") as caught:
        trial.try_direct(access)
    assert (caught.value.code, caught.value.permanent) == ("secret_unusable", True)


def direct_url(access: DirectAccess) -> str:
    return STORES[access.kind].file_url(access, "a.wav")

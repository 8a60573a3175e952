"""What became of a call, and trying a failed one again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from calls.models import AuthMethod, Call, Recording, RecordingAuth
from tests.support import factories, recordings
from tests.support.network import (
    RECORDING_URL,
    NetworkClient,
    Networked,
    call_of,
    error,
    networked,
    retry_path,
    statements,
)
from zipingest.work import WorkState

NOT_FOUND = (404, "RecordNotFound", "No call found. Please refer to the documentation.")
NOT_FAILED = (
    409,
    "RecordConflict",
    "The recording of this call has not failed; only a failed one is tried again",
)


def status_of(api: NetworkClient, call: Call) -> dict[str, Any]:
    answer = api.status(call.uuid.hex)
    assert answer.status_code == 200, answer.content
    return answer.json()


@pytest.fixture
def call(api: NetworkClient) -> Call:
    return call_of(api.post_call())


def failed(call: Call, **fields: Any) -> None:
    Recording.objects.filter(call=call).update(state=WorkState.FAILED, last_error="no answer", **fields)


# --- Status -----------------------------------------------------------------------------------------------
def test_a_new_call_is_queued(api: NetworkClient, call: Call) -> None:
    status = status_of(api, call)
    assert status.pop("received_at") == status.pop("next_attempt_at")
    assert status == {
        "cuid": call.uuid.hex,
        "external_call_unique_id": "10002",
        "state": "queued",
        "attempts": 0,
        "error": None,
        "warnings": [],
        "conflicts": [],
        "recording_url_expires_at": None,
        "recording": None,
        "completed_at": None,
    }


def test_a_failed_call_says_why_and_a_stored_one_what_came(api: NetworkClient, call: Call) -> None:
    failed(call, attempts=5)
    status = status_of(api, call)
    assert (status["state"], status["attempts"], status["error"]) == ("failed", 5, "no answer")
    assert (status["next_attempt_at"], status["recording"]) == (None, None)
    recordings.store(call, b"RIFF")
    status = status_of(api, call)
    assert (status["state"], status["recording"]["bytes"]) == ("completed", 4)
    assert set(status["recording"]) == {
        "duration_seconds",
        "format",
        "codec",
        "channels",
        "sample_rate",
        "bytes",
        "sha256",
    }
    assert status["completed_at"].endswith("Z")


def test_it_names_the_fields_of_a_conflict_as_the_request_does(api: NetworkClient, call: Call) -> None:
    assert api.post_call(start_time="2022-03-25 09:31:30", calling_phone_number=8779257385).status_code == 409
    assert api.post_call(destination_phone_number=9093900004, agent_name="Jo").status_code == 409
    assert status_of(api, call)["conflicts"] == [
        "call.agent_name",
        "call.calling_phone_number",
        "call.destination_phone_number",
        "call.start_time",
    ]


def test_a_presigned_url_that_ends_within_a_day_is_warned_of(api: NetworkClient) -> None:
    now = timezone.now()

    def signed(hours: float, name: str) -> Call:
        until = (now + timedelta(hours=hours)).astimezone(UTC)
        url = f"https://x.blob.core.windows.net/a.wav?sig=s&se={until:%Y-%m-%dT%H:%M:%SZ}"
        return call_of(api.post_call(name, recording_url=url))

    short = "When it was sent, less than 24 hours were left of the recording's URL."
    ending = "Less than 24 hours are left of the recording's URL."
    ended = "The recording's URL no longer works."
    long, soon, gone = signed(25, "long"), signed(23, "soon"), signed(-1, "gone")
    assert status_of(api, long)["warnings"] == []
    assert status_of(api, soon)["warnings"] == [short, ending]
    assert status_of(api, gone)["warnings"] == [short, ended]
    shown = datetime.fromisoformat(status_of(api, soon)["recording_url_expires_at"])
    assert abs(shown - now - timedelta(hours=23)) < timedelta(seconds=1)
    Recording.objects.filter(call=long).update(begun_at=now - timedelta(hours=2))
    Recording.objects.filter(call=long).update(url_expires_at=now + timedelta(hours=23))
    assert status_of(api, long)["warnings"] == [ending]
    for call in (long, soon):
        recordings.store(call, b"RIFF")
    assert status_of(api, long)["warnings"] == []
    assert status_of(api, soon)["warnings"] == [short]


def test_only_calls_of_this_network_and_surface_are_there(api: NetworkClient, network: Networked) -> None:
    theirs = call_of(NetworkClient(networked("network2").token).post_call())
    partners = factories.provisioned(name=network.partner.name, sub_tenant="network1")
    factories.ingest(partners)
    of_partner = factories.call(partners)
    assert of_partner.sub_tenant == network.sub_tenant
    failed(theirs)
    failed(of_partner)
    for cuid in (theirs.uuid.hex, of_partner.uuid.hex, "0" * 32, "x", "%00", str(theirs.uuid), "a" * 3000):
        assert error(api.status(cuid)) == NOT_FOUND, cuid
        assert error(api.retry(cuid)) == NOT_FOUND, cuid
    assert set(Recording.objects.values_list("state", flat=True)) == {WorkState.FAILED}


def test_it_takes_as_many_queries_whatever_happened(api: NetworkClient, call: Call) -> None:
    for n in range(5):
        api.post_call(agent_name=str(n))
    with CaptureQueriesContext(connection) as queries:
        assert len(status_of(api, call)["conflicts"]) == 1
    # Key, grant, account; the call with its recording, and what differed.
    assert statements(queries) == 5


# --- Retry ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("body", [b"", {}, {"recording_url": None, "note": 1}])
def test_a_failed_call_is_tried_again_where_it_was(api: NetworkClient, call: Call, body: Any) -> None:
    failed(call, attempts=5)
    answer = api.retry(call.uuid.hex, body)
    assert (answer.status_code, answer.json()) == (202, {"cuid": call.uuid.hex})
    recording = call_of(answer).recording
    assert (recording.state, recording.run, recording.attempts) == (WorkState.DUE, 2, 0)
    assert recording.source_url == RECORDING_URL
    assert error(api.retry(call.uuid.hex, body)) == NOT_FAILED


def test_or_from_another_url_with_its_auth_config(api: NetworkClient, network: Networked, call: Call) -> None:
    crm, store = (
        RecordingAuth.objects.create(
            sub_tenant=network.sub_tenant, name=host, method=AuthMethod.BEARER, hosts=[host]
        )
        for host in ("crm.example.com", "store.example.com")
    )
    path, url = retry_path(call.uuid.hex), "https://{}.example.com/{}.wav"

    def retried(**body: Any) -> tuple[str, RecordingAuth | None]:
        failed(call)
        recording = call_of(api.post(body, path)).recording
        return recording.source_url, recording.auth

    first = url.format("crm", 1)
    assert retried(recording_url=first) == (first, None)
    assert retried(recording_auth_config_id=crm.pk) == (first, crm)
    second = url.format("crm", 2)
    assert retried(recording_url=second) == (second, crm), "kept, as it covers the new one"
    third = url.format("store", 3)
    assert retried(recording_url=third, recording_auth_config_id=str(store.pk)) == (third, store)
    assert retried(recording_url=first) == (first, None), "the store's secret is not for the CRM"


def test_a_wrong_retry_changes_nothing(api: NetworkClient, network: Networked, call: Call) -> None:
    failed(call)
    other = RecordingAuth.objects.create(
        sub_tenant=network.sub_tenant, name="x", method=AuthMethod.BEARER, hosts=["x.example.com"]
    )
    wrong = {
        "'recording_url' must be a URL address; 'recording_auth_config_id' must be a whole number": {
            "recording_url": "nowhere",
            "recording_auth_config_id": "x",
        },
        "'recording_auth_config_id' is not an auth config of this network": {
            "recording_auth_config_id": other.pk + 1
        },
        "'recording_url' must be https at one of the hosts of its auth config": {
            "recording_auth_config_id": other.pk
        },
    }
    for text, body in wrong.items():
        assert error(api.retry(call.uuid.hex, body)) == (403, "RecordInvalid", f"Validation failed: {text}")
    assert error(api.retry(call.uuid.hex, b"["))[0] == 400
    call.recording.refresh_from_db()
    assert (call.recording.state, call.recording.run) == (WorkState.FAILED, 1)


def test_what_was_given_up_never_comes_back(api: NetworkClient, call: Call) -> None:
    failed(call, purged_at=timezone.now())
    assert error(api.retry(call.uuid.hex)) == NOT_FAILED

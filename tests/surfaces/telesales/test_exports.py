"""Exports over the API: the seed's requests and answers, and what else a client meets."""

import io
import json
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from calls.models import AccessRecord, Agent, Campaign, DispositionCode
from exports.models import ExportJob
from exports.services import endings
from partners.models import Role
from tests.exports.support import ordered, packed, stored
from tests.support import factories
from zipingest.work import WorkState

pytestmark = pytest.mark.django_db

EXPORTS = "/api/telesales/recordings/export-bulk"
GOLDEN = json.loads(Path(__file__, "../golden/exports.json").resolve().read_text())
JUNE = {"date_from": "2026-06-01T00:00:00Z", "date_to": "2026-06-30T23:59:59Z"}


class Api:
    """A member of the account; bodies go out as JSON."""

    def __init__(self, role: str = Role.SUPERVISOR) -> None:
        self._client = Client(headers=factories.make_member(role))

    def __getattr__(self, method: str) -> Any:
        def ask(path: str, body: Any = None, **options: Any) -> Any:
            data = json.dumps(body).encode() if body is not None else b""
            return self._client.generic(method.upper(), path, data, "application/json", **options)

        return ask

    def order(self, **body: Any) -> Any:
        """By period; what else is given is added or replaced."""
        return self.post(EXPORTS, {**JUNE, **body})


@pytest.fixture
def api() -> Api:
    return Api()


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


# --- The seed ---------------------------------------------------------------------------------------------
def world() -> None:
    """The campaign, the agents and the codes that the seed's request names, with one call of theirs."""
    account = factories.account()
    campaign = Campaign.objects.create(pk=36, sub_tenant=account, name="June")
    for pk in (25, 26):
        Agent.objects.create(pk=pk, sub_tenant=account, external_id=str(pk), extension=str(pk))
    for code in ("SALE-OK", "CALLBACK_REQ"):
        DispositionCode.objects.create(sub_tenant=account, code=code)
    stored(number=1, campaign=campaign, agent=Agent.objects.get(pk=25))


def golden_job(name: str) -> None:
    """The export of the seed, as it stands in the case."""
    job = packed(ordered()) if name in ("ready", "downloaded", "deleted") else ordered()
    states: dict[str, dict[str, Any]] = {
        "failed": {
            "state": WorkState.FAILED,
            "error_code": "STORAGE_ERROR",
            "error_message": "Storage unavailable during ZIP packaging.",
            "failed_at": timezone.now(),
        },
        "download of an expired one": {"state": WorkState.DONE, "expired_at": timezone.now()},
        "download of a running one": {
            "state": WorkState.LEASED,
            "entries_done": 38,
            "entries_total": 100,
        },
    }
    ExportJob.objects.filter(pk=job.pk).update(public_id="exp_abc123", **states.get(name, {}))


@pytest.mark.parametrize("name", GOLDEN)
def test_it_answers_as_the_seed_does(name: str) -> None:
    world()
    request, expected = GOLDEN[name]["request"], GOLDEN[name]["answer"]
    if request["method"] != "POST":
        golden_job(name)
    api = Api(Role.AGENT if name == "lacks the role" else Role.SUPERVISOR)
    answer = getattr(api, request["method"].lower())(request["path"], request.get("body"))
    assert answer.status_code == expected["status"]
    for header, value in expected.get("headers", {}).items():
        assert answer[header] == value
    if "body" in expected:
        assert alike(answer.json(), expected["body"]), answer.json()


def alike(given: Any, expected: Any) -> bool:
    """The same keys in the same order and the same texts; times, ids and numbers of the same kind."""
    if isinstance(expected, dict):
        same_keys = list(given) == list(expected)
        return same_keys and all(alike(given[key], value) for key, value in expected.items())
    if isinstance(expected, str) and expected.startswith(("20", "exp_")):
        return isinstance(given, str) and len(given) >= len(expected)
    return given == expected or (type(given), type(expected)) == (int, int)


# --- From order to ZIP ------------------------------------------------------------------------------------
def test_an_export_goes_from_its_order_to_a_zip_that_opens(api: Api) -> None:
    stored(number=1, data=b"RIFF one")
    answer = api.order()
    url = answer["Location"]
    assert api.get(url).json()["data"]["status"] == "queued"
    packed(ExportJob.objects.get())
    ready = api.get(url).json()["data"]
    archive = zipfile.ZipFile(io.BytesIO(body(api.get(ready["download_url"]))))
    assert archive.read(archive.namelist()[0]) == b"RIFF one"
    assert (ready["files"], ready["size_mb"]) == (1, 1)


def test_a_download_that_broke_off_is_resumed(api: Api) -> None:
    stored(number=1)
    url = f"{EXPORTS}/{packed(ordered()).public_id}/download"
    whole = api.get(url)
    data = body(whole)
    rest = api.get(url, headers={"Range": "bytes=100-", "If-Range": whole["ETag"]})
    assert (rest.status_code, rest["Content-Range"]) == (206, f"bytes 100-{len(data) - 1}/{len(data)}")
    assert body(rest) == data[100:]
    assert int(whole["Content-Length"]) == len(data)


def test_head_tells_the_size_and_notes_nothing(api: Api) -> None:
    stored(number=1)
    job = packed(ordered())
    AccessRecord.objects.all().delete()
    answer = api.head(f"{EXPORTS}/{job.public_id}/download")
    assert (answer.status_code, int(answer["Content-Length"])) == (200, job.zip_bytes)
    assert not AccessRecord.objects.exists()


def test_every_download_is_noted(api: Api) -> None:
    stored(number=1)
    job = packed(ordered())
    AccessRecord.objects.all().delete()
    for _ in range(2):
        api.get(f"{EXPORTS}/{job.public_id}/download")
    assert list(AccessRecord.objects.values_list("kind", "subject")) == [("export", job.public_id)] * 2


# --- Bodies -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({"date_to": "2026-06-05"}, "date_to", "The date_to field must be an ISO 8601 time in UTC."),
        (
            {"date_to": "2026-06-05T00:00:00+02:00"},
            "date_to",
            "The date_to field must be an ISO 8601 time in UTC.",
        ),
        ({"agent_ids": ["25"]}, "agent_ids.0", "The agent_ids.0 field must be an integer."),
        ({"agent_ids": [999999]}, "agent_ids", "Unknown agent: 999999."),
        ({"campaign_id": 999999}, "campaign_id", "Unknown campaign: 999999."),
        ({"disposition_codes": ["NOPE"]}, "disposition_codes", "Unknown disposition code: NOPE."),
        ({"uuids": []}, "uuids", "The uuids field must have at least 1 items."),
        ({"uuids": ["093e1024"]}, "uuids.0", "The uuids.0 field must be a UUID."),
        ({"supplement_of": "exp_nope"}, "supplement_of", "There is no such export."),
    ],
)
def test_it_names_what_is_wrong_and_orders_nothing(api: Api, body: Any, field: str, message: str) -> None:
    stored(number=1)
    answer = api.order(**body)
    assert answer.status_code == 422
    assert answer.json()["errors"] == {field: [message]}
    assert not ExportJob.objects.exists()


def test_both_ends_of_the_period_are_required(api: Api) -> None:
    answer = api.post(EXPORTS, {})
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == ["date_from", "date_to"]


def test_selected_calls_are_exported(api: Api) -> None:
    call, _ = stored(number=1), stored(number=2)
    answer = api.post(EXPORTS, {"uuids": [str(call.uuid)]})
    assert (answer.status_code, answer.json()["data"]["estimated_files"]) == (201, 1)


# --- States -----------------------------------------------------------------------------------------------
def test_a_running_one_says_how_far_it_is(api: Api) -> None:
    stored(number=1)
    job = ordered()
    ExportJob.objects.update(state=WorkState.LEASED, entries_done=38, entries_total=100)
    data = api.get(f"{EXPORTS}/{job.public_id}").json()["data"]
    assert (data["status"], data["progress_pct"], data["files_processed"]) == ("running", 38, 38)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "'queued' (0%)"),
        ({"state": WorkState.FAILED}, "'failed'"),
        ({"state": WorkState.DONE, "cancelled_at": timezone.now()}, "'cancelled'"),
    ],
)
def test_what_is_not_ready_is_not_downloaded(api: Api, fields: Any, text: str) -> None:
    stored(number=1)
    job = ordered()
    ExportJob.objects.update(**fields)
    answer = api.get(f"{EXPORTS}/{job.public_id}/download")
    expected = f"Job {job.public_id} is currently in state {text}. Wait until ready before downloading."
    assert (answer.status_code, answer.json()) == (409, {"message": expected})


def test_a_zip_that_has_expired_is_gone(api: Api) -> None:
    stored(number=1)
    job = packed(ordered())
    ExportJob.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    endings.remove_expired()
    assert api.get(f"{EXPORTS}/{job.public_id}/download").status_code == 410
    assert api.get(f"{EXPORTS}/{job.public_id}").json()["data"]["status"] == "expired"


def test_deleting_again_is_204_again(api: Api) -> None:
    stored(number=1)
    url = f"{EXPORTS}/{ordered().public_id}"
    assert [api.delete(url).status_code for _ in range(2)] == [204, 204]
    assert api.get(url).json()["data"]["status"] == "cancelled"


def test_the_list_is_the_accounts_newest_first(api: Api) -> None:
    stored(number=1)
    jobs = [ordered().public_id for _ in range(3)]
    page = api.get(f"{EXPORTS}?per_page=2").json()
    assert [job["job_id"] for job in page["data"]] == [jobs[2], jobs[1]]
    assert (page["total"], page["last_page"]) == (3, 2)


# --- Cost -------------------------------------------------------------------------------------------------
def test_asking_for_its_state_takes_two_statements(api: Api) -> None:
    stored(number=1)
    url = f"{EXPORTS}/{ordered().public_id}"
    api.get(url)  # the token's use is noted once a minute
    with CaptureQueriesContext(connection) as queries:
        api.get(url)
    assert len(queries) == 2

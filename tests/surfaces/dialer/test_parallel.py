"""Many requests at once, and one that is large: each contact is still one, and memory stays flat."""

import json
import random
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.db import connection

from calls.dialer.models import Contact
from tests.support import dialer_api
from tests.support.api import gunicorn
from tests.support.dialer_api import DialerClient, data, record

pytestmark = pytest.mark.django_db(transaction=True)

MIB = 1024 * 1024


@pytest.fixture
def dialer(transactional_db: None) -> DialerClient:
    return dialer_api.client()


def add_all(dialer: DialerClient, batch_id: str, requests: list[list[Any]]) -> list[list[str]]:
    """The ids that each request is answered with; all of them are sent at once."""

    def add(records: list[Any]) -> list[str]:
        try:
            return data(dialer.add(batch_id, *records))["callIds"]
        finally:
            connection.close()

    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(add, requests))


def test_overlapping_requests_in_any_order_make_each_contact_once(
    dialer: DialerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("calls.dialer.services.enqueueing.CHUNK", 20)
    batch, shuffle = dialer.batch(), random.Random(7).shuffle
    requests = []
    for number in range(8):
        records = [record(each, by=number) for each in range(number, 60 + number)]
        shuffle(records)
        requests.append(records)
    answers = add_all(dialer, batch.public_id, requests)

    ids = dict(Contact.objects.values_list("phone", "public_id"))
    assert len(ids) == 67
    for records, answered in zip(requests, answers, strict=True):
        assert answered == [ids[f"+{each['phoneNumber']}"] for each in records]


def test_one_request_sent_many_times_at_once_is_done_once(dialer: DialerClient) -> None:
    batch = dialer.batch()
    answers = add_all(dialer, batch.public_id, [[record(each) for each in range(50)]] * 6)
    assert all(answer == answers[0] for answer in answers)
    assert set(Contact.objects.values_list("round", "status")) == {(1, "pending")}
    assert Contact.objects.count() == 50


@pytest.mark.slow
@pytest.mark.parametrize("size", [300, 1900])
def test_ten_thousand_records_take_little_memory(dialer: DialerClient, size: int) -> None:
    """``size``: of a record in bytes, about; the second comes near to the limit of a body."""
    batch = dialer.batch()
    records = [record(each, note="x" * (size - 50), place=each) for each in range(10_000)]
    body = json.dumps({"batchId": batch.public_id, "call_data": records}).encode()
    with gunicorn(threads=1) as address:
        post(address, dialer, {"batchId": batch.public_id, "call_data": [record(0)]})
        worker = psutil.Process().children(recursive=True)[-1]
        before, _ = memory(worker, reset=True)
        assert post(address, dialer, body) == 10_000
        _, peak = memory(worker)
    print(f"{len(body) / MIB:.1f} MiB of body: +{(peak - before) / MIB:.1f} MiB")
    assert peak - before < 64 * MIB


def post(address: tuple[str, int], dialer: DialerClient, body: Any) -> int:
    """How many records were added."""
    connection = HTTPConnection(*address, timeout=60)
    given = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = dialer.headers | {"Content-Type": "application/json"}
    connection.request("POST", "/api/call/addCallsToBatch", given, headers)
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    return json.loads(answer.read())["data"]["added"]


def memory(process: psutil.Process, *, reset: bool = False) -> tuple[int, int]:
    """Resident now, and at its peak since the last reset, in bytes."""
    proc = Path(f"/proc/{process.pid}")
    if reset:
        (proc / "clear_refs").write_text("5")
    lines = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
    resident, peak = (int(lines[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))
    return resident, peak

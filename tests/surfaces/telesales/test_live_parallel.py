"""Live calls, many requests at once, against a real gunicorn: one call, one span."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any

import pytest

from calls.models import AccessRecord, Call, Customer, Pause
from tests.support import factories, live
from tests.support.api import gunicorn
from tests.support.live import CALLS, PHONE

# A server is started, and asked many things at once.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

SENDERS = 12


def post_all(requests: Sequence[tuple[str, Any]]) -> list[tuple[int, dict[str, Any]]]:
    """Status and body of each path and body, sent from SENDERS threads at once by one supervisor."""
    headers = {**factories.make_member(), "Content-Type": "application/json"}

    def post(request: tuple[str, Any]) -> tuple[int, dict[str, Any]]:
        path, body = request
        connection = HTTPConnection(*address, timeout=60)
        connection.request("POST", path, json.dumps(body), headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())

    with gunicorn() as address, ThreadPoolExecutor(SENDERS) as pool:
        return list(pool.map(post, requests))


def test_parallel_posts_of_one_id_make_one_call(transactional_db: None) -> None:
    body = {"campaign_id": live.campaign().pk, "phone": PHONE, "provider_call_id": "pbx-1"}

    answers = post_all([(CALLS, body)] * 40)

    assert sorted(status for status, _ in answers) == [200] * 39 + [201]
    assert {answer["data"]["uuid"] for _, answer in answers} == {str(Call.objects.get().uuid)}
    assert Customer.objects.count() == 1


def test_parallel_pauses_make_one_span(transactional_db: None) -> None:
    call = live.begin()

    answers = post_all([(f"{CALLS}/{call.uuid}/recording/pause", {})] * 40)

    assert {status for status, _ in answers} == {200}
    assert (Pause.objects.count(), AccessRecord.objects.count()) == (1, 1)


def test_parallel_switches_and_a_hang_up_leave_whole_spans(transactional_db: None) -> None:
    call = live.begin()
    path = f"{CALLS}/{call.uuid}"
    switches = [(f"{path}/recording/pause", {}), (f"{path}/recording/resume", {})] * 20

    answers = post_all([*switches[:30], (f"{path}/hangup", {}), *switches[30:]])

    assert {status for status, _ in answers} <= {200, 409}
    ended_at = Call.objects.get().ended_at
    spans = list(Pause.objects.order_by("pk"))
    assert sum(span.resumed_at is None for span in spans) <= 1
    assert all(span.paused_at <= ended_at for span in spans)
    assert AccessRecord.objects.filter(kind="pause").count() == len(spans)

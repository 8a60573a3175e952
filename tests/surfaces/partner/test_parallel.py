"""Many requests at once, against a real gunicorn: each call is still taken in once."""

import json
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from threading import Barrier, Event

import pytest
from django.db import connection, transaction

from calls.models import Call, Customer, DispositionChange, IngestBatch, IngestItem, Recording
from partners.models import Delivery
from partners.provisioning import Provisioned
from tests.support import factories
from tests.support.api import BATCH_CALL, PartnerClient, gunicorn
from tests.support.factories import item
from tests.surfaces.partner.test_events import EVENTS, owe, read_all, told
from zipingest.work import WorkState

pytestmark = pytest.mark.django_db(transaction=True)

SENDERS = 20
two_writers = pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time")


@pytest.fixture
def partner(transactional_db: None) -> Provisioned:
    return factories.provisioned(rate_limit=100_000)


def post_all(partner: Provisioned, batches: list[list[factories.Item]]) -> list[tuple[int, bytes]]:
    """Status and body of each, sent from SENDERS threads at once."""
    headers = factories.headers(partner, content_type="application/json")

    def post(batch: list[factories.Item]) -> tuple[int, bytes]:
        connection = HTTPConnection(*address, timeout=60)
        connection.request("POST", BATCH_CALL, json.dumps({"data": batch}), headers)
        response = connection.getresponse()
        return response.status, response.read()

    with gunicorn() as address, ThreadPoolExecutor(SENDERS) as pool:
        return list(pool.map(post, batches))


def test_100_parallel_requests_of_one_id_make_one_call(partner: Provisioned) -> None:
    answers = post_all(partner, [[item()]] * 100)
    assert set(answers) == {(200, b'{"success":true}')}
    assert (Call.objects.count(), Recording.objects.count(), Customer.objects.count()) == (1, 1, 1)
    assert DispositionChange.objects.count() == 1
    assert IngestBatch.objects.count() == 100
    outcomes = list(IngestItem.objects.values_list("outcome", flat=True))
    assert (outcomes.count("accepted"), outcomes.count("duplicate")) == (1, 99)


@pytest.mark.slow
def test_overlapping_batches_in_any_order_all_succeed(partner: Provisioned) -> None:
    """The same calls, agents and customers, each batch shuffled and with changes that all must write."""
    shuffle = random.Random(7).shuffle
    batches = []
    for n in range(60):
        batch = [
            item(
                f"call{i}",
                agent={"id": f"agent{i % 7}", "name": f"Name {n}"},
                customer={"id": f"customer{i % 5}", "name": f"Name {n}", "disposition_status": f"d{n % 3}"},
            )
            for i in range(n % 5, 20 + n % 5)
        ]
        shuffle(batch)
        batches.append([*batch, item(f"own{n}", customer={"id": f"customer{n % 5}", "name": f"N {n}"})])
    answers = post_all(partner, batches)
    assert set(answers) == {(200, b'{"success":true}')}
    assert Call.objects.count() == Recording.objects.count() == 24 + 60


@pytest.mark.slow
def test_parallel_requests_with_a_new_url_begin_one_run(partner: Provisioned) -> None:
    factories.ingest(partner)
    Recording.objects.update(state=WorkState.FAILED)
    again = item(call={"recording_url": "https://example.com/right.mp3"})
    answers = post_all(partner, [[again]] * 30)
    assert set(answers) == {(200, b'{"success":true}')}
    assert Recording.objects.get().run == 2
    outcomes = list(IngestItem.objects.values_list("outcome", flat=True))
    assert (outcomes.count("taken_up"), outcomes.count("duplicate")) == (1, 29)


def test_a_real_server_refuses_hostile_requests_in_words(partner: Provisioned) -> None:
    """What only a real server makes of a request: chunked bodies, large bodies, odd headers."""
    headers = factories.headers(partner, content_type="application/json")
    with gunicorn(threads=2) as address:

        def ask(method: str, path: str, body: object = None, **more: str) -> int:
            connection = HTTPConnection(*address, timeout=30)
            given = headers | {name.replace("_", "-"): value for name, value in more.items()}
            connection.request(method, path, body, given, encode_chunked=isinstance(body, list))
            return connection.getresponse().status

        assert ask("POST", BATCH_CALL, [b"{}"], transfer_encoding="chunked") == 411
        assert ask("POST", BATCH_CALL, b" " * (6 * 1024 * 1024)) == 413
        assert ask("POST", BATCH_CALL, b" " * (5 * 1024 * 1024), x_api_secret="wrong") == 403
        assert ask("PUT", BATCH_CALL) == 405
        assert ask("POST", BATCH_CALL, json.dumps({"data": [item()]})) == 200
        assert ask("GET", "/api/v1/partner/ingest/calls/%00") == 404
        assert ask("GET", "/api/v1/partner/ingest/calls/%ED%A0%80") == 404
        assert ask("GET", "/api/v1/partner/ingest/calls", x_tenant_id="caf\xe9") == 403
        assert ask("HEAD", "/api/v1/partner/ingest/calls") == 200
    assert PartnerClient(partner).get("/api/v1/partner/ingest/calls/call123").status_code == 200


# --- Events -----------------------------------------------------------------------------------------------
def in_a_thread(act: Callable[[], None]) -> None:
    """``act`` with a connection of its own, which is closed."""
    try:
        act()
    finally:
        connection.close()


@two_writers
def test_an_event_that_commits_late_comes_after_those_that_were_read(partner: Provisioned) -> None:
    begun, may_commit, api = Event(), Event(), PartnerClient(partner)

    def slow() -> None:
        with transaction.atomic():
            owe(partner, "slow")
            begun.set()
            assert may_commit.wait(30)

    with ThreadPoolExecutor(1) as pool:
        committed = pool.submit(in_a_thread, slow)
        assert begun.wait(30)
        owe(partner, "fast")
        assert told(api.get(EVENTS)) == [(1, "fast")]
        may_commit.set()
        committed.result()
    assert told(api.get(EVENTS, {"after": 1})) == [(2, "slow")]
    assert list(Delivery.objects.order_by("pk").values_list("sequence", flat=True)) == [2, 1]


@two_writers
def test_an_event_that_is_being_written_to_is_read_in_its_place_afterwards(partner: Provisioned) -> None:
    _, second, _ = (owe(partner, name) for name in ("first", "second", "third"))
    api, seen = PartnerClient(partner), []
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        Delivery.objects.filter(pk=second.pk).update(last_status=200)
        pool.submit(in_a_thread, lambda: seen.extend(told(api.get(EVENTS)))).result(30)
    assert seen == [(1, "first")]
    assert told(api.get(EVENTS, {"after": 1})) == [(2, "second"), (3, "third")]


@pytest.mark.slow
def test_readers_at_once_all_see_the_same_events_without_a_gap(partner: Provisioned) -> None:
    writers, readers, each = 4, 4, 40
    start, written = Barrier(writers + readers), Event()
    seen: list[list[tuple[int, str]]] = []

    def write(name: str) -> None:
        start.wait(30)
        for n in range(each):
            with transaction.atomic():
                owe(partner, f"{name}.{n}")
                time.sleep(random.random() / 200)

    def read() -> None:
        api, mine = PartnerClient(partner), []
        start.wait(30)
        while True:
            last_time = written.is_set()
            after = mine[-1][0] if mine else 0
            mine += read_all(api, f"{EVENTS}?after={after}&per_page=7")
            if last_time:
                seen.append(mine)
                return

    with ThreadPoolExecutor(writers + readers) as pool:
        writing = [pool.submit(in_a_thread, lambda n=n: write(f"w{n}")) for n in range(writers)]
        reading = [pool.submit(in_a_thread, read) for _ in range(readers)]
        for one in writing:
            one.result()
        written.set()
        for one in reading:
            one.result()
    assert len(seen) == readers
    assert all(events == seen[0] for events in seen)
    assert [number for number, _ in seen[0]] == list(range(1, writers * each + 1))
    assert len({call for _, call in seen[0]}) == writers * each

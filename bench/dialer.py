"""Contacts added to a batch: the product on gunicorn, 10,000 in a request; the bare insert of the same rows.

The insert is the whole of its work: statements of a thousand rows each, as the product stores them, sent to
PostgreSQL without HTTP, validation, look-up of known phones or memory of the request; and once more as a
single statement. Run under tests.support.services.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg
import requests

from bench.rounds import Contender, Ratio, alternate, ratio, show
from bench.tables import database_url, give_defaults, vacuum
from tests.faults.stack import Stack, session

ROUNDS = 7
RECORDS = 10_000
CHUNK = 1000

_PROVISION = """
import json
from calls.dialer.models import CallingNumber, VoiceAgent
from partners import keys
from partners.provisioning import provision
made = provision(name="bench", tenant_id="t", sub_tenant_id="s", rate_limit=1_000_000)
variables = [{"key": "account_id", "required": True, "type": "string"}]
agent = VoiceAgent.objects.create(sub_tenant=made.sub_tenant, name="Ava", variables=variables)
number = CallingNumber.objects.create(sub_tenant=made.sub_tenant, phone="+12025550100", agent=agent)
key = keys.issue(partner=made.partner, sub_tenant=made.sub_tenant)
print(json.dumps([key.single, number.public_id]))
"""
_BATCHES = """
import json
from calls.dialer.models import Batch
from partners.models import Partner, SubTenant
given = {{"name": "Renewals", "sub_tenant": SubTenant.objects.get(), "partner": Partner.objects.get()}}
print(json.dumps([Batch.objects.create(**given).pk for _ in range({count})]))
"""
_INSERT = """
    INSERT INTO dialer_contact (
        public_id, batch_id, sub_tenant_id, phone, variables, lane, state, status,
        due_at, created_at, updated_at
    )
    SELECT substr(md5(random()::text), 1, 24), %s, 1, '+' || (value ->> 'phoneNumber'), value - 'phoneNumber',
        'batch:' || %s, 'due', 'pending', now(), now(), now()
    FROM jsonb_array_elements(%s::jsonb) AS given(value)
"""


def measure(rounds: int) -> list[Ratio]:
    with ExitStack() as running:
        contenders = {
            "product": running.enter_context(_product()),
            "insert": running.enter_context(_insert(CHUNK, rounds)),
            "at once": running.enter_context(_insert(RECORDS, rounds)),
        }
        for handle in contenders.values():
            handle(0)  # filled caches, prepared statements: the middle of a day
        rates = alternate({name: _from_second(handle) for name, handle in contenders.items()}, rounds)
    show(rates, "records")
    return [
        ratio("contacts added, records/s", rates, "insert", 0.5),
        ratio("the same / one statement", rates, "at once", 0.5),
    ]


@contextmanager
def _product() -> Iterator[Contender]:
    with Stack(programs=("web",), WEB_CONCURRENCY="2", LOG_LEVEL="INFO") as stack:
        key, number = json.loads(stack.run(_PROVISION))
        client = session()
        client.headers["x-api-key"] = key

        def prepare(number_of_round: int) -> Callable[[], None]:
            made = {"batchName": f"Batch {number_of_round}", "callingNumbers": [number]}
            batch = _answered(client.post(f"{stack.url}/api/call/createBatch", json=made, timeout=60), 201)
            body = json.dumps({"batchId": batch, "call_data": _records(number_of_round)}).encode()
            return lambda: _add(client, stack.url, body)

        yield _timed(database_url(stack), prepare)


@contextmanager
def _insert(rows: int, rounds: int) -> Iterator[Contender]:
    """Statements of so many rows, each a transaction."""
    with Stack(programs=()) as stack:
        stack.run(_PROVISION)
        batches = json.loads(stack.run(_BATCHES.format(count=rounds + 2)))
        database = database_url(stack)
        give_defaults(database, ("dialer_contact",))
        with psycopg.connect(database, autocommit=True) as connection:

            def prepare(number: int) -> Callable[[], None]:
                records = _records(number)
                chunks = [json.dumps(records[start : start + rows]) for start in range(0, RECORDS, rows)]
                return lambda: _insert_all(connection, batches[number], chunks)

            yield _timed(database, prepare)


def _timed(database: str, prepare: Callable[[int], Callable[[], None]]) -> Contender:
    """Records a second; nothing of what prepares a round counts."""

    def contend(number: int) -> float:
        handle = prepare(number)
        vacuum(database)
        started = time.monotonic()
        handle()
        return RECORDS / (time.monotonic() - started)

    return contend


def _from_second(handle: Contender) -> Contender:
    return lambda number: handle(number + 1)


def _records(number: int) -> list[dict[str, Any]]:
    """Records as the document's example has them; no phone is in two rounds."""
    first = 12_000_000_000 + number * RECORDS
    return [
        {
            "phoneNumber": str(first + place * 7 % RECORDS),
            "name": "Sarah Johnson",
            "account_id": f"ACC-{place}",
            "custom_field_1": "value1",
            "priority": "high",
        }
        for place in range(RECORDS)
    ]


def _add(client: requests.Session, url: str, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = client.post(f"{url}/api/call/addCallsToBatch", data=body, headers=headers, timeout=60)
    if _answered(answer, 200)["added"] != RECORDS:
        raise RuntimeError("not all records were added")


def _answered(answer: requests.Response, status: int) -> Any:
    if answer.status_code != status:
        raise RuntimeError(f"{answer.url} answered {answer.status_code}: {answer.text[:500]}")
    return answer.json()["data"]


def _insert_all(connection: psycopg.Connection[Any], batch: int, chunks: Sequence[str]) -> None:
    for chunk in chunks:
        connection.execute(_INSERT, [batch, str(batch), chunk])

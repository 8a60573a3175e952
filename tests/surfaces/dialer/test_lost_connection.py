"""A connection to the database that is lost within a request: on PostgreSQL alone (.ci/test-both)."""

import pytest
from django.db import connection

from tests.support import dialer_api
from tests.support.dialer_api import DialerClient, data, record

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no connection that could be lost")
def test_a_lost_connection_costs_its_chunk_alone(
    dialer: DialerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("calls.dialer.services.enqueueing.CHUNK", 2)
    batch, records = dialer.batch(), [record(each) for each in range(6)]
    dialer_api.refuse_in_database("+12125551003", by="PERFORM pg_terminate_backend(pg_backend_pid())")
    try:
        answer = dialer.add(batch.public_id, *records)
    finally:
        dialer_api.refuse_no_more()
    assert (answer.status_code, answer.json()["data"]["added"]) == (207, 4)
    failed = answer.json()["data"]["failedChunks"]
    assert failed == [{"chunkNum": 2, "error": "Database connection error"}]
    assert data(dialer.add(batch.public_id, *records))["added"] == 6

"""A connection to the database that has become slow is given up."""

import pytest
from django.db import connection

needs_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite is no server")


@needs_postgresql
@pytest.mark.django_db
def test_a_connection_that_is_slow_to_answer_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    connection.ensure_connection()
    assert connection.is_usable()
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "connect_timeout", 0)
    assert not connection.is_usable()

"""What the connections of this project need beyond Django's defaults."""

import sqlite3
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created


def use_sqlite_limits(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Let one INSERT hold a whole batch: Django assumes 999 variables, this SQLite takes far more."""
    if connection.vendor == "sqlite":
        limit = connection.connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER)
        connection.features.max_query_params = limit


def prepare_connections() -> None:
    connection_created.connect(use_sqlite_limits, dispatch_uid="sqlite-limits")

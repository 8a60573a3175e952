"""What connections and transactions of this project need beyond Django's defaults."""

import functools
import sqlite3
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

_TRIES = 5
_Given = ParamSpec("_Given")
_Answer = TypeVar("_Answer")


class Overtaken(Exception):
    """A parallel transaction has changed what this one had read."""


def again_when_overtaken(write: Callable[_Given, _Answer]) -> Callable[_Given, _Answer]:
    """``write`` in a transaction that is rolled back and done again where a parallel one was first.

    That shows as a violated constraint, a deadlock, or :class:`Overtaken`; after five tries it is raised. A
    connection that is lost on the way counts as well.
    """

    @functools.wraps(write)
    def written(*args: _Given.args, **kwargs: _Given.kwargs) -> _Answer:
        for left in reversed(range(_TRIES)):
            connection.ensure_connection()  # a server that cannot be reached is not asked five times
            try:
                with transaction.atomic():
                    return write(*args, **kwargs)
            except (IntegrityError, OperationalError, Overtaken):
                if not left:
                    raise
        raise AssertionError("the last try returns or raises")

    return written


def use_sqlite_limits(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Let one INSERT hold a whole batch: Django assumes 999 variables, this SQLite takes far more."""
    if connection.vendor == "sqlite":
        limit = connection.connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER)
        connection.features.max_query_params = limit


def prepare_connections() -> None:
    connection_created.connect(use_sqlite_limits, dispatch_uid="sqlite-limits")

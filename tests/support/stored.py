"""What the database holds, to be compared with what it held before."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from django.apps import apps
from django.contrib.auth.models import Group
from django.db import connection
from django.db.models import Model

# When a key or token was last used is no change of anything.
_UNCOUNTED = ("last_used_at",)

Snapshot = dict[str, list[tuple[Any, ...]]]


def everything_stored(*models: type[Model]) -> Snapshot:
    """Every row of ``models`` by their names, of all the product's tables unless some are named.

    By statements made once: it is asked thousands of times, and Django would compose forty queries each time.
    """
    with connection.cursor() as cursor:
        return {model.__name__: _rows(cursor, _statement(model)) for model in models or _models()}


def _rows(cursor: Any, statement: str) -> list[tuple[Any, ...]]:
    cursor.execute(statement)
    return cursor.fetchall()


@cache
def _models() -> tuple[type[Model], ...]:
    return (*_product(), Group, Group.permissions.through)


def _product() -> Iterator[type[Model]]:
    for label in ("partners", "calls", "dialer", "exports"):
        yield from apps.get_app_config(label).get_models(include_auto_created=True)


@cache
def _statement(model: type[Model]) -> str:
    quote, key = connection.ops.quote_name, model._meta.pk.column
    fields = [field.column for field in model._meta.concrete_fields if field.column not in _UNCOUNTED]
    return f"SELECT {', '.join(map(quote, fields))} FROM {quote(model._meta.db_table)} ORDER BY {quote(key)}"

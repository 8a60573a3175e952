"""Filling empty tables by the million rows: COPY into tables that are bare of indexes and keys meanwhile.

PostgreSQL only, and inside one transaction: whatever fails, tables, indexes and keys are as they were before.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, LiteralString, NamedTuple

from django.db import connection, models
from django.db.backends.utils import CursorWrapper

# How COPY reads a value that is not there.
NULL = r"\N"

_KEYS: LiteralString = """
    SELECT format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname),
        format('ALTER TABLE %%s ADD CONSTRAINT %%I ', conrelid::regclass, conname)
        || pg_get_constraintdef(oid)
    FROM pg_constraint
    WHERE contype = ANY (%s) AND (conrelid = ANY (%s::regclass[]) OR confrelid = ANY (%s::regclass[]))
    ORDER BY conrelid, conname
"""
_INDEXES: LiteralString = """
    SELECT format('DROP INDEX %%s', indexrelid::regclass), pg_get_indexdef(indexrelid)
    FROM pg_index
    WHERE indrelid = ANY (%s::regclass[]) AND NOT EXISTS (
        SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u')
    )
    ORDER BY indrelid, indexrelid
"""


class Lines:
    """Rows of one model in the making, as COPY reads them.

    A row is given as the values of ``columns``: numbers, text without tabs, newlines and backslashes, or
    NULL. All others hold what ``same`` says, or their field's default; ValueError where there is neither.
    """

    def __init__(
        self, model: type[models.Model], columns: Sequence[str], same: Mapping[str, Any] | None = None
    ) -> None:
        fields = {field.attname: field for field in model._meta.concrete_fields}
        constant = {name: _written(fields[name], same or {}) for name in fields if name not in columns}
        names = [str(fields[name].column) for name in (*columns, *constant)]
        quote = connection.ops.quote_name
        into = f"{quote(model._meta.db_table)} ({', '.join(map(quote, names))})"
        # FREEZE: the rows need no vacuum, and are seen by none before the commit as the table is new to it.
        self.statement = f"COPY {into} FROM STDIN (FREEZE)"
        constants = (text.replace("%", "%%") for text in constant.values())
        self._line = "\t".join([*["%s"] * len(columns), *constants]) + "\n"
        self._lines: list[str] = []

    def add(self, *values: Any) -> None:
        self._lines.append(self._line % values)

    def take(self) -> str:
        """The rows since the last time."""
        text = "".join(self._lines)
        self._lines.clear()
        return text


def _written(field: "models.Field[Any, Any]", same: Mapping[str, Any]) -> str:
    value = same.get(field.attname, field.get_default())
    if value is None and not field.null:
        raise ValueError(f"{field} has no default: each row must say it")
    if value is None:
        return NULL
    if isinstance(field, models.JSONField):
        return json.dumps(value)
    return str(value)


class _Part(NamedTuple):
    """What an index or a key is dropped by, and what it is made by again."""

    drop: str
    make: str


@contextmanager
def bare(tables: Sequence[type[models.Model]], say: Callable[[str], None]) -> Iterator[None]:
    """Leave the empty tables without indexes and keys until the block ends; then make these again, just so.

    Making them anew in one go costs a fraction of keeping them up row by row, and a foreign key is proven for
    all rows at once.
    """
    names = [model._meta.db_table for model in tables]
    connection.check_constraints()  # what still waits to be checked forbids changing its table
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL maintenance_work_mem = '256MB'")
        parts = _parts(cursor, names)
        for part in reversed(parts):
            cursor.execute(part.drop)
        # A table emptied by this transaction can take frozen rows.
        cursor.execute(f"TRUNCATE {', '.join(map(connection.ops.quote_name, names))}")
        yield
        say("analysing")
        cursor.execute("ANALYZE")
        for number, part in enumerate(parts, 1):
            say(f"index or key {number} of {len(parts)}")
            cursor.execute(part.make)


def _parts(cursor: CursorWrapper, tables: list[str]) -> list[_Part]:
    """In the order of making: a foreign key needs the primary key it names."""
    found: list[_Part] = []
    for kinds in (["p", "u"], None, ["f"]):
        if kinds:
            cursor.execute(_KEYS, [kinds, tables, tables])
        else:
            cursor.execute(_INDEXES, [tables])
        found += [_Part(*row) for row in cursor.fetchall()]
    return found

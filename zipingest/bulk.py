"""Many rows in one statement, without a model instance for each.

The rows travel as one JSON parameter that the database takes apart, so the text of a statement depends on its
columns alone: it is made once, and PostgreSQL keeps its plan. Values may be whatever JSON knows, datetimes
and UUIDs; columns are named as in the database (``agent_id``).
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Field, JSONField, Model
from django.utils import timezone

from zipingest.prepared import prepared_cursor

Row = tuple[Any, ...]


def find_rows(
    model: type[Model],
    columns: Sequence[str],
    *,
    where: Mapping[str, Any],
    key: str,
    among: Collection[Any],
    lock: bool = False,
) -> list[Row]:
    """``columns`` (numbers, texts, JSON) of the rows that fit ``where`` with a ``key`` out of ``among``.

    ``lock`` keeps others from changing them until the commit, and takes them in the order of ``key``.
    """
    if not among:
        return []
    given = {name: value for name, value in where.items() if value is not None}
    absent = tuple(where.keys() - given.keys())
    sql = _select(connection.vendor, model, tuple(columns), tuple(given), absent, key, lock)
    rows = _execute(sql, [*given.values(), _encode(list(among))])
    documents = [place for place, name in enumerate(columns) if _is_json(_field(model, name))]
    return [_parsed(row, documents) for row in rows] if documents else rows


def insert_rows(
    model: type[Model],
    columns: Sequence[str],
    rows: Sequence[Row],
    *,
    same: Mapping[str, Any] | None = None,
    ignore_conflicts: bool = False,
    returning: Sequence[str] = (),
) -> list[Row]:
    """Insert ``rows`` in their order; the ``returning`` columns of those inserted, in no promised order.

    ``same`` is what all rows share. What neither gives has the default of the model's field; that of a unique
    field is made for each row.
    """
    if not rows:
        return []
    made = _defaults_per_row(model, tuple(columns))
    if made:
        columns = [*columns, *made]
        rows = [(*row, *(make() for make in made.values())) for row in rows]
    shared = _shared(model, tuple(columns), same or {})
    sql = _insert(connection.vendor, model, tuple(columns), tuple(shared), ignore_conflicts, tuple(returning))
    return _execute(sql, [*shared.values(), _encode(rows)])


def update_rows(model: type[Model], key: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Set ``columns`` of existing rows; each of ``rows`` begins with the value of the unique ``key``."""
    if rows:
        _execute(_update(connection.vendor, model, key, tuple(columns)), [_encode(rows)])


# --- Values -----------------------------------------------------------------------------------------------
@cache
def _defaults_per_row(model: type[Model], columns: tuple[str, ...]) -> dict[str, Callable[[], Any]]:
    return {
        name: field.get_default
        for name, field in _fields(model).items()
        if field.unique and field.has_default() and name not in columns
    }


def _shared(model: type[Model], columns: tuple[str, ...], same: Mapping[str, Any]) -> dict[str, Any]:
    """The value of every column that the rows do not give."""
    constant, varying = _others(connection.vendor, model, columns, tuple(same))
    made = {name: same[name] if name in same else _default(field) for name, field in varying.items()}
    return constant | {name: varying[name].get_db_prep_save(made[name], connection) for name in made}


@cache
def _others(
    vendor: str, model: type[Model], columns: tuple[str, ...], given: tuple[str, ...]
) -> tuple[dict[str, Any], dict[str, "Field[Any, Any]"]]:
    """Of the columns that no row gives: the defaults that never change, and the fields of the rest."""
    constant, varying = {}, {}
    for name, field in _fields(model).items():
        if field.primary_key or name in columns:
            continue
        if name in given or _is_made_anew(field):
            varying[name] = field
        else:
            constant[name] = field.get_db_prep_save(field.get_default(), connection)
    return constant, varying


def _is_made_anew(field: "Field[Any, Any]") -> bool:
    return _is_stamped(field) or (field.has_default() and callable(field.default))


def _default(field: "Field[Any, Any]") -> Any:
    return timezone.now() if _is_stamped(field) else field.get_default()


def _is_stamped(field: "Field[Any, Any]") -> bool:
    return bool(getattr(field, "auto_now_add", False))


def _encode(value: Any) -> str:
    return _encoder(connection.vendor).encode(value)


@cache
def _encoder(vendor: str) -> json.JSONEncoder:
    adapt = connection.ops.adapt_datetimefield_value

    def other_types(value: Any) -> str:
        if isinstance(value, datetime):
            return str(adapt(value))
        if isinstance(value, UUID):
            return value.hex
        raise TypeError(f"{type(value).__name__} cannot be written as one of many rows")

    return json.JSONEncoder(
        ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":"), default=other_types
    )


def _parsed(row: Row, documents: Collection[int]) -> Row:
    return tuple(json.loads(value) if place in documents else value for place, value in enumerate(row))


# --- Execution --------------------------------------------------------------------------------------------
def _execute(sql: str, parameters: Sequence[Any]) -> list[Row]:
    with prepared_cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []


# --- Statements -------------------------------------------------------------------------------------------
@cache
def _insert(
    vendor: str,
    model: type[Model],
    columns: tuple[str, ...],
    shared: tuple[str, ...],
    ignore_conflicts: bool,
    returning: tuple[str, ...],
) -> str:
    values = [_parameter(vendor, _field(model, name)) for name in shared] + _elements(vendor, model, columns)
    # WHERE: without it SQLite would take ON CONFLICT for the beginning of a join.
    sql = f"INSERT INTO {_table(model)} ({_list((*shared, *columns))}) SELECT {', '.join(values)}"
    sql += f" FROM {_ROWS[vendor]} WHERE true"
    if ignore_conflicts:
        sql += " ON CONFLICT DO NOTHING"
    return sql + (f" RETURNING {_list(returning)}" if returning else "")


@cache
def _update(vendor: str, model: type[Model], key: str, columns: tuple[str, ...]) -> str:
    wanted, *values = _elements(vendor, model, (key, *columns))
    pairs = ", ".join(f"{_quoted(name)} = {value}" for name, value in zip(columns, values, strict=True))
    table = _table(model)
    return f"UPDATE {table} SET {pairs} FROM {_ROWS[vendor]} WHERE {table}.{_quoted(key)} = {wanted}"  # noqa: S608 - names of the models


@cache
def _select(
    vendor: str,
    model: type[Model],
    columns: tuple[str, ...],
    given: tuple[str, ...],
    absent: tuple[str, ...],
    key: str,
    lock: bool,
) -> str:
    conditions = [f"{_quoted(name)} = {_parameter(vendor, _field(model, name))}" for name in given]
    conditions += [f"{_quoted(name)} IS NULL" for name in absent]
    conditions += [f"{_quoted(key)} {_AMONG[vendor].format(cast=_cast(_field(model, key)))}"]
    sql = f"SELECT {_list(columns)} FROM {_table(model)} WHERE {' AND '.join(conditions)}"  # noqa: S608 - names of the models
    # SQLite needs no locks: its writing transactions stand in a queue.
    return sql + (f" ORDER BY {_quoted(key)} FOR NO KEY UPDATE" if lock and vendor == "postgresql" else "")


def _elements(vendor: str, model: type[Model], columns: Sequence[str]) -> list[str]:
    """SQL for each place of a row, in the type of its column."""
    return [_element(vendor, place, _field(model, name)) for place, name in enumerate(columns)]


def _element(vendor: str, place: int, field: "Field[Any, Any]") -> str:
    if _is_json(field):
        return f"nullif(value -> {place}, 'null')"
    return f"(value ->> {place})" + (_cast(field) if vendor == "postgresql" else "")


def _parameter(vendor: str, field: "Field[Any, Any]") -> str:
    return f"%s{_cast(field)}" if vendor == "postgresql" else "%s"


def _cast(field: "Field[Any, Any]") -> str:
    kind = str(field.db_type(connection))
    # Cast to its column's length, text that is too long would be cut instead of refused.
    return "::text" if kind.startswith("varchar") else f"::{kind}"


_ROWS = {"postgresql": "jsonb_array_elements(%s::jsonb) AS given(value)", "sqlite": "json_each(%s) AS given"}
_AMONG = {
    "postgresql": "= ANY (ARRAY(SELECT value{cast} FROM jsonb_array_elements_text(%s::jsonb) AS it(value)))",
    "sqlite": "IN (SELECT value FROM json_each(%s))",
}


def _is_json(field: "Field[Any, Any]") -> bool:
    return isinstance(field, JSONField)


def _field(model: type[Model], column: str) -> "Field[Any, Any]":
    return _fields(model)[column]


@cache
def _fields(model: type[Model]) -> dict[str, "Field[Any, Any]"]:
    return {str(field.column): field for field in model._meta.concrete_fields}


def _table(model: type[Model]) -> str:
    return _quoted(model._meta.db_table)


def _list(columns: Iterable[str]) -> str:
    return ", ".join(map(_quoted, columns))


def _quoted(name: str) -> str:
    return f'"{name}"'

"""A query that is asked at every request: composed once per process, and planned once per connection.

Django composes a query anew each time, which is most of the work of a look-up by key. What is kept here is
the text alone, never an answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.postgresql.base import ServerBindingCursor
from django.db.backends.utils import CursorWrapper
from django.db.models import Expression, Field, Model, QuerySet
from django.db.models.query import RelatedPopulator, get_related_populators
from django.db.models.sql.compiler import SQLCompiler

M = TypeVar("M", bound=Model)


class Prepared(Generic[M]):
    """``rows`` of which the named columns (``uuid``, ``tenant__external_id``) get their values later."""

    def __init__(self, rows: QuerySet[M], *columns: str) -> None:
        self._rows = rows
        self._columns = columns
        self._statements: dict[str, _Statement[M]] = {}

    def get(self, **values: Any) -> M | None:
        """The only row with these values, if there is one, with all that the query selects.

        A foreign key's value is the other row's key.
        """
        statement = self._statement()
        with prepared_cursor() as cursor:
            cursor.execute(statement.sql, statement.bound(values))
            row = cursor.fetchone()
        return statement.instance(row) if row else None

    def _statement(self) -> "_Statement[M]":
        # Two threads may both compose the first: they come to the same.
        if connection.vendor not in self._statements:
            self._statements[connection.vendor] = _compose(self._rows, self._columns)
        return self._statements[connection.vendor]


def prepared_cursor() -> CursorWrapper:
    """A cursor whose statements are parsed and planned once per connection.

    Of a short statement that is most of PostgreSQL's work. No other statement is touched, since only cursors
    that bind on the server can prepare.
    """
    if connection.vendor != "postgresql" or connection.queries_logged:
        return connection.cursor()  # Django's log has the texts of its own cursors only
    connection.close_if_health_check_failed()  # as Django's own cursor does: the server may have restarted
    connection.ensure_connection()
    connection.connection.prepare_threshold = 0
    cursor: Any = ServerBindingCursor(connection.connection)  # type: ignore[call-arg]  # the stubs know no psycopg 3
    return connection.make_cursor(cursor)


class _Given(Expression):
    """Stands in the query for the value of a column, and in its parameters for itself."""

    def __init__(self, name: str, field: "Field[Any, Any]") -> None:
        super().__init__(output_field=field)
        self.name = name

    def as_sql(self, _compiler: SQLCompiler, _connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        return "%s", [self]

    def bound(self, values: Mapping[str, Any]) -> Any:
        return self.output_field.get_db_prep_value(values[self.name], connection)


@dataclass(frozen=True, slots=True)
class _Statement(Generic[M]):
    """``parameters`` hold a _Given for each value to come; the rest tells how a row becomes an instance."""

    sql: str
    parameters: Sequence[Any]
    model: type[M]
    names: Sequence[str]
    related: Sequence[RelatedPopulator]
    annotations: Mapping[str, int]
    # By place: not all databases know dates, UUIDs or JSON.
    converted: Mapping[int, Any]

    def bound(self, values: Mapping[str, Any]) -> list[Any]:
        return [each.bound(values) if isinstance(each, _Given) else each for each in self.parameters]

    def instance(self, row: Sequence[Any]) -> M:
        """What Django's own ModelIterable makes of a row."""
        row = self._as_python(row)
        made = self.model.from_db(DEFAULT_DB_ALIAS, self.names, row[: len(self.names)])
        for populator in self.related:
            populator.populate(row, made)
        for name, place in self.annotations.items():
            setattr(made, name, row[place])
        return made

    def _as_python(self, row: Sequence[Any]) -> tuple[Any, ...]:
        values = list(row)
        for place, expression in self.converted.items():
            for convert in _converters(expression):
                values[place] = convert(values[place], expression, connection)
        return tuple(values)


def _compose(rows: QuerySet[M], columns: Sequence[str]) -> _Statement[M]:
    given = {name: _Given(name, _column(rows.model, name)) for name in columns}
    compiler: Any = rows.filter(**given).order_by()[:1].query.get_compiler(DEFAULT_DB_ALIAS)
    sql, parameters = compiler.as_sql()
    selected = [expression for expression, _, _ in compiler.select]
    own = compiler.klass_info["select_fields"]
    assert own == list(range(len(own))), "the model's own columns come first"
    return _Statement(
        sql=sql,
        parameters=parameters,
        model=rows.model,
        names=[selected[place].target.attname for place in own],
        related=get_related_populators(  # type: ignore[call-arg]  # the stubs are a Django ahead of ours
            compiler.klass_info, compiler.select, DEFAULT_DB_ALIAS
        ),
        annotations=compiler.annotation_col_map,
        converted={place: each for place, each in enumerate(selected) if _converters(each)},
    )


def _column(model: type[Model], path: str) -> "Field[Any, Any]":
    """The column that a filter calls so, perhaps of a related model."""
    *relations, name = path.split("__")
    fields: Any = model._meta
    for relation in relations:
        fields = fields.get_field(relation).related_model._meta
    column: Field[Any, Any] = fields.get_field(name)
    return column


def _converters(expression: Any) -> list[Any]:
    """Those of this thread's connection."""
    return [
        *connection.ops.get_db_converters(expression),
        *expression.get_db_converters(connection),
    ]

"""Writing rows by the hundred thousand."""

import itertools
from typing import Any

from django.db import connection, models
from django.db.models import Max


class Table:
    """Rows of one model in the making: ids run on from what is there, what no row says has its default."""

    def __init__(self, model: type[models.Model]) -> None:
        self.model = model
        self.rows: list[dict[str, Any]] = []
        last = model._default_manager.aggregate(last=Max("pk"))["last"] or 0
        self._ids = itertools.count(last + 1)
        self._fields = model._meta.concrete_fields
        self._defaults = {field.attname: field.get_default() for field in self._fields}

    def add(self, **values: Any) -> int:
        pk = next(self._ids)
        self.rows.append({**self._defaults, "id": pk, **values})
        return pk

    def write(self) -> None:
        """Store the rows and forget them; COPY where the database has it."""
        if connection.vendor == "postgresql":
            self._copy()
        else:
            self.model._default_manager.bulk_create(self.model(**row) for row in self.rows)
        self.rows.clear()

    def _copy(self) -> None:
        quote = connection.ops.quote_name
        columns = ", ".join(quote(str(field.column)) for field in self._fields)
        json = {field.attname: field for field in self._fields if isinstance(field, models.JSONField)}
        with (
            connection.cursor() as cursor,
            cursor.copy(f"COPY {quote(self.model._meta.db_table)} ({columns}) FROM STDIN") as copy,
        ):
            for row in self.rows:
                for name, field in json.items():
                    row[name] = field.get_db_prep_save(row[name], connection)
                copy.write_row([row[field.attname] for field in self._fields])

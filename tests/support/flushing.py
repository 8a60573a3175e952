"""What a test with committed rows leaves behind, emptied by deleting only what is there."""

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import TransactionTestCase

# `post_migrate` fills these, and no test with committed rows changes them. No migration fills any other.
_KEPT = {"django_content_type", "auth_permission", "auth_group", "auth_group_permissions"}


def delete_rows(case: TransactionTestCase) -> None:
    """Empty the tables that hold rows, but those that `post_migrate` fills. Sequences go on.

    In place of Django's own `_fixture_teardown`, which truncates every table, whether anybody wrote to it or
    not, and has content types, permissions and groups made anew: half a second after each test on PostgreSQL.
    """
    for name in case._databases_names(include_mirrors=False):
        empty(connections[name])


def empty(connection: BaseDatabaseWrapper) -> None:
    """In one transaction, at whose end foreign keys are checked: tables come in any order."""
    there = connection.introspection.django_table_names(only_existing=True, include_views=False)
    tables = sorted(connection.ops.quote_name(name) for name in set(there) - _KEPT)
    with transaction.atomic(connection.alias), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # It waits for whoever still writes, as TRUNCATE does, and as on SQLite every transaction does.
            cursor.execute(f"LOCK TABLE {', '.join(tables)} IN EXCLUSIVE MODE")
        held = (f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {name})" for name in tables)
        cursor.execute(" UNION ALL ".join(held))
        for (name,) in cursor.fetchall():
            cursor.execute(f"DELETE FROM {name}")

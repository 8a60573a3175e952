"""The product's own tables, for those who fill only the columns they know: same widths, same indexes."""

import os
from collections.abc import Sequence
from urllib.parse import urlsplit

import psycopg

from tests.faults.stack import Stack

_DEFAULTS = {
    "character varying": "''",
    "text": "''",
    "integer": "0",
    "bigint": "0",
    "boolean": "false",
    "jsonb": "'{}'",
    "timestamp with time zone": "now()",
    "uuid": "gen_random_uuid()",
}
_REQUIRED = """
    SELECT column_name, data_type FROM information_schema.columns
    WHERE table_name = %s AND is_nullable = 'NO' AND is_identity = 'NO'
"""


def database_url(stack: Stack) -> str:
    ((name,),) = stack.rows("SELECT current_database()")
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()


def give_defaults(database: str, tables: Sequence[str]) -> None:
    """Let an INSERT leave out any column: Django sets defaults in Python, so the tables have none."""
    with psycopg.connect(database) as connection:
        for table in tables:
            for column, kind in connection.execute(_REQUIRED, [table]).fetchall():
                connection.execute(f"ALTER TABLE {table} ALTER {column} SET DEFAULT {_DEFAULTS[kind]}")


def vacuum(database: str) -> None:
    """What autovacuum does on a real server, and the tests' server has switched off."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")

"""Rows in bulk that look like a busy house's: how does it fare with ten million calls?"""

import random
import time
from argparse import ArgumentParser
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.core.management.color import no_style
from django.db import connection, transaction

from calls.management.columns import TABLES
from calls.management.copying import bare
from calls.management.made_up import Maker
from calls.management.owners import make_feeds, make_owners
from zipingest import work

_SAID_EVERY = 5.0


class Command(BaseCommand):
    help = (
        "Fill a database without calls: made-up calls with recordings, attempts, callbacks and all else that "
        "hangs on them, over ninety days until now. The same seed draws the same calls. PostgreSQL only."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--calls", type=int, required=True)
        parser.add_argument(
            "--calls-per-sub-tenant", type=int, default=10_000, help="more calls, more of them"
        )
        parser.add_argument(
            "--partners", type=int, default=100, help="at most; each has a sub-tenant or more"
        )
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--even-in-production", action="store_true")

    def handle(self, *_: Any, **options: Any) -> None:
        _refuse(options)
        self._began = self._said = time.monotonic()
        calls, accounts = options["calls"], -(-options["calls"] // options["calls_per_sub_tenant"])
        with transaction.atomic():
            owners = make_owners(accounts, options["partners"], calls)
            maker = Maker(random.Random(options["seed"]), owners, calls, work.database_now())  # noqa: S311 - made up
            with bare(TABLES, self._say_sometimes):
                self._copy(maker, calls)
            make_feeds(owners, maker.events)
            _set_sequences()
        self._say(f"{calls:,} calls of {accounts:,} sub-tenants made")

    def _copy(self, maker: Maker, calls: int) -> None:
        """Write a chunk while the next one is made up: the database has a core of its own to read it with."""
        chunks = maker.chunks()
        with ThreadPoolExecutor(1) as pool, connection.cursor() as cursor:
            waiting = pool.submit(next, chunks, None)
            while ready := waiting.result():
                waiting = pool.submit(next, chunks, None)
                for statement, lines in ready:
                    with cursor.copy(statement) as copy:
                        copy.write(lines)
                self._say_sometimes(f"{maker.made:,} of {calls:,} calls")

    def _say_sometimes(self, what: str) -> None:
        if time.monotonic() - self._said > _SAID_EVERY:
            self._say(what)

    def _say(self, what: str) -> None:
        self._said = time.monotonic()
        self.stdout.write(f"{self._said - self._began:6.0f} s  {what}")
        self.stdout.flush()


def _refuse(options: dict[str, Any]) -> None:
    """Raises CommandError where made-up rows have no place, or of nothing."""
    for number in ("calls", "calls_per_sub_tenant", "partners"):
        if options[number] < 1:
            raise CommandError(f"--{number.replace('_', '-')} must be at least 1")
    if connection.vendor != "postgresql":
        raise CommandError("rows are made by COPY, which only PostgreSQL has: set DATABASE_URL")
    if settings.PRODUCTION and not options["even_in_production"]:
        raise CommandError("made-up calls have no place in production; --even-in-production if they have")
    for model in TABLES:
        if model._default_manager.exists():
            raise CommandError(
                f"there are {model._meta.verbose_name_plural} already: give it an empty database"
            )


def _set_sequences() -> None:
    """They go on after the ids we gave."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), list(TABLES)):
            cursor.execute(statement)

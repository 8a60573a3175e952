from argparse import ArgumentParser
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from zipingest.backup import BackupFailed, back_up


class Command(BaseCommand):
    help = "Back up the database and the store, with pg_dump and rclone. Secrets are not among them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("to", help="a folder, or a remote of rclone's as in offsite:bucket/zipingest")
        parser.add_argument("--keep-days", type=int, default=14, help="older backups are deleted (14)")

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            dump = back_up(
                to=options["to"].rstrip("/"),
                now=datetime.now(UTC),
                keep=timedelta(days=options["keep_days"]),
                say=self.stdout.write,
            )
        except BackupFailed as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Backup {dump.stamp} is whole")

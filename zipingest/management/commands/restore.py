from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from zipingest.backup import BackupFailed, restore


class Command(BaseCommand):
    help = (
        "Fill the store and an empty database from a backup; one cut short is run again and goes on. "
        "Verify afterwards: verify_recordings."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", help="where manage.py backup wrote to")
        parser.add_argument(
            "--backup", metavar="STAMP", help="which one, as in 20260131T020000Z (the newest)"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            dump = restore(
                source=options["source"].rstrip("/"), stamp=options["backup"], say=self.stdout.write
            )
        except BackupFailed as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Backup {dump.stamp} is restored")

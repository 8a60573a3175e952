from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from calls import integrity
from zipingest.storage import StorageError


class Command(BaseCommand):
    help = "Read every stored recording and compare it with its row; names what is missing or differs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--sizes-only", action="store_true", help="ask for sizes, read nothing")

    def handle(self, *_: Any, **options: Any) -> None:
        objects = troubles = 0
        try:
            for verified in integrity.verify(sizes_only=options["sizes_only"]):
                objects += 1
                if verified.trouble:
                    troubles += 1
                    self.stderr.write(f"{verified.object.key}: {verified.trouble}")
        except StorageError as error:
            raise CommandError(f"after {objects} objects: {error}") from error
        if troubles:
            raise CommandError(f"{troubles} of {objects} objects are missing or differ")
        self.stdout.write(f"All {objects} objects are as their rows say")

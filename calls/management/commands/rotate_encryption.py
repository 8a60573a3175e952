from typing import Any

from django.core.management.base import BaseCommand, CommandError

from calls.services import sealing


class Command(BaseCommand):
    help = (
        "Encrypt every secret at rest with the first of ENCRYPTION_KEYS. Before, restart all processes with "
        "the new key behind the old one, then with it in front; the old one can go once this has ended well."
    )

    def handle(self, *_: Any, **__: Any) -> None:
        came = sealing.reseal()
        self.stdout.write(f"{came.done} secrets are encrypted with the newest key now.")
        if came.overtaken:
            self.stdout.write(f"Changed by somebody else meanwhile: {came.overtaken}; run this again.")
        if came.unreadable:
            raise CommandError(f"No key of ours opens these, which are as they were: {came.unreadable}")

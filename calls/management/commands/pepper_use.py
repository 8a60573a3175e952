from typing import Any

from django.core.management.base import BaseCommand, CommandError

from calls import peppers


class Command(BaseCommand):
    help = (
        "Say what still hangs on each version of API_KEY_PEPPERS. A version on which nothing hangs can go, "
        "unless it is the first. Fails where something hangs on a version that is not configured."
    )

    def handle(self, **_: Any) -> None:
        configured, used = peppers.configured(), peppers.in_use()
        for version in dict.fromkeys([*configured, *sorted(used)]):
            things = ", ".join(f"{count:,} {words}" for words, count in sorted(used.get(version, {}).items()))
            first = " (for what is new)" if version == configured[0] else ""
            self.stdout.write(f"Version {version}{first}: {things or 'nothing'}.")
        if lost := sorted(set(used) - set(configured)):
            raise CommandError(f"API_KEY_PEPPERS lacks what is in use: version {', '.join(map(str, lost))}.")

import tomllib
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db.migrations.exceptions import NodeNotFoundError
from django.db.migrations.loader import MigrationLoader

from zipingest import upgrades


class Command(BaseCommand):
    help = (
        "Refuse migrations that the released code could not stand while an upgrade is under way. What is "
        "released stands in pyproject.toml, [tool.zipingest.released]: the last migration of each app."
    )
    requires_system_checks: list[str] = []

    def handle(self, **_: Any) -> None:
        project = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())
        loader = MigrationLoader(None)
        try:
            released, since = upgrades.newer(loader, project["tool"]["zipingest"]["released"])
        except (KeyError, NodeNotFoundError) as error:
            raise CommandError(f"[tool.zipingest.released] in pyproject.toml: {error}") from error
        if faults := list(upgrades.refused(released, since)):
            raise CommandError("\n".join(["Not safe while the released code runs:", *faults]))
        self.stdout.write(f"Migrations since the last release: {len(since)}, safe while that runs.")

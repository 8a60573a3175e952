from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from partners import second_factor
from partners.models import User


class Command(BaseCommand):
    help = (
        "Take away somebody's second factor, who sets up another at the next sign-in to the console. For "
        "whoever has lost app and recovery codes where no other superuser is left to reset it there."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")

    def handle(self, *_: Any, **options: Any) -> None:
        username = options["username"]
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"there is no user {username}")
        # Nobody is signed in here, and the history wants a person.
        if not second_factor.remove(user=user, by=user, how=" by manage.py reset_second_factor"):
            raise CommandError(f"{username} has no second factor")
        self.stdout.write(f"{username} sets up another authenticator app at the next sign-in.")

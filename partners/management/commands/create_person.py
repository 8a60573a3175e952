import os
import secrets
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from partners.models import Role, SubTenant
from partners.provisioning import UnusablePerson, create_person


class Command(BaseCommand):
    help = (
        "Create a person of an account (a sub-tenant), who signs in on the telesales surface and its pages."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--tenant", required=True, help="the tenant's id")
        parser.add_argument("--sub-tenant", required=True, help="the sub-tenant's id")
        parser.add_argument("--role", required=True, choices=Role.values)

    def handle(self, *args: Any, **options: Any) -> None:
        given = os.environ.get("PERSON_PASSWORD")
        password = given or secrets.token_urlsafe(12)
        try:
            create_person(
                username=options["username"],
                password=password,
                sub_tenant=_sub_tenant(options["tenant"], options["sub_tenant"]),
                role=Role(options["role"]),
            )
        except UnusablePerson as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{options['username']} can sign in now.")
        if not given:
            self.stdout.write(f"  password (not shown again)  {password}")


def _sub_tenant(tenant: str, sub_tenant: str) -> SubTenant:
    found = SubTenant.objects.filter(tenant__external_id=tenant, external_id=sub_tenant).first()
    if found is None:
        raise CommandError(f"there is no sub-tenant {sub_tenant} of a tenant {tenant}")
    return found

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from partners.provisioning import Provisioned, provision


class Command(BaseCommand):
    help = "Create a partner with a key (or a further key of one that exists) and show its secrets once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--tenant", required=True, help="the id sent as x-tenant-id")
        parser.add_argument("--sub-tenant", required=True, help="the id sent as x-sub-tenant-id")
        parser.add_argument("--rate-limit", type=int, help="requests per minute")
        parser.add_argument("--sandbox", action="store_true", help="keep nothing longer than a day")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        provisioned = provision(
            name=options["name"],
            tenant_id=options["tenant"],
            sub_tenant_id=options["sub_tenant"],
            rate_limit=options["rate_limit"],
            sandbox=options["sandbox"],
        )
        shown = _shown(provisioned)
        if options["json"]:
            self.stdout.write(json.dumps(shown))
            return
        self.stdout.write("Keep these now; the secrets are not shown again.")
        for name, value in shown.items():
            self.stdout.write(f"  {name:<15} {value if value is not None else '(as before)'}")


def _shown(provisioned: Provisioned) -> dict[str, str | None]:
    sub_tenant = provisioned.sub_tenant
    return {
        "partner": provisioned.partner.name,
        "tenant": sub_tenant.tenant.external_id,
        "sub_tenant": sub_tenant.external_id,
        "key": provisioned.issued.key.key_id,
        "secret": provisioned.issued.secret,
        "webhook_secret": provisioned.webhook_secret,
    }

"""What staff set up in the console, written by `Stack.manage` inside the product's own process."""

import json

from calls.dialer.models import CallingNumber, VoiceAgent
from calls.dialer.services import agents
from calls.models import (
    Campaign,
    CampaignType,
    CustomField,
    DirectAccess,
    Network,
    SignalName,
    StoreKind,
)
from partners import keys
from partners.models import Partner, SubTenant
from zipingest import crypto


def make_network(given: str) -> None:
    """Prints the token of a network that takes its recordings from an SFTP server; ``given`` is JSON."""
    options = json.loads(given)
    account = SubTenant.objects.get(external_id=options["sub_tenant"], tenant__external_id=options["tenant"])
    Network.objects.create(sub_tenant=account, ingestion_enabled=True, time_zone="America/Los_Angeles")
    Campaign.objects.create(
        sub_tenant=account,
        name="Radio",
        external_id=options["campaign"],
        type=CampaignType.EXTERNAL_ONLY,
        signal_ai=True,
    )
    SignalName.objects.create(sub_tenant=account, name=options["signal"])
    CustomField.objects.create(sub_tenant=account, name=options["field"], label="Account type")
    DirectAccess.objects.create(
        sub_tenant=account,
        kind=StoreKind.SFTP,
        endpoint=options["endpoint"],
        account=options["user"],
        sealed_secret=crypto.encrypt(options["password"]),
        host_key=options["host_key"],
    )
    partner = Partner.objects.get(name=options["partner"])
    print(keys.issue(partner=partner, sub_tenant=account, label="network").single)


def make_dialer(given: str) -> None:
    """Prints an account's key and the id of a calling number of it, with an agent that wants a variable."""
    options = json.loads(given)
    account = SubTenant.objects.get(external_id=options["sub_tenant"], tenant__external_id=options["tenant"])
    variables = [{"key": "account_id", "required": True, "type": "string"}]
    agent = VoiceAgent(sub_tenant=account, name="Ava", language="en", variables=variables)
    agents.save(agent=agent)
    number = CallingNumber.objects.create(sub_tenant=account, phone="+12025550100", agent=agent)
    partner = Partner.objects.get(name=options["partner"])
    print(keys.issue(partner=partner, sub_tenant=account, label="dialer").single, number.public_id)

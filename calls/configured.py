"""What an account has set up for the calls of its network: reads by the names that requests use."""

from collections.abc import Collection

from calls.models import Campaign, CustomField, DirectAccess, RecordingAuth, SignalName
from partners.models import SubTenant


def campaign(sub_tenant: SubTenant, external_id: str) -> Campaign | None:
    """By the network's own id of it (``advertiser_campaign_id_from_network``)."""
    return Campaign.objects.filter(sub_tenant=sub_tenant, external_id=external_id).first()


def recording_auth(sub_tenant: SubTenant, pk: int) -> RecordingAuth | None:
    return RecordingAuth.objects.filter(sub_tenant=sub_tenant, pk=pk).first()


def direct_access(sub_tenant: SubTenant) -> DirectAccess | None:
    return DirectAccess.objects.filter(sub_tenant=sub_tenant).first()


def signals_named(sub_tenant: SubTenant, names: Collection[str]) -> dict[str, int]:
    """Keys of the SignalNames by ``names``, in whichever letters these are; unknown ones are left out.

    All of the account's are read: a database's notion of small letters may end with English.
    """
    if not names:
        return {}
    rows = list(SignalName.objects.filter(sub_tenant=sub_tenant).values_list("name", "pk"))
    known = {name.lower(): pk for name, pk in rows} | dict(rows)
    found = {name: known.get(name, known.get(name.lower())) for name in names}
    return {name: pk for name, pk in found.items() if pk is not None}


def fields_named(sub_tenant: SubTenant, names: Collection[str]) -> dict[str, int]:
    """Keys of the CustomFields of just these ``names``; unknown ones are left out."""
    if not names:
        return {}
    fields = CustomField.objects.filter(sub_tenant=sub_tenant, name__in=names)
    return dict(fields.values_list("name", "pk"))

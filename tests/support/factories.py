"""Rows as the product itself makes them: partners provisioned and calls ingested by the services."""

import uuid
from collections.abc import Mapping
from typing import Any

from calls.api.partner.schemas import ItemIn
from calls.models import Call
from calls.services.ingest import Ingested, Origin, ingest_batch
from partners import provisioning
from partners.provisioning import Provisioned

Item = dict[str, Any]


def provisioned(
    name: str | None = None, tenant: str = "tenant1", sub_tenant: str = "subtenant1", **options: Any
) -> Provisioned:
    """A partner with a key for the sub-tenant; without a name a new one each time."""
    return provisioning.provision(
        name=name or f"Partner {uuid.uuid4().hex[:8]}",
        tenant_id=tenant,
        sub_tenant_id=sub_tenant,
        **options,
    )


def headers(provisioned: Provisioned, **overrides: str | None) -> dict[str, str]:
    """The four headers of a request; ``x_tenant_id="t2"`` replaces one, None leaves it out."""
    given = {
        "x-api-key": provisioned.issued.key.key_id,
        "x-api-secret": provisioned.issued.secret,
        "x-tenant-id": provisioned.sub_tenant.tenant.external_id,
        "x-sub-tenant-id": provisioned.sub_tenant.external_id,
    }
    given |= {name.replace("_", "-"): value for name, value in overrides.items()}
    return {name: value for name, value in given.items() if value is not None}


def item(id: str = "call123", **overrides: Any) -> Item:
    """The element of the seed's example; ``call={"contact_number": "+49301"}`` changes a part of it.

    Other keys are replaced; ``...`` (Ellipsis) takes a key away, also inside a part.
    """
    example: Item = {
        "call": {
            "id": id,
            "recording_url": "https://example.com/recordings/call123.mp3",
            "start_time": "2023-01-01T10:00:00Z",
            "end_time": "2023-01-01T10:30:00Z",
            "contact_number": "+1234567890",
        },
        "agent": {"id": "agent123", "email": "agent@example.com", "name": "John Doe"},
        "customer": {
            "id": "customer123",
            "name": "Jane Smith",
            "email": "customer@example.com",
            "disposition_status": "interested",
        },
        "industry": "Technology",
        "function": "Sales",
        "callback_url": "https://partner.example.com/callback",
        "metadata": {"campaign": "Q1 Outreach", "source": "Website"},
    }
    return _changed(example, overrides)


def ingest(provisioned: Provisioned, *items: Item, request_id: str = "") -> Ingested:
    """Take the items in as the partner's surface does, without HTTP; without items, the seed's."""
    origin = Origin(
        partner=provisioned.partner,
        sub_tenant=provisioned.sub_tenant,
        sandbox=provisioned.issued.key.sandbox,
        request_id=request_id,
    )
    drafts = [ItemIn.model_validate(each).draft() for each in items or (item(),)]
    return ingest_batch(origin=origin, drafts=drafts)


def call(provisioned: Provisioned, id: str = "call123") -> Call:
    """The partner's call of that id, with its recording."""
    return Call.objects.select_related("recording").get(partner=provisioned.partner, external_id=id)


def _changed(part: Mapping[str, Any], changes: Mapping[str, Any]) -> Item:
    changed = dict(part)
    for key, value in changes.items():
        if value is ...:
            changed.pop(key, None)
        elif isinstance(value, dict) and isinstance(changed.get(key), dict) and key in _PARTS:
            changed[key] = _changed(changed[key], value)
        else:
            changed[key] = value
    return changed


_PARTS = ("call", "agent", "customer")

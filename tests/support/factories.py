"""Rows as the product itself makes them: partners provisioned and calls ingested by the services."""

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from calls.api.partner.schemas import ItemIn
from calls.models import Call
from calls.services.ingest import Ingested, Origin, ingest_batch
from partners import provisioning, tokens
from partners.models import Right, Role, SubTenant, Tenant, User
from partners.provisioning import Provisioned
from partners.tokens import IssuedToken

Item = dict[str, Any]
PASSWORD = "a-Long-1-phrase"


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


# --- Members of an account --------------------------------------------------------------------------------
def account(sub_tenant: str = "subtenant1", tenant: str = "tenant1") -> SubTenant:
    """The sub-tenant of that id; the one that :func:`provisioned` grants unless told otherwise."""
    parent, _ = Tenant.objects.get_or_create(external_id=tenant, defaults={"name": tenant})
    found, _ = SubTenant.objects.get_or_create(
        tenant=parent, external_id=sub_tenant, defaults={"name": sub_tenant}
    )
    return found


def person(
    role: str = Role.SUPERVISOR, sub_tenant: SubTenant | None = None, username: str = "", **fields: Any
) -> User:
    """A user in that role of the account, with PASSWORD; without a name a new one each time."""
    return User.objects.create_user(
        username or f"{role}-{uuid.uuid4().hex[:8]}",
        password=PASSWORD,
        role=role,
        sub_tenant=sub_tenant or account(),
        **fields,
    )


def make_member(role: str = Role.SUPERVISOR, sub_tenant: SubTenant | None = None) -> dict[str, str]:
    """The headers of a new person in that role, signed in with a bearer token."""
    return bearer(tokens.issue_to_person(user=person(role, sub_tenant), name="test"))


def make_machine(
    role: str = Role.ADMIN,
    sub_tenant: SubTenant | None = None,
    scopes: Iterable[str] | None = None,
    **options: Any,
) -> dict[str, str]:
    """The headers of a machine; without ``scopes`` it has all of them."""
    return bearer(
        tokens.issue_to_machine(
            sub_tenant=sub_tenant or account(),
            role=Role(role),
            scopes=[Right(scope) for scope in (Right.values if scopes is None else scopes)],
            name="machine",
            **options,
        )
    )


def bearer(issued: IssuedToken) -> dict[str, str]:
    return {"Authorization": f"Bearer {issued.text}"}

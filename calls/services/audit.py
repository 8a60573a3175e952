"""The access audit: who heard or took which recording."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from calls.models import AccessKind, AccessRecord, Call
from partners.models import SubTenant, User
from zipingest import work
from zipingest.bulk import insert_rows

_LISTEN_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Actor:
    """Who it was, by name, and from where; ``user`` where it is a person of ours."""

    name: str
    address: str
    user: User | None = None
    request_id: str = ""


def note_access(*, actor: Actor, call: Call, kind: AccessKind, at: datetime | None = None) -> None:
    """Record the access; a listen of the same person and call within the same ten minutes only once.

    ``at`` is by the database's clock, which is asked where it is not given.
    """
    now = at or work.database_now()
    slot = int(now.timestamp()) // _LISTEN_SECONDS if kind == AccessKind.LISTEN else None
    record = _record(actor, kind, sub_tenant_id=call.sub_tenant_id, call_id=call.pk, at=now, slot=slot)
    insert_rows(AccessRecord, tuple(record), [tuple(record.values())], ignore_conflicts=True)


def note_export(*, actor: Actor, sub_tenant: SubTenant, export: str) -> None:
    """Record that ``actor`` ordered or took the export of this name."""
    record = _record(
        actor, AccessKind.EXPORT, sub_tenant_id=sub_tenant.pk, subject=export, at=work.database_now()
    )
    AccessRecord.objects.create(**record)


def _record(actor: Actor, kind: AccessKind, **fields: object) -> dict[str, Any]:
    """A row's values by column."""
    return {
        "actor": actor.name,
        "user_id": actor.user.pk if actor.user else None,
        "kind": kind,
        "address": actor.address,
        "request_id": actor.request_id,
        **fields,
    }

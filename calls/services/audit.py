"""The access audit: who heard or took which recording."""

from calls.models import AccessKind, AccessRecord, Call
from partners.models import User
from zipingest import work

_LISTEN_SECONDS = 600


def note_access(*, user: User, call: Call, kind: AccessKind, address: str, request_id: str = "") -> None:
    """Record the access; a listen of the same person and call within the same ten minutes only once."""
    now = work.database_now()
    slot = int(now.timestamp()) // _LISTEN_SECONDS if kind == AccessKind.LISTEN else None
    record = AccessRecord(
        user=user, call=call, kind=kind, at=now, slot=slot, address=address, request_id=request_id
    )
    AccessRecord.objects.bulk_create([record], ignore_conflicts=True)

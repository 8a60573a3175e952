"""Deleting the audio of recordings whose window passed more than the grace ago.

A round marks some rows in one commit, deletes their objects outside any transaction, and clears their keys.
Who is killed on the way leaves rows that are marked and still name their objects: the next run begins with
them. The row and its facts stay.
"""

from datetime import UTC, datetime

import structlog
from django.db import transaction
from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Sum

from calls import keeping
from calls.models import Call, PurgeCount, Recording, RetentionChange
from calls.services import holds
from partners.models import SubTenant
from zipingest import work
from zipingest.storage import default_storage
from zipingest.work import WorkState

log = structlog.get_logger(__name__)

_AT_ONCE = 100
# Of one run; the next one goes on.
_MOST_A_RUN = 20_000


def purge_expired() -> int:
    """Give up what has expired, account by account, the oldest first; how many recordings it were.

    Raises zipingest.storage.StorageError; what is marked by then is deleted by the next run.
    """
    delete_marked()
    purged = 0
    for pk in _with_expired(work.database_now()):
        while purged < _MOST_A_RUN and (marked := _mark(pk)):
            purged += marked
            delete_marked()
    return purged


def _with_expired(now: datetime) -> list[int]:
    """Accounts whose oldest recording is past the window and the grace, held or not.

    In one statement for all, as most have nothing to give up; ``recording_kept`` tells each one's oldest.
    """
    stored = Recording.objects.filter(
        sub_tenant=OuterRef("pk"), state=WorkState.DONE, purged_at__isnull=True, kept_from__isnull=False
    )
    oldest = Subquery(stored.order_by("kept_from").values("kept_from")[:1])
    expired = []
    for account in SubTenant.objects.filter(retention_days__isnull=False).order_by().annotate(oldest=oldest):
        limit = keeping.expired_from(account, now - keeping.GRACE)
        if limit and account.oldest and account.oldest <= limit:
            expired.append(account.pk)
    return expired


def delete_marked() -> None:
    """Delete the objects of recordings that were given up; index ``recording_to_delete``."""
    marked = Recording.objects.filter(purged_at__isnull=False).exclude(key="").order_by("purged_at")
    while rows := list(marked.select_related("call").only("call__uuid")[:_AT_ONCE]):
        for row in rows:
            delete_audio(row.call)


def delete_audio(call: Call) -> None:
    """Delete all objects of a call whose recording was given up, then forget their keys."""
    default_storage().delete_all(f"recordings/{call.uuid}/")
    _forget_keys(call)


def _forget_keys(call: Call) -> None:
    Recording.objects.filter(call=call, purged_at__isnull=False).update(key="", original_key="")


def _mark(account: int) -> int:
    """Give up the account's oldest recordings that may go, a round of them; how many."""
    with transaction.atomic():
        # Locked, so that the window is not changed meanwhile; then the calls, against holds.
        sub_tenant = SubTenant.objects.select_for_update(no_key=True).get(pk=account)
        now = work.database_now()
        condemned = _condemned(sub_tenant, now)
        if condemned is None:
            return 0
        oldest = list(condemned.order_by("kept_from").values_list("call", flat=True)[:_AT_ONCE])
        locked = holds.lock(Call.objects.filter(pk__in=oldest), skip_locked=True)
        chosen = condemned.filter(call__in=locked)
        size = chosen.aggregate(size=Sum("bytes"))["size"] or 0
        marked = chosen.update(purged_at=now, peaks=None)
        if marked:
            _count(sub_tenant, now, marked, size)
    if marked:
        log.info("recordings_purged", sub_tenant=account, count=marked, bytes=size)
    return marked


def _condemned(sub_tenant: SubTenant, now: datetime) -> QuerySet[Recording] | None:
    """What of the account is to go by now, held calls aside; index ``recording_kept``."""
    limit = keeping.expired_from(sub_tenant, now - keeping.GRACE)
    if limit is None or _was_shortened(sub_tenant, now - keeping.GRACE):
        return None
    stored = Recording.objects.filter(state=WorkState.DONE, purged_at__isnull=True)
    return stored.filter(~keeping.held("call"), sub_tenant=sub_tenant, kept_from__lte=limit)


def _was_shortened(sub_tenant: SubTenant, since: datetime) -> bool:
    """Whether the window became shorter since then: what that condemned must be left time to be saved."""
    shorter = Q(old_days__isnull=True) | Q(old_days__gt=F("new_days"))
    changes = RetentionChange.objects.filter(shorter, sub_tenant=sub_tenant, changed_at__gt=since)
    return changes.filter(new_days__isnull=False).exists()


def _count(sub_tenant: SubTenant, now: datetime, recordings: int, size: int) -> None:
    day = now.astimezone(UTC).date()
    count, _ = PurgeCount.objects.get_or_create(sub_tenant=sub_tenant, day=day)
    PurgeCount.objects.filter(pk=count.pk).update(
        recordings=F("recordings") + recordings, bytes=F("bytes") + size
    )

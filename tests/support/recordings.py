"""Recordings as the fetch leaves them, without a fetch; and what the test of a window needs."""

import hashlib
import io
from datetime import datetime, timedelta

from django.utils import timezone

from calls.models import Call, LegalHold, Recording
from partners.models import SubTenant
from zipingest.storage import default_storage
from zipingest.work import WorkState

SECOND = timedelta(seconds=1)


def store(call: Call, data: bytes, *, at: datetime | None = None) -> str:
    """Keep ``data`` as the call's recording since ``at`` (now); the key it has in the store."""
    key, at = f"recordings/{call.uuid}/1-1.wav", at or timezone.now()
    default_storage().put(key, io.BytesIO(data), content_type="audio/wav")
    Recording.objects.filter(call=call).update(
        state=WorkState.DONE,
        key=key,
        bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        container="wav",
        codec="pcm_s16le",
        channels=1,
        stored_sample_rate=8000,
        duration_seconds=1.0,
        completed_at=at,
        kept_from=at,
    )
    return key


def keep_until(call: Call, ends: datetime, *, days: int = 30) -> None:
    """Let the retention window of the call end then."""
    SubTenant.objects.filter(pk=call.sub_tenant_id).update(retention_days=days)
    Recording.objects.filter(call=call).update(kept_from=ends - timedelta(days=days))


def expire(call: Call) -> None:
    """Let the window have ended a second ago."""
    keep_until(call, timezone.now() - SECOND)


def hold(call: Call) -> LegalHold:
    return LegalHold.objects.create(
        call=call, reason="claim 4711", placed_by="counsel", placed_at=timezone.now()
    )


def purge(call: Call) -> None:
    Recording.objects.filter(call=call).update(purged_at=timezone.now())

"""Stored calls of any age, as retention finds them."""

import io
from datetime import timedelta
from typing import Any

from django.utils import timezone

from calls.models import Call, Recording
from partners.models import SubTenant
from tests.support import factories
from tests.support.factories import Provisioned
from zipingest.storage import default_storage
from zipingest.work import WorkState

DAYS = 30
# Past the window and the grace.
LONG_GONE = DAYS + 8


def account(days: int | None = DAYS, name: str = "subtenant1") -> Provisioned:
    """A partner with a sub-tenant that keeps recordings for so long."""
    made = factories.provisioned(sub_tenant=name)
    SubTenant.objects.filter(pk=made.sub_tenant.pk).update(retention_days=days)
    made.sub_tenant.refresh_from_db()
    return made


def stored(
    made: Provisioned, id: str = "call-1", *, days_old: float = 0, item: dict[str, Any] | None = None
) -> Call:
    """A call whose recording was stored so long ago, with its object and its original."""
    factories.ingest(made, factories.item(id, **(item or {})))
    call = factories.call(made, id)
    key, original = f"recordings/{call.uuid}/1-1.wav", f"recordings/{call.uuid}/1-1.original"
    for each in (key, original):
        default_storage().put(each, io.BytesIO(b"audio"), content_type="audio/wav")
    then = timezone.now() - timedelta(days=days_old)
    Recording.objects.filter(call=call).update(
        sub_tenant=made.sub_tenant,
        state=WorkState.DONE,
        completed_at=then,
        kept_from=then,
        key=key,
        original_key=original,
        bytes=5,
        sha256="5" * 64,
        container="wav",
        codec="pcm_s16le",
        channels=1,
        stored_sample_rate=8000,
        duration_seconds=1.0,
        peaks=b"peaks",
    )
    return factories.call(made, id)


def objects_of(call: Call) -> list[str]:
    return [one.key for one in default_storage().list(f"recordings/{call.uuid}/")]


def recording_of(call: Call) -> Recording:
    return Recording.objects.get(call=call)

"""Live calls as the console and the timeline find them: without a partner, a customer or a recording."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from calls.models import Call, Pause, Source
from partners.models import SubTenant
from tests.support.factories import account

STARTED = datetime(2026, 6, 1, 9, 30, tzinfo=UTC)


def live(sub_tenant: SubTenant | None = None, **fields: Any) -> Call:
    """A call in progress; with ``ended_at`` one that has ended."""
    given = {
        "uuid": uuid.uuid4(),
        "customer_phone": "+4930777",
        "started_at": STARTED,
        "received_at": STARTED,
        "provider": "simulator",
        **fields,
    }
    return Call.objects.create(sub_tenant=sub_tenant or account(), source=Source.LIVE, **given)


def paused(call: Call, *, after: float = 10, seconds: float | None = 5, **fields: Any) -> Pause:
    """A pause by "ada" that began so many seconds into the call; without ``seconds`` never resumed."""
    begin = call.started_at + timedelta(seconds=after)
    given: dict[str, Any] = {"paused_at": begin, "paused_by": "ada"}
    if seconds is not None:
        given |= {"resumed_at": begin + timedelta(seconds=seconds), "resumed_by": "grace"}
    return Pause.objects.create(call=call, **{**given, **fields})

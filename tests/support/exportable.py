"""Calls with stored recordings, many at once and without a fetch, made inside the product's environment."""

import hashlib
import io
import os
import uuid
import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import islice

from django.db import transaction

from calls.models import Agent, Call, Recording, Source
from partners.models import SubTenant
from tests.support.factories import account
from zipingest.storage import default_storage
from zipingest.work import WorkState

STARTED = datetime(2026, 6, 1, tzinfo=UTC)

_SPAN = timedelta(days=28)
_ROWS_AT_ONCE = 5000
_AGENTS = 50
_WRITERS = 4


def fill(count: int, size: int, *, objects: int | None = None) -> int:
    """``count`` calls of the usual account with recordings of about ``size`` bytes; all bytes together.

    Where ``objects`` is given, so many are stored and shared by the calls.
    """
    stored = _store(objects or count, size)
    sub_tenant = account()
    agents = [
        Agent.objects.create(
            sub_tenant=sub_tenant, external_id=f"{n}", extension=f"{100 + n}", name=f"Agent {n}"
        )
        for n in range(_AGENTS)
    ]
    calls = (_call(sub_tenant, agents[n % _AGENTS], n, _SPAN * n / count) for n in range(count))
    total = 0
    with transaction.atomic():
        while some := list(islice(calls, _ROWS_AT_ONCE)):
            made = Call.objects.bulk_create(some)
            recordings = [_recording(call, stored[(total + n) % len(stored)]) for n, call in enumerate(made)]
            Recording.objects.bulk_create(recordings)
            total += len(made)
    return sum(stored[n % len(stored)]["bytes"] for n in range(count))


def _store(count: int, size: int) -> list[dict[str, object]]:
    block = os.urandom(2 * size)
    with ThreadPoolExecutor(_WRITERS) as pool:
        return list(pool.map(lambda number: _put(block, number, size), range(count)))


def _put(block: bytes, number: int, size: int) -> dict[str, object]:
    """Half to one and a half of ``size``, as lengths of calls differ; even, as of 16-bit samples."""
    data = number.to_bytes(8) + block[: (size // 2 + number * 7919 * size // 10_007 % size) // 2 * 2]
    storage, key = default_storage(), f"recordings/{number % 256:02x}/{number}.wav"
    if path := storage.local_path(key):
        # Without the sync of each that the writer makes: this is not what is measured.
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    else:
        storage.put(key, io.BytesIO(data), content_type="audio/wav")
    sha256 = hashlib.sha256(data).hexdigest()
    return {"key": key, "bytes": len(data), "crc32": zlib.crc32(data), "sha256": sha256}


def _call(sub_tenant: SubTenant, agent: Agent, number: int, after: timedelta) -> Call:
    return Call(
        uuid=uuid.uuid4(),
        source=Source.LIVE,
        sub_tenant=sub_tenant,
        agent=agent,
        started_at=STARTED + after,
        customer_phone=f"+1202{number:07}",
        disposition="SALE-OK",
        received_at=STARTED,
    )


def _recording(call: Call, stored: dict[str, object]) -> Recording:
    return Recording(
        call=call,
        sub_tenant_id=call.sub_tenant_id,
        state=WorkState.DONE,
        lane=f"sub_tenant:{call.sub_tenant_id}",
        duration_seconds=1.5,
        **dict.fromkeys(("begun_at", "due_at", "completed_at", "kept_from"), STARTED),
        **stored,
    )

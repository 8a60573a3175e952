"""Calls whose recordings are to be fetched from a server of the test, and what became of them."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from calls.models import Call, Recording
from calls.services import fetch, recordings
from partners.models import Delivery
from tests.support import factories
from zipingest import work
from zipingest.storage import default_storage

CALLBACK_URL = "http://127.0.0.1:9/callback"


def take_in(url: str, *, callback_url: str = CALLBACK_URL, partner: Any = None, request_id: str = "") -> Call:
    """A call just ingested, its recording due at ``url``."""
    partner, external_id = partner or factories.provisioned(), uuid.uuid4().hex
    item = factories.item(external_id, call={"recording_url": url}, callback_url=callback_url)
    factories.ingest(partner, item, request_id=request_id)
    return factories.call(partner, external_id)


def fetched(url: str, **options: Any) -> Recording:
    """The recording of a new call after one attempt to fetch it."""
    return attempt(take_in(url, **options))


def attempt(call: Call) -> Recording:
    """The recording after one more attempt, whenever that was due."""
    recordings.hasten(call=call)
    assert work.run_one(Recording)
    return Recording.objects.get(call=call)


def stored_keys(call: Call) -> list[str]:
    return sorted(stored.key for stored in default_storage().list(f"recordings/{call.uuid}/"))


def stored_bytes(key: str) -> bytes:
    with default_storage().open_range(key) as stream:
        return stream.read()


def callbacks_owed(call: Call) -> list[dict[str, Any]]:
    """The bodies of the callbacks about a call, oldest first."""
    return [json.loads(owed.body) for owed in Delivery.objects.filter(subject=call.uuid).order_by("pk")]


def seconds_until_next(row: Any) -> float:
    return (row.next_attempt_at - work.database_now()).total_seconds()


@contextmanager
def engine_with(settings: Any, **limits: int) -> Iterator[None]:
    """The service's audio helpers started anew with other limits, and ended afterwards."""
    for name, value in limits.items():
        setattr(settings, name, value)
    fetch._built_engine.cache_clear()
    try:
        yield
    finally:
        fetch._engine().close()
        fetch._built_engine.cache_clear()

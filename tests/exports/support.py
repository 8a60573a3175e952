"""Calls with recordings of known bytes in the real store, and what their exports come to."""

import csv
import hashlib
import io
import uuid
import zipfile
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from calls.filters import RecordingFilter
from calls.models import (
    Agent,
    Call,
    Customer,
    CustomField,
    CustomValue,
    Recording,
    Signal,
    SignalName,
    Source,
)
from calls.services import audit
from exports.models import ExportJob
from exports.services import orders
from partners.models import SubTenant
from tests.support.factories import account
from zipingest import work
from zipingest.storage import default_storage
from zipingest.work import WorkState

STARTED = datetime(2026, 6, 1, 9, 30, tzinfo=UTC)
ACTOR = audit.Actor(name="maria", address="192.0.2.7", request_id="request-1")


def agent(sub_tenant: SubTenant, extension: str = "101", name: str = "Ada") -> Agent:
    made, _ = Agent.objects.get_or_create(
        sub_tenant=sub_tenant, external_id=extension, defaults={"extension": extension, "name": name}
    )
    return made


def stored(sub_tenant: SubTenant | None = None, number: int = 0, data: bytes = b"", **fields: Any) -> Call:
    """A call whose recording holds ``data`` (some of its own without); later numbers started later."""
    sub_tenant = sub_tenant or account()
    data = data or f"RIFF recording {number}".encode()
    made = matched(sub_tenant, number, **fields)
    key = f"recordings/{made.uuid}/1-1.wav"
    default_storage().put(key, io.BytesIO(data), content_type="audio/wav")
    now = work.database_now()
    Recording.objects.filter(call=made).update(
        state=WorkState.DONE,
        key=key,
        bytes=len(data),
        crc32=zlib.crc32(data),
        sha256=hashlib.sha256(data).hexdigest(),
        duration_seconds=1.5,
        completed_at=now,
        kept_from=now,
    )
    return made


def matched(sub_tenant: SubTenant, number: int = 0, **fields: Any) -> Call:
    """A call whose recording is not stored yet."""
    customer, _ = Customer.objects.get_or_create(sub_tenant=sub_tenant, external_id=f"customer-{number}")
    given = {
        "uuid": uuid.uuid4(),
        "source": Source.LIVE,
        "started_at": STARTED + timedelta(minutes=number),
        "customer_phone": f"+1202555{number:04}",
        "agent": agent(sub_tenant),
        "customer": customer,
        "disposition": "SALE-OK",
        "received_at": STARTED,
        **fields,
    }
    made = Call.objects.create(sub_tenant=sub_tenant, **given)
    lane = f"sub_tenant:{sub_tenant.pk}"
    Recording.objects.create(
        call=made, sub_tenant=sub_tenant, begun_at=STARTED, due_at=STARTED + timedelta(days=3650), lane=lane
    )
    return made


def signalled(call: Call, name: str, value: bool = True, **fields: Any) -> Signal:
    """What is said of the call by that signal of its account, as it stands now."""
    known, _ = SignalName.objects.get_or_create(sub_tenant=call.sub_tenant, name=name)
    given = {"occurred_at": STARTED, "created_at": call.received_at, **fields}
    return Signal.objects.create(call=call, name=known, value=value, **given)


def told(call: Call, name: str, value: str, label: str = "") -> CustomValue:
    """What that field of custom data holds for the call."""
    known, _ = CustomField.objects.get_or_create(
        sub_tenant=call.sub_tenant, name=name, defaults={"label": label}
    )
    return CustomValue.objects.create(call=call, field=known, value=value, changed_at=STARTED)


def june(sub_tenant: SubTenant | None = None, **fields: Any) -> RecordingFilter:
    month = {"date_from": STARTED - timedelta(hours=1), "date_to": STARTED + timedelta(days=29)}
    return RecordingFilter(**{"sub_tenant": sub_tenant or account(), **month, **fields})


def ordered(wanted: RecordingFilter | None = None) -> ExportJob:
    return orders.order(actor=ACTOR, wanted=wanted or june(), criteria={})


def packed(job: ExportJob) -> ExportJob:
    """The job after one worker has had its turn."""
    assert work.run_one(ExportJob)
    job.refresh_from_db()
    return job


def opened(job: ExportJob) -> zipfile.ZipFile:
    with default_storage().open_range(job.zip_key) as stream:
        return zipfile.ZipFile(io.BytesIO(stream.read()))


def manifest(archive: zipfile.ZipFile) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(archive.read("manifest.csv").decode("utf-8-sig"))))


def exported_objects() -> Iterator[str]:
    return (stored.key for stored in default_storage().list("exports/"))

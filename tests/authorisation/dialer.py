"""The table of the dialer surface: every route of /api/call by the state of the key that is shown.

To add a route: a row under the route as the URLconf spells it. ``answers``: the status for a key of the
account, and for one of another account.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from calls.dialer.models import Batch
from calls.models import Call, Source
from partners.provisioning import Provisioned
from tests.support import dialling, factories, recordings

PREFIX = "api/call/"


@dataclass
class DialerWorld:
    """An account with a batch and a dialled call with its recording; another account with neither."""

    own: Provisioned
    other: Provisioned
    batch: Batch
    call: Call

    @property
    def number(self) -> str:
        return self.batch.numbers.get().public_id


@dataclass(frozen=True)
class DialerRow:
    """``scope``: what the key must allow. ``body``: as JSON, or a function of the world that gives bytes."""

    method: str
    scope: str
    address: Callable[[DialerWorld], str]
    answers: tuple[int, int]
    body: Callable[[DialerWorld], Any] = field(default=lambda _: None)
    content_type: str = "application/json"
    changes: bool = False


_BOUNDARY = "boundary"


def _form(world: DialerWorld) -> bytes:
    fields = {"batchName": "Uploaded", "callingNumbers": world.number}
    parts = [f'form-data; name="{name}"\r\n\r\n{value}' for name, value in fields.items()]
    parts.append('form-data; name="file"; filename="a.csv"\r\n\r\nphone\n12125551009\n')
    lines = "".join(f"--{_BOUNDARY}\r\nContent-Disposition: {part}\r\n" for part in parts)
    return f"{lines}--{_BOUNDARY}--\r\n".encode()


def _post(
    path: str, body: Callable[[DialerWorld], Any], answers: tuple[int, int], **options: Any
) -> DialerRow:
    return DialerRow(
        "POST", "ingest", lambda _: f"/{PREFIX}{path}", answers, body=body, changes=True, **options
    )


def _get(path: Callable[[DialerWorld], str], answers: tuple[int, int], scope: str = "read") -> DialerRow:
    return DialerRow("GET", scope, lambda world: f"/{PREFIX}{path(world)}", answers)


def _of_batch(world: DialerWorld) -> dict[str, str]:
    return {"batchId": world.batch.public_id}


DIALER: dict[str, DialerRow] = {
    f"{PREFIX}createBatch": _post(
        "createBatch", lambda world: {"batchName": "B", "callingNumbers": [world.number]}, (201, 400)
    ),
    f"{PREFIX}addCallsToBatch": _post(
        "addCallsToBatch",
        lambda world: {**_of_batch(world), "call_data": [{"phoneNumber": "12125551009"}]},
        (200, 403),
    ),
    f"{PREFIX}start-calling": _post("start-calling", _of_batch, (200, 403)),
    f"{PREFIX}stop-calling": _post("stop-calling", _of_batch, (200, 403)),
    f"{PREFIX}upload": _post(
        "upload", _form, (201, 400), content_type=f"multipart/form-data; boundary={_BOUNDARY}"
    ),
    f"{PREFIX}batches": _get(lambda _: "batches", (200, 200)),
    f"{PREFIX}batches/<str:user_id>": _get(lambda _: "batches/64e5f12345abcdef00000001", (200, 200)),
    f"{PREFIX}batch-details/<str:batch_id>": _get(
        lambda world: f"batch-details/{world.batch.public_id}", (200, 403)
    ),
    f"{PREFIX}delete-batch/<str:batch_id>": DialerRow(
        "DELETE",
        "ingest",
        lambda world: f"/{PREFIX}delete-batch/{world.batch.public_id}",
        (200, 403),
        changes=True,
    ),
    f"{PREFIX}export/csv": _get(lambda world: f"export/csv?batchId={world.batch.public_id}", (200, 403)),
    f"{PREFIX}recording/<uuid_hex:uuid>": _get(
        lambda world: f"recording/{world.call.uuid.hex}", (200, 404), scope="recordings"
    ),
}

# The state of the key, and whether it is let in.
DIALER_KEYS: dict[str, bool] = {
    "none": False,
    "without its secret": False,
    "wrong": False,
    "revoked": False,
    "expired": False,
    "of an inactive partner": False,
    "bound to nothing": False,
    "without its grant": False,
    "a member's token": False,
    "without the scope": False,
    "in the header": True,
    "as a bearer token": True,
}


def dialer_world() -> DialerWorld:
    own = factories.provisioned("Own", rate_limit=10_000)
    other = factories.provisioned("Other", sub_tenant="elsewhere", rate_limit=10_000)
    batch = dialling.batch(own)
    dialling.contact(batch, variables={"name": "secret"})
    factories.ingest(own)
    call = factories.call(own)
    Call.objects.filter(pk=call.pk).update(source=Source.DIALER)
    recordings.store(call, b"RIFF")
    return DialerWorld(own, other, batch, call)


def body_of(row: DialerRow, world: DialerWorld) -> bytes:
    body = row.body(world)
    return body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""

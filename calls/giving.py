"""Giving a recording out, whichever door asks: may it still be given, its bytes, an audit of who got them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

import structlog
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from calls import keeping
from calls.models import AccessKind, Call, Recording
from calls.services import audit
from partners.models import SubTenant, User
from zipingest.api.addresses import client_address
from zipingest.api.middleware import request_id
from zipingest.prepared import Prepared
from zipingest.ranges import ranged_response
from zipingest.storage import ObjectMissing, StorageError, default_storage

log = structlog.get_logger(__name__)

# What a browser may keep of what it played (telesales spec).
_MAX_AGE_SECONDS = 3600
# A player asks for many ranges: every column that is not read saves a part of each request.
_NEEDED = (
    "uuid",
    "external_id",
    "started_at",
    "sub_tenant__retention_days",
    "agent__user",
    "recording__state",
    "recording__key",
    "recording__bytes",
    "recording__sha256",
    "recording__completed_at",
    "recording__kept_from",
    "recording__purged_at",
)


def actor_of(request: HttpRequest, name: str, user: User | None = None) -> audit.Actor:
    """Who asks, as the access audit will name them; ``user`` where it is a person of ours."""
    return audit.Actor(name, client_address(request), user, request_id(request))


class NoRecording(Exception):
    """The call has no recording, none yet, or the store has lost it."""


class Expired(Exception):
    """The recording is past the account's retention window since ``at``, or was erased then."""

    def __init__(self, at: datetime) -> None:
        super().__init__(at)
        self.at = at


@dataclass(frozen=True, slots=True)
class Kept:
    """A call and how its recording stands at ``now``, by the database's clock. ``held``: by a legal hold."""

    call: Call
    held: bool
    now: datetime

    @classmethod
    def of(cls, call: Call) -> Self:
        """``call`` is one of :func:`with_standing`."""
        standing = vars(call)
        return cls(call, standing["held"], standing["now"])

    @property
    def recording(self) -> Recording | None:
        return getattr(self.call, "recording", None)

    @property
    def expires_at(self) -> datetime | None:
        """When the window ends or ended, hold or not; None where it never does."""
        return keeping.expiry(self.recording, self.call.sub_tenant) if self.recording else None

    @property
    def expired_at(self) -> datetime | None:
        """Since when it is not given out any more; None where that has not come."""
        ended = self.expires_at if self.expires_at and self.expires_at <= self.now else None
        if self.recording and self.recording.purged_at:
            return ended or self.recording.purged_at
        return None if self.held else ended

    @property
    def max_age(self) -> int:
        """For how many seconds a browser may keep it: never beyond the window."""
        if self.expires_at is None:
            return _MAX_AGE_SECONDS
        left = int((self.expires_at - self.now).total_seconds())
        return max(0, min(_MAX_AGE_SECONDS, left))

    def check(self) -> Recording:
        """The recording, which may be given out. Raises NoRecording or Expired."""
        if self.expired_at:
            raise Expired(self.expired_at)
        if self.recording is None or not self.recording.is_stored:
            raise NoRecording
        return self.recording


def with_standing(calls: QuerySet[Call]) -> QuerySet[Call]:
    """``calls`` with what :class:`Kept` asks of them, in the same query."""
    return (
        calls.select_related("recording", "sub_tenant", "agent")
        .defer("metadata", "custom_fields", "extras", "fingerprint", "recording__peaks")
        .annotate(held=keeping.held(), now=Now())
    )


_IN_ACCOUNT = Prepared(with_standing(Call.objects.all()).only(*_NEEDED), "sub_tenant", "uuid")


def find(calls: QuerySet[Call]) -> Kept | None:
    """The only one of ``calls``, if there is one; with what giving it out takes, and nothing else."""
    found = with_standing(calls).only(*_NEEDED).order_by()[:1]
    return next((Kept.of(call) for call in found), None)


def find_in_account(sub_tenant: SubTenant, uuid: UUID) -> Kept | None:
    """The account's call of that uuid, if there is one, as :func:`find` has it."""
    call = _IN_ACCOUNT.get(sub_tenant=sub_tenant.pk, uuid=uuid)
    return Kept.of(call) if call else None


def give(
    request: HttpRequest, kept: Kept, *, actor: audit.Actor, kind: AccessKind, headers: Mapping[str, str]
) -> HttpResponseBase:
    """The answer to a GET or HEAD of the recording; noted in the access audit where audio leaves the house.

    Raises NoRecording, Expired, and zipingest.storage.StorageError.
    """
    recording = kept.check()
    try:
        response = _response(request, recording, headers)
    except StorageError as error:
        log.error("recording_unreadable", call=str(kept.call.uuid), reason=error.reason)
        if isinstance(error, ObjectMissing):
            raise NoRecording from error
        raise
    if request.method == "GET" and response.status_code in (200, 206):
        audit.note_access(actor=actor, call=kept.call, kind=kind, at=kept.now)
    return response


def _response(request: HttpRequest, recording: Recording, headers: Mapping[str, str]) -> HttpResponseBase:
    assert recording.completed_at is not None, "what is stored was completed"
    return ranged_response(
        request,
        storage=default_storage(),
        key=recording.key,
        size=recording.bytes or 0,
        etag=recording.sha256,
        last_modified=recording.completed_at,
        content_type="audio/wav",
        headers=headers,
    )

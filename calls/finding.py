"""Which call of an account somebody means who was not told its id, or who only knows about when it was."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from calls.models import Call, Direction, ErasedCall
from partners.models import SubTenant

# How far the time that is told of a call may be from the one at which it began.
NEAR = timedelta(minutes=10)
_FIRST, _LAST = (moment.replace(tzinfo=UTC) for moment in (datetime.min, datetime.max))


@dataclass(frozen=True, slots=True)
class Wanted:
    """A call by its ``cuid`` (dashes are optional), or else by when it began.

    The calling ``phone`` and the network's id of its ``campaign`` narrow that down; among calls that began
    equally near, the one whose length is closest to ``duration`` (seconds) is meant.
    """

    cuid: str = ""
    started_at: datetime | None = None
    phone: str = ""
    campaign: str = ""
    duration: float | None = None


def open_calls(sub_tenant: SubTenant) -> QuerySet[Call]:
    """The account's calls of which more may be said: all whose customer was not erased."""
    erased = ErasedCall.objects.filter(call=OuterRef("pk"))
    return Call.objects.filter(~Exists(erased), sub_tenant=sub_tenant).order_by()


def find(calls: QuerySet[Call], wanted: Wanted) -> int | None:
    """The primary key of the one of ``calls`` that is meant, in one statement by its id and else in three."""
    if wanted.cuid or wanted.started_at is None:
        return _by_id(calls, wanted.cuid)
    return _closest(calls.filter(_narrowed(wanted)), wanted.started_at, wanted.duration)


def around(moment: datetime) -> tuple[datetime, datetime]:
    """Between which times a call may have begun that is said to have begun at ``moment``."""
    return (
        max(moment, _FIRST + NEAR) - NEAR,
        min(moment, _LAST - NEAR) + NEAR,
    )


def _by_id(calls: QuerySet[Call], cuid: str) -> int | None:
    try:
        return calls.filter(uuid=uuid.UUID(cuid)).values_list("pk", flat=True).first()
    except ValueError:
        return None


def _narrowed(wanted: Wanted) -> Q:
    outbound = Q(direction=Direction.OUTBOUND)
    calling = outbound & Q(our_phone=wanted.phone) | ~outbound & Q(customer_phone=wanted.phone)
    campaign = Q(campaign__external_id=wanted.campaign)
    return (calling if wanted.phone else Q()) & (campaign if wanted.campaign else Q())


def _closest(calls: QuerySet[Call], moment: datetime, duration: float | None) -> int | None:
    """Two steps along the index, to the last call before and the first one after; then the calls there."""
    earliest, latest = around(moment)
    before = calls.filter(started_at__range=(earliest, moment)).order_by("-started_at")
    after = calls.filter(started_at__range=(moment, latest)).order_by("started_at")
    times = [rows.values_list("started_at", flat=True).first() for rows in (before, after)]
    nearest = _nearest((time for time in times if time is not None), moment)
    if not nearest:
        return None
    candidates = calls.filter(started_at__in=nearest).select_related("recording")
    return min(candidates, key=lambda call: (_differs(call, duration), call.pk)).pk


def _nearest(times: Iterable[datetime], moment: datetime) -> list[datetime]:
    """Those of ``times`` that are nearest to ``moment``; more than one where they are equally near."""
    apart = {time: abs(time - moment) for time in times}
    return [time for time, distance in apart.items() if distance == min(apart.values())]


def _differs(call: Call, duration: float | None) -> float:
    """By how many seconds the call was shorter or longer; infinitely many where that is not known."""
    length = _length(call)
    return float("inf") if duration is None or length is None else abs(length - duration)


def _length(call: Call) -> float | None:
    if call.ended_at is not None:
        return (call.ended_at - call.started_at).total_seconds()
    recording = getattr(call, "recording", None)
    return recording.duration_seconds if recording is not None else None

"""Gives the recording of a call to the holder of a key."""

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from rest_framework.request import Request

from calls import giving
from calls.models import AccessKind, Call
from zipingest.api.errors import ApiError
from zipingest.storage import StorageError


def answer(request: Request, calls: QuerySet[Call], *, listener: str) -> HttpResponseBase:
    """The recording of the one call in ``calls`` for the holder of a key, or the part asked for.

    Raises ApiError: 404 where there is no such call or recording, 410 past its retention, 503 where it cannot
    be read.
    """
    kept = giving.find(calls)
    if kept is None:
        raise ApiError(404)
    headers = {"Cache-Control": f"private, max-age={kept.max_age}"}
    actor = giving.actor_of(request._request, listener)
    try:
        return giving.give(request._request, kept, actor=actor, kind=AccessKind.LISTEN, headers=headers)
    except giving.NoRecording as error:
        raise ApiError(404, "Recording not found") from error
    except giving.Expired as error:
        raise ApiError(410, "Recording has exceeded the retention window") from error
    except StorageError as error:
        raise ApiError(503, "The recording cannot be read at present") from error

"""What every door to a recording answers, for machines: whole, ranges and conditions (RFC 9110 §13, §14).

And the facts of one that is stored, and how it is given to the holder of a key.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from pydantic import BaseModel
from rest_framework.request import Request

from calls import giving
from calls.models import AccessKind, Call
from partners.api.openapi import header
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


class RecordingFacts(BaseModel):
    """What came (format, codec, channels, sample rate); size and hash are those of the WAV that is kept."""

    duration_seconds: float | None
    format: str
    codec: str
    channels: int | None
    sample_rate: int | None
    bytes: int | None
    sha256: str


def _request_header(name: str, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.STR, OpenApiParameter.HEADER, description=description)


GIVEN = (200, 206)
ANSWERS: Mapping[Any, Any] = {
    (200, "audio/wav"): OpenApiResponse(OpenApiTypes.BINARY, "The whole recording."),
    (206, "audio/wav"): OpenApiResponse(OpenApiTypes.BINARY, "The range that was asked for."),
    304: OpenApiResponse(None, "What the client has is still right."),
    412: OpenApiResponse(None, "If-Match or If-Unmodified-Since does not hold."),
    416: OpenApiResponse(None, "No byte of the recording is in the range."),
}
PARAMETERS: Iterable[OpenApiParameter] = (
    _request_header("Range", "One range of bytes (RFC 9110 section 14); several are answered whole."),
    _request_header("If-Range", "The ETag or Last-Modified that the range is a part of."),
    _request_header("If-None-Match", "ETags that need not be sent again."),
    header("Accept-Ranges", "Always bytes.", [*GIVEN, 416]),
    header("Content-Range", "The range that this is.", [206, 416]),
    header("ETag", "The recording's SHA-256.", [*GIVEN, 304, 416]),
    header("Last-Modified", "When it was stored.", [*GIVEN, 304, 416]),
)

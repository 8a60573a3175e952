"""What every door to a recording answers, for machines: whole, ranges and conditions (RFC 9110 §13, §14).

And the facts of one that is stored.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from pydantic import BaseModel

from partners.api.openapi import header


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

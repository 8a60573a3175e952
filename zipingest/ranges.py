"""Byte ranges and conditional requests for stored objects (RFC 9110 §13 and §14)."""

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import http_date, parse_http_date_safe, quote_etag

from zipingest.storage import ByteStream, ObjectMissing, Storage, StorageError
from zipingest.storage.base import CHUNK_BYTES

_RANGE_SPEC = re.compile(r"([0-9]*)-([0-9]*)")
_PLAIN_RANGE = re.compile(r"bytes=[0-9]{0,18}-[0-9]{0,18}")


class RangeNotSatisfiable(Exception):
    """No byte of the object is in the range that was asked for (RFC 9110 §15.5.17)."""


@dataclass(frozen=True)
class Range:
    """Bytes from ``start`` up to, not including, ``stop``; never empty."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        return self.stop - self.start

    def content_range(self, size: int) -> str:
        return f"bytes {self.start}-{self.stop - 1}/{size}"


def parse_range(header: str | None, size: int) -> Range | None:
    """The range that a Range header asks of an object of ``size`` bytes (RFC 9110 §14.1.2, §14.2).

    None means: answer whole. That is right without the header, and allowed for other units, for what is
    malformed, and for several ranges. Raises RangeNotSatisfiable.
    """
    spec = _single_spec(header or "")
    match = _RANGE_SPEC.fullmatch(spec)
    if match is None or spec == "-":
        return None
    first, last = match.groups()
    return _int_range(first, last, size) if first else _suffix_range(last, size)


def ranged_response(
    request: HttpRequest,
    *,
    storage: Storage,
    key: str,
    size: int,
    etag: str,
    last_modified: datetime,
    content_type: str,
    headers: Mapping[str, str] | None = None,
) -> HttpResponseBase:
    """The answer to a GET or HEAD of a stored object: 200, 206, 304, 412 or 416.

    ``size`` is in bytes, ``etag`` is strong and may come unquoted, ``last_modified`` is aware. Only a GET
    touches the store, and moves only the range: a local file's by the server's sendfile, or with the setting
    X_ACCEL_PREFIX by the nginx in front (``X-Accel-Redirect``). Raises ObjectMissing or StorageError before
    anything is answered.
    """
    etag, modified = quote_etag(etag), int(last_modified.timestamp())
    facts = {
        **(headers or {}),
        "Content-Type": content_type,
        "Accept-Ranges": "bytes",
        "ETag": etag,
        "Last-Modified": http_date(modified),
    }
    whole = HttpResponse(headers={**facts, "Content-Length": str(size)})
    answer = get_conditional_response(request, etag, modified, whole) or whole
    if answer is not whole or request.method == "HEAD":
        # Range is defined for GET alone (RFC 9110 §14.2).
        return answer
    try:
        wanted = _wanted_range(request, size, etag, modified)
    except RangeNotSatisfiable:
        return _not_satisfiable(facts, size)
    if settings.X_ACCEL_PREFIX and storage.local_path(key) and _nginx_agrees(request, wanted):
        return _handed_over(storage, key, size, facts)
    return _stream(storage, key, size, wanted, facts)


def _single_spec(header: str) -> str:
    """The only range-spec of the header, else nothing; empty list elements are legal (RFC 9110 §5.6.1.2)."""
    unit, _, range_set = header.strip().partition("=")
    specs = [spec for part in range_set.split(",") if (spec := part.strip(" \t"))]
    return specs[0] if unit.lower() == "bytes" and len(specs) == 1 else ""


def _int_range(first: str, last: str, size: int) -> Range | None:
    start, end = _number(first), _number(last) if last else sys.maxsize
    if end < start:
        return None
    if start >= size:
        raise RangeNotSatisfiable
    return Range(start, min(end + 1, size))


def _suffix_range(suffix: str, size: int) -> Range | None:
    length = _number(suffix)
    if length == 0:
        raise RangeNotSatisfiable
    # All of an empty object satisfies a suffix, but Content-Range cannot say so.
    return Range(max(0, size - length), size) if size else None


def _number(digits: str) -> int:
    """Any number of digits: beyond what an object can have, one number is like another."""
    digits = digits.lstrip("0") or "0"
    return int(digits) if len(digits) < len(str(sys.maxsize)) else sys.maxsize


def _wanted_range(request: HttpRequest, size: int, etag: str, modified: int) -> Range | None:
    if not _if_range_passes(request.headers.get("If-Range"), etag, modified):
        return None
    return parse_range(request.headers.get("Range"), size)


def _if_range_passes(validator: str | None, etag: str, modified: int) -> bool:
    """RFC 9110 §13.1.5: a strong match of the entity tag, or exactly the date."""
    if validator is None:
        return True
    if validator.startswith(('"', "W/")):
        return validator == etag and not etag.startswith("W/")
    return parse_http_date_safe(validator) == modified


def _not_satisfiable(facts: Mapping[str, str], size: int) -> HttpResponse:
    response = HttpResponse(status=416, headers={**facts, "Content-Range": f"bytes */{size}"})
    response["Content-Length"] = "0"
    return response


def _nginx_agrees(request: HttpRequest, wanted: Range | None) -> bool:
    """Whether nginx, which looks at the request again, comes to the answer that we found.

    It knows no entity tag yet when it looks at If-Match, and answers 416 to a Range of any rarer form.
    """
    if "If-Match" in request.headers:
        return False
    header = request.headers.get("Range")
    return header is None or (wanted is not None and _PLAIN_RANGE.fullmatch(header) is not None)


def _handed_over(storage: Storage, key: str, size: int, facts: Mapping[str, str]) -> HttpResponse:
    """nginx sends the file: whole, or the range that it was asked for as we were."""
    found = storage.stat(key)
    if found is None:
        raise _missing(key)
    if found.bytes < size:
        raise _shorter(key, size)
    location = f"/{settings.X_ACCEL_PREFIX.strip('/')}/{quote(key)}"
    return HttpResponse(headers={**facts, "X-Accel-Redirect": location})


def _stream(
    storage: Storage, key: str, size: int, wanted: Range | None, facts: Mapping[str, str]
) -> StreamingHttpResponse:
    start, stop = (wanted.start, wanted.stop) if wanted else (0, size)
    stream = _open_range(storage, key, start, stop)
    if stream.remaining != stop - start:
        # A Content-Length that the body cannot keep would leave the client waiting for the rest.
        stream.close()
        raise _shorter(key, size)
    headers = {**facts, "Content-Length": str(stop - start)}
    if wanted:
        headers["Content-Range"] = wanted.content_range(size)
    return _StreamedRange(stream, status=206 if wanted else 200, headers=headers)


def _open_range(storage: Storage, key: str, start: int, stop: int) -> ByteStream:
    path = storage.local_path(key)
    if path is None:
        return storage.open_range(key, start, stop)
    try:
        return _FileRange(path, start, stop)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise _missing(key) from error
    except OSError as error:
        raise StorageError(f"the storage folder cannot be used: {error.strerror or error}") from error


class _FileRange(ByteStream):
    """A range of a file, as far as the file goes. A server may send it by the descriptor, without reading."""

    def __init__(self, path: Path, start: int, stop: int) -> None:
        # Unbuffered: the descriptor has to stand where the range begins.
        file = path.open("rb", buffering=0)
        size = os.fstat(file.fileno()).st_size
        file.seek(min(start, size))
        super().__init__(file, max(0, min(stop, size) - start))
        self.fileno = file.fileno


class _StreamedRange(StreamingHttpResponse):
    """Has what makes Django hand a file to the server's ``wsgi.file_wrapper`` (PEP 3333), for sendfile."""

    block_size = CHUNK_BYTES

    def __init__(self, stream: ByteStream, *, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(stream, status=status, headers=dict(headers))
        self.file_to_stream = stream if isinstance(stream, _FileRange) else None


def _missing(key: str) -> ObjectMissing:
    return ObjectMissing(f"there is no object {key}")


def _shorter(key: str, size: int) -> StorageError:
    return StorageError(f"the stored object {key} is shorter than its {size} bytes on record")

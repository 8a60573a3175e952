"""What we get of other people's servers: a recording, or its beginning."""

import builtins
import hashlib
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import BinaryIO

import requests

from partners.outbound.credentials import NO_CREDENTIALS, Credentials
from partners.outbound.errors import (
    BadStatus,
    CompressedBody,
    NetworkFault,
    OutboundError,
    TooLarge,
    TooManyRedirects,
)
from partners.outbound.transcript import Hop
from partners.outbound.transport import Exchange
from partners.outbound.urls import Target, check_url, redirected

RECORDING_SCHEMES = ("http", "https")
CONFIGURED_SCHEMES = ("https",)
MAX_REDIRECTS = 3
HEAD_BYTES = 512
EXCERPT_BYTES = 1024

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PIECE_BYTES = 64 * 1024
# RFC 9110 §14.4. Eighteen digits are an exabyte; more would not fit the types it is computed with.
_CONTENT_RANGE = re.compile(r"bytes 0-([0-9]{1,18})/([0-9]{1,18}|\*)", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Download:
    """A body received whole. `final_url` is after redirects, without credentials; its query may be signed.

    `status` is None where no HTTP was spoken.
    """

    final_url: str
    status: int | None
    content_type: str
    bytes: int
    sha256: str
    head: builtins.bytes
    duration_seconds: float
    hops: tuple[Hop, ...] = ()


@dataclass(frozen=True, slots=True)
class Peek:
    """The beginning of a body: `head` is what was asked for, less where the body itself is shorter.

    `total_bytes` is the size of the whole, None where the server does not say. `final_url` is
    as of a `Download`.
    """

    final_url: str
    status: int
    content_type: str
    head: bytes
    total_bytes: int | None


def download(
    url: str,
    *,
    to: BinaryIO,
    max_bytes: int,
    deadline_seconds: float,
    credentials: Credentials = NO_CREDENTIALS,
    configured: bool = False,
) -> Download:
    """GET `url` into `to`, following at most 3 redirects, each judged like the first URL.

    `credentials` are not sent on to another origin. `configured`: staff has named the URL's host, so it is
    https, or one of OUTBOUND_TRUSTED (see `check_url`); where it redirects to is a URL like any other.

    Raises an `OutboundError`: `BadStatus` for anything but 200, `TooLarge`, `Truncated`, `CompressedBody`, …
    What was written to `to` before an error is the caller's to discard; errors of `to.write` pass through.
    """
    with _exchange(configured, deadline_seconds) as exchange:
        response, target = _follow(exchange, url, credentials, configured=configured)
        with response:
            _require_plain_body(exchange, response)
            size, sha256, head = _receive(exchange, response, to, max_bytes)
        return Download(
            final_url=target.url,
            status=response.status_code,
            content_type=_content_type(response),
            bytes=size,
            sha256=sha256,
            head=head,
            duration_seconds=exchange.deadline.elapsed,
            hops=tuple(exchange.hops),
        )


def peek(
    url: str,
    *,
    max_bytes: int,
    deadline_seconds: float,
    credentials: Credentials = NO_CREDENTIALS,
    configured: bool = False,
) -> Peek:
    """GET the first `max_bytes` of `url` (RFC 9110 §14.2), under the rules of `download`, with its errors.

    A server that knows no ranges answers with the whole (200); what is beyond `max_bytes` is not read. The
    body is never `TooLarge`; whether the whole would be, `total_bytes` tells.
    """
    wanted = {"Range": f"bytes=0-{max_bytes - 1}"}
    with _exchange(configured, deadline_seconds) as exchange:
        response, target = _follow(exchange, url, credentials, wanted, configured=configured)
        if response.status_code == 416:
            # An empty file has no first byte to give. A plain request is answered as a download would be.
            response.close()
            response, target = _follow(exchange, url, credentials, configured=configured)
        with response:
            _require_plain_body(exchange, response, statuses=(200, 206))
            head, total = _beginning(exchange, response, max_bytes)
        return Peek(
            final_url=target.url,
            status=response.status_code,
            content_type=_content_type(response),
            head=head,
            total_bytes=total,
        )


def parse_retry_after(value: str | None) -> float | None:
    """Seconds from now, from either form of Retry-After (RFC 9110 §10.2.3); None where it is neither."""
    value = (value or "").strip()
    if value.isascii() and value.isdigit():
        # Ten digits are three centuries; more would not fit the types it is computed with.
        return float(value) if len(value) <= 10 else None
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    # "-0000" parses without a zone; HTTP dates are always UTC.
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0)


def _exchange(configured: bool, deadline_seconds: float) -> Exchange:
    schemes = CONFIGURED_SCHEMES if configured else RECORDING_SCHEMES
    return Exchange(schemes=schemes, deadline_seconds=deadline_seconds)


def _follow(
    exchange: Exchange,
    url: str,
    credentials: Credentials,
    headers: Mapping[str, str] | None = None,
    *,
    configured: bool,
) -> tuple[requests.Response, Target]:
    """The answer at the end of the redirects, and whose it is; only `headers` go to every origin."""
    target = check_url(url, schemes=exchange.schemes, configured=configured)
    for _ in range(MAX_REDIRECTS + 1):
        response = exchange.get(target, headers=headers or {}, credentials=credentials)
        location = response.headers.get("Location")
        if response.status_code not in _REDIRECTS or not location:
            return response, target
        response.close()
        following = credentials.taken_from(redirected(target, location, schemes=exchange.schemes))
        if following.origin != target.origin:
            credentials = NO_CREDENTIALS
        target = following
    raise TooManyRedirects(MAX_REDIRECTS)


def _require_plain_body(
    exchange: Exchange, response: requests.Response, statuses: Collection[int] = (200,)
) -> None:
    if response.status_code not in statuses:
        raise BadStatus(
            response.status_code,
            retry_after=parse_retry_after(response.headers.get("Retry-After")),
            content_type=_content_type(response),
            head=_excerpt(exchange, response),
        )
    content = response.headers.get("Content-Encoding", "").strip().lower()
    transfer = response.headers.get("Transfer-Encoding", "").strip().lower()
    if content not in ("", "identity") or transfer not in ("", "chunked"):
        raise CompressedBody


def _receive(
    exchange: Exchange, response: requests.Response, to: BinaryIO, max_bytes: int
) -> tuple[int, str, bytes]:
    """Write the body to `to`; its size, SHA-256 in hex, and first bytes."""
    if (response.raw.length_remaining or 0) > max_bytes:
        raise TooLarge(max_bytes)
    digest, received, head = hashlib.sha256(), 0, b""
    while piece := exchange.read(response, min(_PIECE_BYTES, max_bytes - received + 1)):
        received += len(piece)
        if received > max_bytes:
            raise TooLarge(max_bytes)
        head += piece[: HEAD_BYTES - len(head)]
        digest.update(piece)
        to.write(piece)
    return received, digest.hexdigest(), head


def _beginning(exchange: Exchange, response: requests.Response, max_bytes: int) -> tuple[bytes, int | None]:
    """At most `max_bytes` of the body, and the size of the whole where it is known."""
    # Some stores (rclone's) send the part that was asked for, and its Content-Range, under a 200.
    if response.status_code == 206 or "Content-Range" in response.headers:
        part, total = _content_range(response)
        return b"".join(_pieces(exchange, response, min(part, max_bytes))), total
    total = response.raw.length_remaining
    head = b"".join(_pieces(exchange, response, max_bytes))
    # Whatever ends before the limit is the whole.
    return head, len(head) if len(head) < max_bytes else total


def _content_range(response: requests.Response) -> tuple[int, int | None]:
    """The bytes of the part that was sent, from the first on, and of the whole (RFC 9110 §14.4)."""
    found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
    if found is None:
        raise NetworkFault("the server sent another part of the file than the one asked for")
    part, total = int(found[1]) + 1, None if found[2] == "*" else int(found[2])
    if total is not None and part > total:
        raise NetworkFault("the server sent a part larger than the whole")
    return part, total


def _excerpt(exchange: Exchange, response: requests.Response) -> bytes:
    """The first 1 KiB of a body that is only looked at: what could be read of it, without complaint."""
    excerpt = b""
    with suppress(OutboundError):
        for piece in _pieces(exchange, response, EXCERPT_BYTES):
            excerpt += piece
    return excerpt


def _pieces(exchange: Exchange, response: requests.Response, size: int) -> Iterator[bytes]:
    """The first `size` bytes of the body as they come, fewer where it ends before."""
    while size and (piece := exchange.read(response, size)):
        size -= len(piece)
        yield piece


def _content_type(response: requests.Response) -> str:
    return response.headers.get("Content-Type", "")[:255]

"""What can go wrong on the way out.

Every error has a `reason` for support staff: plain words, at most a host name in it, never a query string,
user information or secret. `permanent` says whether trying again can help.
"""

import re
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from partners.outbound.transcript import Hop

RETRYABLE_STATUSES = frozenset({408, 425, 429})


class OutboundError(Exception):
    """Base of all: `reason` (plain words) and `permanent` (trying again cannot help)."""

    permanent: bool = False
    # What had been asked and answered until then.
    hops: "tuple[Hop, ...]" = ()

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    @property
    def code(self) -> str:
        """One word for counting, like ``name_not_resolved``."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()


class InvalidUrl(OutboundError):
    """The URL's form is not one we open: scheme, host, port, user information, length."""

    permanent = True


class AddressRefused(OutboundError):
    """At least one address the host stands for is not on the public internet."""

    permanent = True

    def __init__(self, reason: str = "the URL leads to an address that is not public") -> None:
        super().__init__(reason)


class NameNotResolved(OutboundError):
    """The resolver gave no answer, or none in time."""


class NetworkFault(OutboundError):
    """Refused, reset, silent, TLS failure, an answer that is not HTTP."""


class DeadlineExceeded(OutboundError):
    """The whole exchange took longer than its caller allows."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the server took longer than {seconds:g} seconds altogether")


class TooLarge(OutboundError):
    """The body is larger than the caller's limit; reading stopped there."""

    permanent = True

    def __init__(self, max_bytes: int) -> None:
        super().__init__(f"the file is larger than the allowed {max_bytes:,} bytes")


class Truncated(OutboundError):
    """The body ended before its announced length (RFC 9112 §8)."""

    def __init__(self) -> None:
        super().__init__("the server sent less than it announced")


class TooManyRedirects(OutboundError):
    """The redirects did not end."""

    permanent = True

    def __init__(self, limit: int) -> None:
        super().__init__(f"the URL redirects more than {limit} times")


class CompressedBody(OutboundError):
    """A content or transfer coding we did not ask for (RFC 9110 §8.4, RFC 9112 §6.1)."""

    permanent = True

    def __init__(self) -> None:
        super().__init__("the server sent a compressed body although none was asked for")


class BadStatus(OutboundError):
    """The server answered, but not with 200.

    `retry_after` is in seconds, `head` holds at most the first 1 KiB of the answer's body.
    """

    def __init__(self, status: int, *, retry_after: float | None, content_type: str, head: bytes) -> None:
        super().__init__(f"the server answered {_phrase(status)}")
        self.status = status
        self.retry_after = retry_after
        self.content_type = content_type
        self.head = head
        self.permanent = status not in RETRYABLE_STATUSES and status < 500

    @property
    def code(self) -> str:
        return f"http_{self.status}"


def _phrase(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)

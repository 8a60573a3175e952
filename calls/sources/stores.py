"""What direct access needs of a kind of store, and the part that those with signed URLs share."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, ClassVar, Protocol

from django.conf import settings

from calls.models import DirectAccess
from partners import outbound
from partners.outbound import BadStatus, Download, OutboundError

# How long a signed URL is good for. It is asked for at once; the rest is for clocks that differ.
SIGNED_SECONDS = 900

# The one word of S3's and Azure's answers in XML that says what was wrong.
_ERROR_CODE = re.compile(rb"<Code>([A-Za-z]{1,64})</Code>")
_LISTING_BYTES = 64 * 1024


class SecretUnusable(OutboundError):
    """The secret of the direct access is not of the form that its store needs."""

    permanent = True


@dataclass(frozen=True, slots=True)
class Beginning:
    """The first bytes of a file, and the size of the whole, None where the store does not say."""

    head: bytes
    total_bytes: int | None


class Store(Protocol):
    """A kind of store; ``path`` is whole, below the access's base path. All raise `OutboundError`."""

    def path(self, base_path: str, filename: str) -> str:
        """How the store names a file below the base path; without a filename the base path itself."""

    def download(self, access: DirectAccess, path: str, to: BinaryIO) -> Download:
        """Stream the file into ``to``."""

    def peek(self, access: DirectAccess, path: str, *, max_bytes: int, deadline_seconds: float) -> Beginning:
        """The file's beginning, and how large it is."""

    def has_files(self, access: DirectAccess, path: str, *, deadline_seconds: float) -> bool:
        """Whether anything lies below ``path``, by one small request."""


class SignedStore(ABC):
    """Signs URLs on this machine, and has the one outbound client ask for them."""

    # What stands in a listing that is not empty.
    listed: ClassVar[bytes]

    @abstractmethod
    def file_url(self, access: DirectAccess, path: str) -> str:
        """A URL that reads the file for `SIGNED_SECONDS`."""

    @abstractmethod
    def listing_url(self, access: DirectAccess, path: str) -> str:
        """A URL that lists one file below ``path``."""

    def path(self, base_path: str, filename: str) -> str:
        return "/".join(part for part in (base_path.strip("/"), filename) if part)

    def download(self, access: DirectAccess, path: str, to: BinaryIO) -> Download:
        with _error_code():
            return outbound.download(
                self.file_url(access, path),
                to=to,
                max_bytes=settings.FETCH_MAX_BYTES,
                deadline_seconds=settings.FETCH_DEADLINE_SECONDS,
                configured=True,
            )

    def peek(self, access: DirectAccess, path: str, *, max_bytes: int, deadline_seconds: float) -> Beginning:
        return self._peek(self.file_url(access, path), max_bytes, deadline_seconds)

    def has_files(self, access: DirectAccess, path: str, *, deadline_seconds: float) -> bool:
        listing = self._peek(self.listing_url(access, path), _LISTING_BYTES, deadline_seconds)
        return self.listed in listing.head

    def _peek(self, url: str, max_bytes: int, deadline_seconds: float) -> Beginning:
        with _error_code():
            peek = outbound.peek(url, max_bytes=max_bytes, deadline_seconds=deadline_seconds, configured=True)
        return Beginning(peek.head, peek.total_bytes)


@contextmanager
def _error_code() -> Iterator[None]:
    """Adds the store's own word to the reason: a status alone does not tell a wrong key from a wrong name."""
    try:
        yield
    except BadStatus as error:
        found = _ERROR_CODE.search(error.head)
        if found:
            error.reason += f" ({found[1].decode()})"
        raise

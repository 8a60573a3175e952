"""What every source is, what those that speak no HTTP receive with, and how they come by a secret."""

import hashlib
import time
from typing import BinaryIO, Protocol

from cryptography.fernet import InvalidToken
from django.conf import settings

from calls.models import DirectAccess, Recording, RecordingAuth
from partners.outbound import DeadlineExceeded, Download, OutboundError, TooLarge

_HEAD_BYTES = 512


class Source(Protocol):
    """Somewhere recordings lie."""

    def fetch(self, recording: Recording, to: BinaryIO) -> Download:
        """Stream the recording's bytes into ``to``. Raises partners.outbound.OutboundError."""


class SecretUnreadable(OutboundError):
    """None of our keys opens it: one was taken away too early, and may be put back."""

    def __init__(self) -> None:
        super().__init__("the secret cannot be read: none of ENCRYPTION_KEYS opens it")


def secret_of(row: DirectAccess | RecordingAuth) -> str:
    """Raises `SecretUnreadable`."""
    try:
        return row.secret
    except InvalidToken:
        raise SecretUnreadable from None


class Received:
    """What has come so far, under the cap and within the deadline of every download."""

    def __init__(self, to: BinaryIO) -> None:
        self._to, self._began = to, time.monotonic()
        self._bytes, self._head, self._digest = 0, b"", hashlib.sha256()

    def write(self, piece: bytes) -> None:
        """Raises TooLarge and DeadlineExceeded."""
        self._bytes += len(piece)
        if self._bytes > settings.FETCH_MAX_BYTES:
            raise TooLarge(settings.FETCH_MAX_BYTES)
        if time.monotonic() > self._began + settings.FETCH_DEADLINE_SECONDS:
            raise DeadlineExceeded(settings.FETCH_DEADLINE_SECONDS)
        self._head += piece[: _HEAD_BYTES - len(self._head)]
        self._digest.update(piece)
        self._to.write(piece)

    def download(self, source_url: str, *, content_type: str = "") -> Download:
        """All that has come, as a download from ``source_url``."""
        return Download(
            final_url=source_url,
            status=None,
            content_type=content_type,
            bytes=self._bytes,
            sha256=self._digest.hexdigest(),
            head=self._head,
            duration_seconds=time.monotonic() - self._began,
        )

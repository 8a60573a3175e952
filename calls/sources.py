"""Where a recording comes from. Every source streams into a file under the same caps and deadlines.

The row says which: the scheme of its ``source_url`` names the source. What partners send is a web address,
checked before it is stored; the others are written by ourselves.
"""

import hashlib
import time
from pathlib import Path
from typing import BinaryIO, Protocol

from django.conf import settings

from calls import telephony
from calls.models import Recording
from calls.telephony.port import TelephonyError
from partners import outbound
from partners.outbound import DeadlineExceeded, Download, OutboundError, TooLarge

_HEAD_BYTES = 512


class Source(Protocol):
    """Somewhere recordings lie."""

    def fetch(self, recording: Recording, to: BinaryIO) -> Download:
        """Stream the recording's bytes into ``to``. Raises partners.outbound.OutboundError."""


class ProviderFailed(OutboundError):
    """The telephony provider did not hand the recording out."""

    def __init__(self, error: TelephonyError) -> None:
        super().__init__(error.reason)
        self.permanent = error.permanent


class Web:
    """A URL of a partner's, by way of the one outbound client."""

    def fetch(self, recording: Recording, to: BinaryIO) -> Download:
        return outbound.download(
            recording.source_url,
            to=to,
            max_bytes=settings.FETCH_MAX_BYTES,
            deadline_seconds=settings.FETCH_DEADLINE_SECONDS,
        )


class Telephony:
    """The provider that carried the call; ``<its name>:<its id of the call>``."""

    def fetch(self, recording: Recording, to: BinaryIO) -> Download:
        name, _, call_id = recording.source_url.partition(":")
        began = time.monotonic()
        received = _Received(to, began)
        try:
            for piece in telephony.provider(name).recording(call_id):
                received.write(piece)
        except TelephonyError as error:
            raise ProviderFailed(error) from error
        return Download(
            final_url=recording.source_url,
            status=None,
            content_type="audio/wav",
            bytes=received.bytes,
            sha256=received.digest.hexdigest(),
            head=received.head,
            duration_seconds=time.monotonic() - began,
        )


_WEB = Web()
SOURCES: dict[str, Source] = {
    **dict.fromkeys(outbound.RECORDING_SCHEMES, _WEB),
    **dict.fromkeys(telephony.PROVIDERS, Telephony()),
}


def fetch(recording: Recording, *, to: Path) -> Download:
    """Stream the recording's bytes into the file ``to``. Raises partners.outbound.OutboundError."""
    scheme = recording.source_url.partition(":")[0].lower()
    # The one outbound client has words for whatever is no address.
    source = SOURCES.get(scheme, _WEB)
    with to.open("wb") as file:
        return source.fetch(recording, file)


class _Received:
    """What has come so far, under the cap and within the deadline of every download."""

    def __init__(self, to: BinaryIO, began: float) -> None:
        self._to, self._deadline = to, began + settings.FETCH_DEADLINE_SECONDS
        self.bytes, self.head, self.digest = 0, b"", hashlib.sha256()

    def write(self, piece: bytes) -> None:
        """Raises TooLarge and DeadlineExceeded."""
        self.bytes += len(piece)
        if self.bytes > settings.FETCH_MAX_BYTES:
            raise TooLarge(settings.FETCH_MAX_BYTES)
        if time.monotonic() > self._deadline:
            raise DeadlineExceeded(settings.FETCH_DEADLINE_SECONDS)
        self.head += piece[: _HEAD_BYTES - len(self.head)]
        self.digest.update(piece)
        self._to.write(piece)

"""Where a recording comes from. Every source streams into a file under the same caps and deadlines."""

from pathlib import Path

from django.conf import settings

from calls.models import Recording
from partners import outbound
from partners.outbound import Download


def fetch(recording: Recording, *, to: Path) -> Download:
    """Stream the recording's bytes into the file ``to``. Raises partners.outbound.OutboundError."""
    with to.open("wb") as file:
        return outbound.download(
            recording.source_url,
            to=file,
            max_bytes=settings.FETCH_MAX_BYTES,
            deadline_seconds=settings.FETCH_DEADLINE_SECONDS,
        )

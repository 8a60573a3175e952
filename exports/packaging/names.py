"""What recordings are called inside an archive: readable, sortable by time, safe on every file system.

``2026-06-01_0930_101_+12025550123_093e1024.wav`` is the start (UTC), the agent's extension, the phone, and
the first eight digits of the call's uuid (telesales spec).
"""

import unicodedata
from datetime import UTC, datetime
from uuid import UUID

# Of UTF-8, so that a whole name never has more than 120 bytes. An E.164 number has at most 16.
EXTENSION_BYTES = 40
PHONE_BYTES = 24

_UNKNOWN = "unknown"
_KEPT_SIGNS = "+-."
# Letters, marks and digits of any script; not controls, separators, or what is not assigned yet.
_KEPT_CATEGORIES = "LMN"


def entry_name(
    started_at: datetime, agent_extension: str, phone: str, call_uuid: UUID, *, whole_uuid: bool = False
) -> str:
    """The name of a call's recording; ``started_at`` is aware.

    Fields are normalised (NFC), signs other than ``+ - .`` become ``-`` (so ``_`` only separates), what is
    too long is cut, and what is empty is ``unknown``. Names begin with a date and end in ``.wav``, so none is
    a device of Windows or ends in a dot.
    """
    if started_at.tzinfo is None:
        raise ValueError("a time without a zone")
    start = started_at.astimezone(UTC).isoformat(timespec="minutes")[:16]
    fields = (
        start.replace("T", "_").replace(":", ""),
        _field(agent_extension, EXTENSION_BYTES),
        _field(phone, PHONE_BYTES),
        call_uuid.hex if whole_uuid else call_uuid.hex[:8],
    )
    return f"{'_'.join(fields)}.wav"


class EntryNames:
    """Names that differ within one archive, also where case does not count; about 70 bytes of memory each.

    A call whose first eight digits another call has taken gets its whole uuid instead. The same calls in the
    same order get the same names.
    """

    def __init__(self) -> None:
        self._taken: set[int] = set()

    def name(self, started_at: datetime, agent_extension: str, phone: str, call_uuid: UUID) -> str:
        digits = call_uuid.time_low  # the first eight
        whole_uuid = digits in self._taken
        self._taken.add(digits)
        return entry_name(started_at, agent_extension, phone, call_uuid, whole_uuid=whole_uuid)


def _field(text: str, max_bytes: int) -> str:
    safe = "".join(sign if _is_kept(sign) else "-" for sign in unicodedata.normalize("NFC", text.strip()))
    return safe.encode()[:max_bytes].decode(errors="ignore") or _UNKNOWN


def _is_kept(sign: str) -> bool:
    return sign in _KEPT_SIGNS or unicodedata.category(sign)[0] in _KEPT_CATEGORIES

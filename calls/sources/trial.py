"""Whether an auth config or a direct access works: one small request, and what it found in a sentence.

It ends within `TRIAL_SECONDS`. What does not work is an `OutboundError` in plain words, as in a fetch.
"""

from calls.audio.sniff import describe
from calls.models import DirectAccess, RecordingAuth
from calls.sources.direct import STORES, path_for
from calls.sources.web import credentials_for
from partners import outbound

TRIAL_SECONDS = 10
_HEAD_BYTES = 512


def try_direct(access: DirectAccess, filename: str = "") -> str:
    """Look at the beginning of the file; without a filename, whether there is anything below the base path.

    Raises partners.outbound.OutboundError.
    """
    store = STORES[access.kind]
    if not filename:
        found = store.has_files(access, store.path(access.base_path, ""), deadline_seconds=TRIAL_SECONDS)
        return f"Access works: there is {'at least one file' if found else 'nothing'} in {_place(access)}."
    path = path_for(access, filename)
    seen = store.peek(access, path, max_bytes=_HEAD_BYTES, deadline_seconds=TRIAL_SECONDS)
    return _sentence(seen.head, seen.total_bytes)


def try_auth(auth: RecordingAuth, url: str) -> str:
    """Look at the beginning of what ``url`` gives for the secret. Raises partners.outbound.OutboundError."""
    seen = outbound.peek(
        url,
        max_bytes=_HEAD_BYTES,
        deadline_seconds=TRIAL_SECONDS,
        credentials=credentials_for(auth, url),
    )
    return _sentence(seen.head, seen.total_bytes)


def _place(access: DirectAccess) -> str:
    return "/".join(part for part in (access.container, access.base_path.strip("/")) if part) or "its folder"


def _sentence(head: bytes, total_bytes: int | None) -> str:
    size = "of unknown size" if total_bytes is None else f"{total_bytes:,} bytes"
    return f"Access works: the file is {describe(head)}, {size}."

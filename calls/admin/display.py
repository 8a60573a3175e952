"""How calls, their recordings and callbacks read in the console."""

from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html
from django.utils.safestring import SafeString

from calls import keeping
from calls.models import Call, Recording, Source
from calls.presigned import ASKED_FOR
from partners.admin.base import badge, moment, shortened
from partners.models import SubTenant
from zipingest.work import WorkState

# Sources that are no address of the web (calls.sources).
_STORES = {"s3": "S3 bucket", "azure": "Azure container", "sftp": "SFTP server"}
_KINDS = {
    "queued": "info",
    "fetching": "info",
    "processing": "info",
    "completed": "success",
    "failed": "danger",
}


def broken_anywhere(text: str) -> SafeString | str:
    """For what has no blanks and would widen a narrow page; empty stays empty."""
    return format_html('<span class="zi-break">{}</span>', text) if text else ""


def recording_of(call: Call) -> Recording | None:
    """None while a live call is in progress, and where it ended without a recording."""
    recording: Recording | None = getattr(call, "recording", None)
    return recording


def source_of(call: Call) -> str:
    """Where a call comes from: who sent it, or its kind and who carries it, as in ``live (simulator)``."""
    if call.partner is not None and call.source != Source.DIALER:
        return str(call.partner)
    return f"{call.get_source_display()} ({call.provider})" if call.provider else call.get_source_display()


def address_of(recording: Recording | None) -> SafeString | str:
    """Where it is fetched from: its URL, or in words which file of the account's own store.

    A query is only said to be there: the signature in it opens the recording to whoever reads it.
    """
    if recording is None:
        return ""
    scheme, _, name = recording.source_url.partition(":")
    if scheme in _STORES:
        return format_html("{} in the account's {}", broken_anywhere(name), _STORES[scheme])
    address, query, _ = recording.source_url.partition("?")
    return broken_anywhere(f"{address}?…" if query else address)


def url_validity(recording: Recording | None) -> SafeString | str:
    """Until when a presigned URL works, with a warning where that was too short; empty of any other."""
    if recording is None or recording.url_expires_at is None:
        return ""
    left = recording.url_expires_at - recording.begun_at
    until = f"until {moment(recording.url_expires_at)}"
    if left >= ASKED_FOR:
        return until
    hours = left.total_seconds() / 3600
    words = f"only {hours:.1f} hours when it was sent" if hours > 0 else "not any more when it was sent"
    return format_html("{} {}", until, badge(words, "warning"))


def state_badge(call: Call) -> SafeString:
    """The public state in colour; a queued one that was tried before is being retried, poison is named."""
    recording = recording_of(call)
    if recording is None:
        return badge("in progress", "info") if call.in_progress else badge("no recording", "")
    if recording.purged_at is not None:
        return badge("audio deleted", "")
    if recording.state == WorkState.POISON:
        return badge("poison", "danger")
    if recording.state == WorkState.DUE and recording.attempts:
        return badge("retrying", "warning")
    return badge(recording.public_state, _KINDS[recording.public_state])


def came_as(recording: Recording | None) -> str:
    """What the partner's server sent, in one line for people; empty where nothing is stored."""
    if recording is None or not recording.is_stored:
        return ""
    form = f"{recording.container.upper()} ({recording.codec})"
    return _joined(form, recording, recording.sample_rate, recording.original_bytes)


def kept_as(recording: Recording | None) -> str:
    """What is stored of it, in one line; empty where nothing is, or not any more."""
    if recording is None or not recording.is_stored or recording.purged_at is not None:
        return ""
    minutes, seconds = divmod(round(recording.duration_seconds or 0), 60)
    form = f"{minutes}:{seconds:02} min of WAV"
    return _joined(form, recording, recording.stored_sample_rate, recording.bytes)


def _joined(form: str, recording: Recording, rate: int | None, size: int | None) -> str:
    channels = {1: "mono", 2: "stereo"}.get(recording.channels or 0, f"{recording.channels} channels")
    return f"{form}, {channels}, {rate} Hz, {filesizeformat(size or 0)}"


def plain_error(recording: Recording | None, length: int) -> SafeString | str:
    return shortened(recording.last_error, length) if recording and recording.last_error else ""


def silences(recording: Recording | None) -> str:
    """Its paused spans, silent in what is kept, as ``0:05.0 to 0:12.5``; empty where there are none."""
    spans = recording.silences if recording else []
    return ", ".join(f"{_clock(begin)} to {_clock(end)}" for begin, end in spans)


def kept_until(recording: Recording | None, sub_tenant: SubTenant) -> str:
    """How long it is given out, and what came of it afterwards; holds aside."""
    if recording is None:
        return ""
    if recording.purged_at is not None:
        return f"its audio was deleted on {moment(recording.purged_at)}"
    if not recording.is_stored:
        return ""
    end = keeping.expiry(recording, sub_tenant)
    if end is None:
        return "without limit"
    return f"{moment(end)}, deleted from {moment(end + keeping.GRACE)} on"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds, 1), 60)
    return f"{minutes:.0f}:{rest:04.1f}"

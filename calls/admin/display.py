"""How calls, their recordings and callbacks read in the console."""

from django.template.defaultfilters import filesizeformat
from django.utils.safestring import SafeString

from calls import keeping
from calls.models import Recording
from partners.admin.base import badge, moment, shortened
from partners.models import SubTenant
from zipingest.work import WorkState

_KINDS = {
    "queued": "info",
    "fetching": "info",
    "processing": "info",
    "completed": "success",
    "failed": "danger",
}


def state_badge(recording: Recording) -> SafeString:
    """The public state in colour; a queued one that was tried before is being retried, poison is named."""
    if recording.purged_at is not None:
        return badge("audio deleted", "")
    if recording.state == WorkState.POISON:
        return badge("poison", "danger")
    if recording.state == WorkState.DUE and recording.attempts:
        return badge("retrying", "warning")
    return badge(recording.public_state, _KINDS[recording.public_state])


def came_as(recording: Recording) -> str:
    """What the partner's server sent, in one line for people; empty where nothing is stored."""
    if not recording.is_stored:
        return ""
    form = f"{recording.container.upper()} ({recording.codec})"
    return _joined(form, recording, recording.sample_rate, recording.original_bytes)


def kept_as(recording: Recording) -> str:
    """What is stored of it, in one line; empty where nothing is, or not any more."""
    if not recording.is_stored or recording.purged_at is not None:
        return ""
    minutes, seconds = divmod(round(recording.duration_seconds or 0), 60)
    form = f"{minutes}:{seconds:02} min of WAV"
    return _joined(form, recording, recording.stored_sample_rate, recording.bytes)


def _joined(form: str, recording: Recording, rate: int | None, size: int | None) -> str:
    channels = {1: "mono", 2: "stereo"}.get(recording.channels or 0, f"{recording.channels} channels")
    return f"{form}, {channels}, {rate} Hz, {filesizeformat(size or 0)}"


def plain_error(recording: Recording, length: int) -> SafeString | str:
    return shortened(recording.last_error, length) if recording.last_error else ""


def kept_until(recording: Recording, sub_tenant: SubTenant) -> str:
    """How long it is given out, and what came of it afterwards; holds aside."""
    if recording.purged_at is not None:
        return f"its audio was deleted on {moment(recording.purged_at)}"
    if not recording.is_stored:
        return ""
    end = keeping.expiry(recording, sub_tenant)
    if end is None:
        return "without limit"
    return f"{moment(end)}, deleted from {moment(end + keeping.GRACE)} on"

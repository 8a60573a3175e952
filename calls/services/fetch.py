"""Fetching a recording: download, check and normalise, store, and tell the partner.

No database transaction is open while the network, the decoder or the storage is at work. The commit at the
end makes the stored objects current, ends the row and owes the callback, all or nothing.

What was said while the recording was paused is in nothing that is stored: the normalised file is silenced
before it leaves the scratch folder, and the original of such a call never does.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F

from calls import channels, pauses, sources
from calls.audio.engine import AudioEngine
from calls.audio.errors import AudioError, HelperCrashed, HelperUnavailable, NotAudio
from calls.audio.facts import AudioFacts, AudioLimits, AudioOptions, Silencing
from calls.channels import ChannelRule
from calls.models import Recording, Stage
from calls.pauses import PausesDoNotFit
from calls.services import attempts, callbacks, leftovers, notices, verdicts
from calls.services.attempts import AttemptFailed
from partners.outbound import Download, OutboundError
from zipingest import work
from zipingest.storage import StorageError, default_storage
from zipingest.work import Lease, LeaseLost

log = structlog.get_logger(__name__)

NORMALISED_TYPE = "audio/wav"
_ENGINE_LOCK = threading.Lock()


@dataclass(frozen=True, slots=True)
class Stored:
    """What was fetched and where it lies now; the original's key is empty where it was not kept."""

    download: Download
    audio: AudioFacts
    original_key: str
    key: str


def register_work() -> None:
    work.register(
        work.Kind(
            model=Recording,
            perform=work.each(fetch_recording),
            give_up=_give_up,
            task="calls.tasks.fetch_recording",
            lane_cap=settings.FETCH_RUNNING_PER_PARTNER,
            target_cap=settings.FETCH_RUNNING_PER_HOST,
            deadline_field="url_expires_at",
        )
    )


def fetch_recording(lease: Lease) -> None:
    """Bring the leased recording to an outcome: stored, to be tried again, failed or poison."""
    recording = _load(lease)
    started_at = work.database_now()
    with structlog.contextvars.bound_contextvars(
        request_id=recording.call.request_id, call=str(recording.call.uuid), epoch=lease.epoch
    ):
        try:
            stored = _fetch_and_store(lease, recording)
        except AttemptFailed as failure:
            leftovers.remove_objects(lease, recording, until=lease.epoch)
            _record_failure(lease, recording, failure, started_at)
        else:
            leftovers.remove_objects(lease, recording, until=lease.epoch - 1)
            _make_current(lease, recording, stored, started_at)


def _load(lease: Lease) -> Recording:
    related = ("call__partner", "call__sub_tenant__network", "auth")
    return Recording.objects.select_related(*related).defer("peaks").get(pk=lease.pk)


def _fetch_and_store(lease: Lease, recording: Recording) -> Stored:
    if recording.stage != Stage.FETCHING:  # an attempt was lost while it was processed
        lease.write(stage=Stage.FETCHING)
    rule = channels.rule_for(recording.call)
    options = AudioOptions(
        sample_rate=settings.AUDIO_SAMPLE_RATE,
        silencing=_silencing(recording),
        swap_channels=rule.swapped,
    )
    with _scratch_folder() as folder:
        original, normalised = folder / "original", folder / "normalised.wav"
        download = _download(recording, original)
        lease.write(stage=Stage.PROCESSING)
        audio = _normalise(recording.lane, options, download, original, normalised)
        _require_channels(rule, audio, download)
        kept = original if settings.AUDIO_KEEP_ORIGINAL and options.silencing is None else None
        keys = _store(lease, recording, kept, normalised, download)
        return Stored(download, audio, *keys)


@contextmanager
def _scratch_folder() -> Iterator[Path]:
    """The attempt's own; a disk that is full shows in what is written there, by us or by the helper."""
    try:
        with leftovers.scratch_folder() as folder:
            yield folder
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise AttemptFailed(f"our scratch folder: {reason}", code="scratch") from error


def _silencing(recording: Recording) -> Silencing | None:
    """What must not be heard of the recording; None where it was never paused."""
    call = recording.call
    found = list(call.pauses.all())
    if not found:
        return None
    try:
        return pauses.silencing(
            found,
            started_at=recording.started_at,
            ended_at=call.ended_at,
            handling=recording.pause_handling,
        )
    except PausesDoNotFit as error:
        raise AttemptFailed(error.reason, code="pauses_do_not_fit", permanent=True) from error


def _download(recording: Recording, original: Path) -> Download:
    expiry = recording.url_expires_at
    if expiry is not None and expiry <= work.database_now():
        reason = f"the URL is no longer valid since {expiry:%Y-%m-%d %H:%M:%S} UTC"
        raise AttemptFailed(reason, code="url_expired", permanent=True)
    try:
        return sources.fetch(recording, to=original)
    except OutboundError as error:
        raise AttemptFailed(
            error.reason,
            code=error.code,
            permanent=error.permanent,
            retry_after=getattr(error, "retry_after", None),
            facts=attempts.answer_facts(error),
        ) from error


def _normalise(
    lane: str, options: AudioOptions, download: Download, original: Path, normalised: Path
) -> AudioFacts:
    facts = attempts.download_facts(download)
    try:
        audio = _engine().normalise(original, normalised, options=options, lane=lane)
        if options.silencing is not None:
            pauses.check_length(options.silencing, audio.duration_seconds)
        return audio
    except PausesDoNotFit as error:
        raise AttemptFailed(error.reason, code="pauses_do_not_fit", permanent=True, facts=facts) from error
    except NotAudio as error:
        reason = verdicts.not_audio(_beginning(original), download.content_type, error)
        raise AttemptFailed(reason, code="not_audio", permanent=True, facts=facts) from error
    except AudioError as error:
        raise AttemptFailed(error.reason, code="bad_audio", permanent=True, facts=facts) from error
    except HelperCrashed as error:
        raise AttemptFailed(error.reason, code="decoder_crashed", crashed=True, facts=facts) from error
    except HelperUnavailable as error:
        raise AttemptFailed(f"our decoder: {error}", code="decoder_unavailable", facts=facts) from error


def _require_channels(rule: ChannelRule, audio: AudioFacts, download: Download) -> None:
    if rule.two_required and audio.channels != 2:
        facts = attempts.download_facts(download)
        raise AttemptFailed(channels.MONO_REFUSED, code="mono", permanent=True, facts=facts)


def _beginning(original: Path) -> bytes:
    with original.open("rb") as file:
        return file.read(verdicts.PAGE_BYTES)


def _store(
    lease: Lease, recording: Recording, original: Path | None, normalised: Path, download: Download
) -> tuple[str, str]:
    """The keys of original ("" where there is none to keep) and recording.

    They name run and epoch, so a stale worker never overwrites a newer object.
    """
    prefix = f"{leftovers.prefix(recording)}{recording.run}-{lease.epoch}"
    original_key = f"{prefix}.original" if original else ""
    storage = default_storage()
    try:
        if original:
            storage.put(original_key, original, content_type="application/octet-stream")
        storage.put(f"{prefix}.wav", normalised, content_type=NORMALISED_TYPE)
    except StorageError as error:
        facts = attempts.download_facts(download)
        raise AttemptFailed(f"our storage: {error}", code="storage", facts=facts) from error
    return original_key, f"{prefix}.wav"


def _make_current(lease: Lease, recording: Recording, stored: Stored, started_at: datetime) -> None:
    try:
        _record_success(lease, recording, stored, started_at)
    except LeaseLost:
        # Nobody else can name these keys: they hold our epoch.
        leftovers.delete([stored.key, stored.original_key])
        raise


def _record_success(lease: Lease, recording: Recording, stored: Stored, started_at: datetime) -> None:
    now = work.database_now()
    kept_from = max(now, recording.call.ended_at or now)
    with transaction.atomic():
        lease.finish(completed_at=now, kept_from=kept_from, **_recording_facts(stored))
        attempts.note(recording, started_at, **attempts.download_facts(stored.download))
        recording.refresh_from_db()
        callbacks.owe_result(recording.call, recording)
    log.info("recording_stored", bytes=stored.audio.bytes, seconds=stored.audio.duration_seconds)


def _record_failure(lease: Lease, recording: Recording, failure: AttemptFailed, started_at: datetime) -> None:
    with transaction.atomic():
        delay = _delay(recording, failure)
        if delay is not None:
            crashes = F("crashes") + int(failure.crashed)
            lease.retry(failure.reason, delay=delay, stage=Stage.FETCHING, crashes=crashes)
        else:
            _end_failed(lease, recording, failure.reason, crashed=failure.crashed)
        attempts.note(recording, started_at, **failure.facts)
    log.warning("recording_not_stored", reason=failure.reason, next_in_seconds=delay)


def _delay(recording: Recording, failure: AttemptFailed) -> float | None:
    """Seconds until the next attempt, None when there is none."""
    steps = settings.FETCH_RETRY_STEPS
    if failure.permanent or recording.attempts >= len(steps):
        return None
    if failure.crashed and recording.crashes + 1 >= work.MAX_CRASHES:
        return None
    step = float(steps[recording.attempts])
    return max(step, min(failure.retry_after or 0, 2 * step))


def _end_failed(lease: Lease, recording: Recording, reason: str, *, crashed: bool = False) -> None:
    now = work.database_now()
    if crashed:
        lease.poison(reason, completed_at=now, crashes=F("crashes") + 1)
    else:
        lease.fail(reason, completed_at=now)
    recording.refresh_from_db()
    callbacks.owe_result(recording.call, recording)
    notices.owe(recording, now)


def _give_up(lease: Lease, reason: str) -> None:
    recording = _load(lease)
    leftovers.remove_objects(lease, recording, until=lease.epoch)
    with transaction.atomic():
        _end_failed(lease, recording, reason)


def _recording_facts(stored: Stored) -> dict[str, Any]:
    audio, download = stored.audio, stored.download
    return {
        "original_key": stored.original_key,
        "original_bytes": download.bytes,
        "original_sha256": download.sha256,
        "container": audio.container.label.lower(),
        "codec": audio.codec,
        "channels": audio.channels,
        "sample_rate": audio.sample_rate,
        "key": stored.key,
        "bytes": audio.bytes,
        "sha256": audio.sha256,
        "crc32": audio.crc32,
        "stored_sample_rate": audio.output_sample_rate,
        "duration_seconds": round(audio.duration_seconds, 3),
        "peaks": audio.peaks,
        "silences": [list(span) for span in audio.silences],
    }


def _engine() -> AudioEngine:
    with _ENGINE_LOCK:  # two threads' first recordings must not build an engine each
        return _built_engine()


@cache
def _built_engine() -> AudioEngine:
    limits = AudioLimits(
        memory_bytes=settings.AUDIO_MEMORY_BYTES,
        cpu_seconds=settings.AUDIO_CPU_SECONDS,
        wall_seconds=settings.AUDIO_WALL_SECONDS,
        max_audio_seconds=settings.AUDIO_MAX_SECONDS,
    )
    return AudioEngine(limits, helpers=settings.AUDIO_HELPERS)

"""Fetching a recording: download, check and normalise, store, and tell the partner.

No database transaction is open while the network, the decoder or the storage is at work. The commit at the
end makes the stored objects current, ends the row and owes the callback, all or nothing.
"""

import threading
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F

from calls import sources
from calls.audio.engine import AudioEngine
from calls.audio.errors import AudioError, HelperCrashed, HelperUnavailable, NotAudio
from calls.audio.facts import AudioFacts, AudioLimits, AudioOptions
from calls.audio.sniff import describe
from calls.models import FetchAttempt, Recording, Stage
from calls.services import callbacks, verdicts
from partners.outbound import BadStatus, Download, OutboundError
from zipingest import work
from zipingest.storage import StorageError, default_storage
from zipingest.work import Lease, LeaseLost

log = structlog.get_logger(__name__)

NORMALISED_TYPE = "audio/wav"
_ENGINE_LOCK = threading.Lock()
# How much of a web page is looked through for its purpose: forms stand far below the head.


@dataclass(frozen=True, slots=True)
class Stored:
    """What was fetched and where it lies now; the original's key is empty where originals are not kept."""

    download: Download
    audio: AudioFacts
    original_key: str
    key: str


class _Failed(Exception):
    """An attempt that stored nothing. ``permanent``: trying again would end the same."""

    def __init__(
        self,
        reason: str,
        *,
        code: str,
        permanent: bool = False,
        crashed: bool = False,
        retry_after: float | None = None,
        facts: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent
        self.crashed = crashed
        self.retry_after = retry_after
        self.facts = {"error": reason, "code": code, **(facts or {})}


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
        except _Failed as failure:
            _remove_leftovers(lease, recording, until=lease.epoch)
            _record_failure(lease, recording, failure, started_at)
        else:
            _remove_leftovers(lease, recording, until=lease.epoch - 1)
            _make_current(lease, recording, stored, started_at)


def _load(lease: Lease) -> Recording:
    related = ("call__partner", "call__sub_tenant")
    return Recording.objects.select_related(*related).defer("peaks").get(pk=lease.pk)


def _fetch_and_store(lease: Lease, recording: Recording) -> Stored:
    lease.write(stage=Stage.FETCHING)
    with TemporaryDirectory(dir=_scratch(), prefix="fetch-") as folder:
        original, normalised = Path(folder, "original"), Path(folder, "normalised.wav")
        download = _download(recording, original)
        lease.write(stage=Stage.PROCESSING)
        audio = _normalise(recording.lane, download, original, normalised)
        keys = _store(lease, recording, original, normalised, download)
        return Stored(download, audio, *keys)


def _download(recording: Recording, original: Path) -> Download:
    expiry = recording.url_expires_at
    if expiry is not None and expiry <= work.database_now():
        reason = f"the URL is no longer valid since {expiry:%Y-%m-%d %H:%M:%S} UTC"
        raise _Failed(reason, code="url_expired", permanent=True)
    try:
        return sources.fetch(recording, to=original)
    except OutboundError as error:
        raise _Failed(
            error.reason,
            code=error.code,
            permanent=error.permanent,
            retry_after=getattr(error, "retry_after", None),
            facts=_answer_facts(error),
        ) from error


def _normalise(lane: str, download: Download, original: Path, normalised: Path) -> AudioFacts:
    options = AudioOptions(sample_rate=settings.AUDIO_SAMPLE_RATE)
    facts = _download_facts(download)
    try:
        return _engine().normalise(original, normalised, options=options, lane=lane)
    except NotAudio as error:
        reason = verdicts.not_audio(_beginning(original), download.content_type, error)
        raise _Failed(reason, code="not_audio", permanent=True, facts=facts) from error
    except AudioError as error:
        raise _Failed(error.reason, code="bad_audio", permanent=True, facts=facts) from error
    except HelperCrashed as error:
        raise _Failed(error.reason, code="decoder_crashed", crashed=True, facts=facts) from error
    except HelperUnavailable as error:
        raise _Failed(f"our decoder: {error}", code="decoder_unavailable", facts=facts) from error


def _beginning(original: Path) -> bytes:
    with original.open("rb") as file:
        return file.read(verdicts.PAGE_BYTES)


def _store(
    lease: Lease, recording: Recording, original: Path, normalised: Path, download: Download
) -> tuple[str, str]:
    """The keys of original ("" where originals are not kept) and recording.

    They name run and epoch, so a stale worker never overwrites a newer object.
    """
    prefix = f"{_prefix(recording)}{recording.run}-{lease.epoch}"
    original_key = f"{prefix}.original" if settings.AUDIO_KEEP_ORIGINAL else ""
    storage = default_storage()
    try:
        if original_key:
            storage.put(original_key, original, content_type="application/octet-stream")
        storage.put(f"{prefix}.wav", normalised, content_type=NORMALISED_TYPE)
    except StorageError as error:
        facts = _download_facts(download)
        raise _Failed(f"our storage: {error}", code="storage", facts=facts) from error
    return original_key, f"{prefix}.wav"


def _make_current(lease: Lease, recording: Recording, stored: Stored, started_at: datetime) -> None:
    try:
        _record_success(lease, recording, stored, started_at)
    except LeaseLost:
        # Nobody else can name these keys: they hold our epoch.
        _delete([stored.key, stored.original_key])
        raise


def _record_success(lease: Lease, recording: Recording, stored: Stored, started_at: datetime) -> None:
    now = work.database_now()
    kept_from = max(now, recording.call.ended_at or now)
    with transaction.atomic():
        lease.finish(completed_at=now, kept_from=kept_from, **_recording_facts(stored))
        _note_attempt(recording, started_at, **_download_facts(stored.download))
        recording.refresh_from_db()
        callbacks.owe_result(recording.call, recording)
    log.info("recording_stored", bytes=stored.audio.bytes, seconds=stored.audio.duration_seconds)


def _record_failure(lease: Lease, recording: Recording, failure: _Failed, started_at: datetime) -> None:
    with transaction.atomic():
        delay = _pause(recording, failure)
        if delay is not None:
            crashes = F("crashes") + int(failure.crashed)
            lease.retry(failure.reason, delay=delay, stage=Stage.FETCHING, crashes=crashes)
        else:
            _end_failed(lease, recording, failure.reason, crashed=failure.crashed)
        _note_attempt(recording, started_at, **failure.facts)
    log.warning("recording_not_stored", reason=failure.reason, next_in_seconds=delay)


def _pause(recording: Recording, failure: _Failed) -> float | None:
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


def _give_up(lease: Lease, reason: str) -> None:
    recording = _load(lease)
    _remove_leftovers(lease, recording, until=lease.epoch)
    with transaction.atomic():
        _end_failed(lease, recording, reason)


def _note_attempt(recording: Recording, started_at: datetime, **facts: Any) -> None:
    duration = work.database_now() - started_at
    FetchAttempt.objects.create(
        recording=recording,
        run=recording.run,
        started_at=started_at,
        duration_ms=round(duration.total_seconds() * 1000),
        **facts,
    )


def _download_facts(download: Download) -> dict[str, Any]:
    return {
        "status": download.status,
        "content_type": download.content_type[:255],
        "bytes": download.bytes,
        "sniffed": describe(download.head),
        "transcript": [asdict(hop) for hop in download.hops],
    }


def _answer_facts(error: OutboundError) -> dict[str, Any]:
    """What is known of a download that failed; of an answer with an error status, what it looked like."""
    facts: dict[str, Any] = {"transcript": [asdict(hop) for hop in error.hops]}
    if isinstance(error, BadStatus):
        facts |= {"status": error.status, "content_type": error.content_type[:255]}
        facts["sniffed"] = describe(error.head)
    return facts


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
    }


def _remove_leftovers(lease: Lease, recording: Recording, *, until: int) -> None:
    """Delete what the row's epochs up to `until` stored and never made current.

    Before the outcome is written: who is killed in between leaves the row at work, and the next does it.
    Later epochs are left alone: the row may be at work again already.
    """
    if lease.epoch == 1:
        return
    current = Recording.objects.values_list("key", "original_key").get(pk=recording.pk)
    try:
        found = [stored.key for stored in default_storage().list(_prefix(recording))]
    except StorageError as error:
        log.warning("leftovers_not_listed", error=str(error))
        return
    _delete([key for key in found if key not in current and _epoch_of(key) <= until])


def _delete(keys: list[str]) -> None:
    try:
        for key in filter(None, keys):
            default_storage().delete(key)
    except StorageError as error:
        log.warning("leftovers_not_removed", error=str(error))


def _epoch_of(key: str) -> int:
    """The epoch in ``recordings/<uuid>/<run>-<epoch>.wav``."""
    return int(Path(key).stem.partition("-")[2])


def _prefix(recording: Recording) -> str:
    return f"recordings/{recording.call.uuid}/"


def _scratch() -> Path:
    path = settings.DATA_DIR / "scratch"
    path.mkdir(parents=True, exist_ok=True)
    return Path(path)


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

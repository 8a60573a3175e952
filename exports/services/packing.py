"""Packing an export: every matched call into the manifest, every recording that can be had into the ZIP."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import structlog
from django.conf import settings
from django.db import transaction

from calls import keeping
from calls.models import Call, Recording
from exports.columns import Columns
from exports.manifest import EntryStatus, Manifest, ManifestRow, ManifestTotals
from exports.models import ExportEntry, ExportJob
from exports.packaging import Archive, Content, EntryFailed, EntryNames, read_ahead
from exports.services.endings import PREFIX
from zipingest import work
from zipingest.storage import StorageError, StoredObject, default_storage
from zipingest.work import Lease, LeaseLost, WorkState

log = structlog.get_logger(__name__)

STORAGE_ERROR = "STORAGE_ERROR"
INTERNAL_ERROR = "INTERNAL_ERROR"
MANIFEST_NAME = "manifest.csv"

# A cancel is to be seen within two seconds, so somebody looks every second.
_LOOK_UP_SECONDS = 1.0
_ROWS_AT_ONCE = 500
# Whether it has failed, to why it is missing.
_NOT_STORED = {True: "its recording could not be fetched", False: "its recording is still being fetched"}
# What packing reads of an entry: a tenth of the columns, and so of the work of making objects of them.
_READ = (
    "job",  # which the related manager fills in
    "position",
    *(f"call__{name}" for name in ("uuid", "started_at", "customer_phone", "disposition")),
    *(f"call__{name}" for name in ("source", "ended_at")),
    *(f"call__agent__{name}" for name in ("extension", "external_id", "name")),
    *(f"call__recording__{name}" for name in ("state", "stage", "kept_from", "purged_at")),
    *(f"call__recording__{name}" for name in ("key", "bytes", "crc32", "sha256", "duration_seconds")),
    "call__recording__silences",
)


@dataclass(frozen=True, slots=True)
class _Item:
    """An entry as it is when its turn comes; ``key``, ``size`` and ``crc32`` are what read_ahead asks for.

    What is left out may have no recording at all.
    """

    position: int
    call: Call
    left_out: str = ""
    status: EntryStatus = EntryStatus.INCLUDED
    further: Sequence[str] = ()

    @property
    def recording(self) -> Recording:
        return self.call.recording

    @property
    def key(self) -> str:
        return self.recording.key

    @property
    def size(self) -> int:
        return self.recording.bytes or 0

    @property
    def crc32(self) -> int:
        return self.recording.crc32 or 0


@dataclass(frozen=True, slots=True)
class _Packed:
    stored: StoredObject
    totals: ManifestTotals
    left_out: Mapping[str, list[int]]


class _Progress:
    """Tells the row how far the packing is; LeaseLost where it was cancelled or taken over."""

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self._told_at = 0.0
        self.entries = 0

    def tell(self, *_: object) -> None:
        if time.monotonic() - self._told_at >= _LOOK_UP_SECONDS:
            self._lease.write(entries_done=self.entries)
            self._told_at = time.monotonic()


class _Balance:
    """The manifest, and why which entries are not in the ZIP."""

    def __init__(self, manifest: Manifest) -> None:
        self.left_out: dict[str, list[int]] = {}
        self._manifest = manifest

    def include(self, item: _Item, name: str) -> None:
        self._manifest.add(_row(item, file=name))

    def leave_out(self, item: _Item) -> None:
        self.left_out.setdefault(item.left_out, []).append(item.position)
        self._manifest.add(_row(item))


def register_work() -> None:
    work.register(
        work.Kind(
            model=ExportJob,
            perform=work.each(pack),
            give_up=_give_up,
            task="exports.tasks.pack_export",
            lane_cap=settings.EXPORTS_RUNNING_PER_SUB_TENANT,
            target_cap=1,
        )
    )


def pack(lease: Lease) -> None:
    """Bring the leased export to an outcome: packed, to be tried again, or failed."""
    job = ExportJob.objects.select_related("sub_tenant").get(pk=lease.pk)
    with structlog.contextvars.bound_contextvars(request_id=job.request_id, export=job.public_id):
        try:
            _remove_former(job)
            packed = _pack(lease, job)
        except (StorageError, OSError) as error:
            _try_again(lease, job, error)
        else:
            _make_current(lease, job, packed)


def _pack(lease: Lease, job: ExportJob) -> _Packed:
    storage, progress, names = default_storage(), _Progress(lease), EntryNames()
    key, columns = f"{PREFIX}{job.public_id}/{lease.epoch}.zip", Columns.read(job.manifest_columns)
    with (
        closing(Manifest(columns.titles)) as manifest,
        storage.open_writer(key, content_type="application/zip") as writer,
        Archive(writer, on_write=progress.tell) as archive,
    ):
        balance = _Balance(manifest)
        items = _available(_items(job, columns), balance, progress)
        with closing(read_ahead(items, storage, folder=_scratch(), check=progress.tell)) as outcomes:
            for item, outcome in outcomes:
                _add(archive, balance, names, item, outcome)
                progress.entries = item.position
        _refuse_nothing(manifest.totals)
        archive.add(MANIFEST_NAME, manifest.content(), modified=job.created_at)
        archive.close()
        progress.tell()
        return _Packed(writer.close(), manifest.totals, balance.left_out)


def _refuse_nothing(totals: ManifestTotals) -> None:
    """A store of which all is missing is away: a folder that is not mounted looks just so."""
    if totals.missing and not totals.included:
        raise StorageError("none of the recordings is in the store")


def _add(
    archive: Archive, balance: _Balance, names: EntryNames, item: _Item, outcome: Content | EntryFailed
) -> None:
    call = item.call
    if isinstance(outcome, EntryFailed):
        log.warning("export_entry_left_out", call=str(call.uuid), key=item.key, reason=outcome.reason)
        balance.leave_out(replace(item, left_out=outcome.reason[:255], status=EntryStatus.MISSING))
        return
    name = names.name(call.started_at, _extension(call), call.customer_phone, call.uuid)
    archive.add(name, outcome, modified=call.started_at)
    balance.include(item, name)


def _available(items: Iterator[_Item], balance: _Balance, progress: _Progress) -> Iterator[_Item]:
    """The items to read; the others are in the manifest already."""
    for item in items:
        progress.tell()
        if item.left_out:
            balance.leave_out(item)
        else:
            yield item


def _items(job: ExportJob, columns: Columns) -> Iterator[_Item]:
    """Every entry with its call as it is now, a few hundred at a time."""
    now = work.database_now()
    entries = (
        job.entries.select_related("call__recording", "call__agent")
        .only(*_READ)
        .annotate(is_held=keeping.held("call"))
        .order_by("position")
    )
    # Both ends are given: the table has no statistics of rows written a moment ago, and a limit alone lets
    # PostgreSQL expect so many that it joins whole tables for each few hundred of them.
    for first in range(1, job.entries_total + 1, _ROWS_AT_ONCE):
        some = list(entries.filter(position__range=(first, first + _ROWS_AT_ONCE - 1)))
        cells = columns.cells([entry.call_id for entry in some])
        for entry in some:
            reason, status = _left_out(entry, job, now)
            yield _Item(entry.position, entry.call, reason, status, cells[entry.call_id])


def _left_out(entry: ExportEntry, job: ExportJob, now: datetime) -> tuple[str, EntryStatus]:
    """Why the ZIP cannot hold it, and what the manifest calls that; without a reason it can."""
    recording: Recording | None = getattr(entry.call, "recording", None)
    if recording is None:
        reason = "still in progress" if entry.call.in_progress else "has no recording"
        return reason, EntryStatus.MISSING
    expiry = keeping.expiry(recording, job.sub_tenant)
    has_passed = expiry is not None and expiry <= now and not getattr(entry, "is_held", False)
    if recording.purged_at or has_passed:
        return "past its retention window", EntryStatus.EXPIRED
    if recording.state != WorkState.DONE:
        return _NOT_STORED[recording.is_failed], EntryStatus.MISSING
    return "", EntryStatus.INCLUDED


def _row(item: _Item, *, file: str = "") -> ManifestRow:
    call, recording = item.call, item.recording if file else None
    return ManifestRow(
        call_uuid=call.uuid,
        agent_extension=_extension(call),
        agent_name=call.agent.name if call.agent else "",
        disposition_code=call.disposition,
        started_at=call.started_at,
        lead_phone_number=call.customer_phone,
        status=item.status,
        duration_seconds=recording.duration_seconds if recording else None,
        file=file,
        bytes=item.size if file else 0,
        sha256=recording.sha256 if recording else "",
        paused=recording.silences if recording else (),
        further=item.further,
    )


def _extension(call: Call) -> str:
    return (call.agent.extension or call.agent.external_id) if call.agent else ""


def _make_current(lease: Lease, job: ExportJob, packed: _Packed) -> None:
    try:
        with transaction.atomic():
            _finish(lease, packed)
            _note_what_is_inside(job, packed)
    except LeaseLost:
        # Nobody else can name this key: it holds our epoch.
        default_storage().delete(packed.stored.key)
        raise
    log.info("export_packed", files=packed.totals.included, bytes=packed.stored.bytes)


def _finish(lease: Lease, packed: _Packed) -> None:
    totals, stored = packed.totals, packed.stored
    lease.finish(
        completed_at=work.database_now(),
        entries_done=totals.matched,
        included=totals.included,
        expired=totals.expired,
        missing=totals.missing,
        zip_key=stored.key,
        zip_bytes=stored.bytes,
        # Not every store tells one; what lies under a key never changes, as it names job and epoch.
        zip_etag=stored.etag or stored.key.removeprefix(PREFIX).replace("/", "-"),
    )


def _note_what_is_inside(job: ExportJob, packed: _Packed) -> None:
    for reason, positions in packed.left_out.items():
        for start in range(0, len(positions), _ROWS_AT_ONCE):
            some = positions[start : start + _ROWS_AT_ONCE]
            job.entries.filter(position__in=some).update(left_out=reason)
    inside = job.entries.filter(left_out="").values("call")
    Call.objects.filter(pk__in=inside).update(last_exported_at=work.database_now())


def _try_again(lease: Lease, job: ExportJob, error: Exception) -> None:
    steps = settings.EXPORT_RETRY_STEPS
    log.warning("export_not_packed", error=str(error), attempt=job.attempts + 1)
    if job.attempts < len(steps):
        lease.retry(str(error), delay=steps[job.attempts], entries_done=0)
    else:
        _fail(lease, str(error), STORAGE_ERROR, "Storage unavailable during ZIP packaging.")


def _give_up(lease: Lease, reason: str) -> None:
    _fail(lease, reason, INTERNAL_ERROR, "ZIP packaging was interrupted too often.")


def _fail(lease: Lease, reason: str, code: str, message: str) -> None:
    lease.fail(reason, error_code=code, error_message=message, failed_at=work.database_now())


def _remove_former(job: ExportJob) -> None:
    """What earlier attempts stored and did not live to name."""
    default_storage().delete_all(f"{PREFIX}{job.public_id}/")


def _scratch() -> Path:
    folder: Path = settings.DATA_DIR / "scratch"
    folder.mkdir(parents=True, exist_ok=True)
    return folder

"""What attempts to fetch a recording leave behind when their worker is killed, and who removes it.

Nobody may be meant to hear it: the original of a call that was paused holds what was said meanwhile.
"""

import fcntl
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog
from django.conf import settings

from calls.models import Recording
from zipingest.storage import StorageError, default_storage
from zipingest.work import Lease

log = structlog.get_logger(__name__)

_PREFIX = "fetch-"
# A folder is locked as soon as it is made; a younger one may not be yet.
_UNLOCKED_SECONDS = 60
# No upload of a worker that is alive takes so long.
_UPLOAD_SECONDS = 6 * 3600


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder for one attempt, locked meanwhile; what others abandoned on this machine goes first."""
    remove_abandoned()
    with TemporaryDirectory(dir=_scratch(), prefix=_PREFIX) as name, _locked(Path(name)):
        yield Path(name)


def remove_abandoned() -> None:
    """Delete the folders of workers that were killed: their locks went with them."""
    for folder in _scratch().glob(f"{_PREFIX}*"):
        # Whoever owns it may be done with it this moment, or hold the lock.
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > _UNLOCKED_SECONDS:
                with _locked(folder):
                    shutil.rmtree(folder)
                log.warning("scratch_of_killed_worker_removed", folder=folder.name)


def abort_uploads() -> None:
    """Abort what killed workers began to store hours ago. Raises zipingest.storage.StorageError."""
    default_storage().sweep_partial(_UPLOAD_SECONDS)


def remove_objects(lease: Lease, recording: Recording, *, until: int) -> None:
    """Delete what the row's epochs up to `until` stored and never made current.

    Before the outcome is written: who is killed in between leaves the row at work, and the next does it.
    Later epochs are left alone: the row may be at work again already.
    """
    if lease.epoch == 1:
        return
    current = Recording.objects.values_list("key", "original_key").get(pk=recording.pk)
    try:
        found = [stored.key for stored in default_storage().list(prefix(recording))]
    except StorageError as error:
        log.warning("leftovers_not_listed", error=str(error))
        return
    delete(key for key in found if key not in current and _epoch_of(key) <= until)


def delete(keys: Iterable[str]) -> None:
    """Delete these objects (an empty key names none); while the storage is away they stay."""
    try:
        for key in filter(None, keys):
            default_storage().delete(key)
    except StorageError as error:
        log.warning("leftovers_not_removed", error=str(error))


def prefix(recording: Recording) -> str:
    """Under which the objects of a recording lie."""
    return f"recordings/{recording.call.uuid}/"


def _epoch_of(key: str) -> int:
    """The epoch in ``recordings/<uuid>/<run>-<epoch>.wav``."""
    return int(Path(key).stem.partition("-")[2])


def _scratch() -> Path:
    path = Path(settings.DATA_DIR, "scratch")
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, which ends with the process at the latest; BlockingIOError where it is held."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)

"""A disk that is full: of what is fetched and decoded, of what is stored, and of what is packed."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.faults.check import Outcome, check
from tests.faults.doors import Doors
from tests.faults.stack import Stack, wait_until
from tests.faults.supervised import STEPS, judge_ends, judge_objects
from tests.support import audio
from tests.support.partner_server import PartnerServer

MEGABYTES = 8
CALLS = 6
# Room to begin a file, and not to end it.
LEFT_BYTES = 8192
NO_SPACE = "No space left on device"

_STATES = "SELECT state, last_error, key FROM calls_recording ORDER BY id DESC LIMIT %s"
_EXPORTS = "SELECT state, last_error, zip_key FROM exports_exportjob ORDER BY id DESC LIMIT 1"
_OPEN = "SELECT count(*) FROM exports_exportjob WHERE state IN ('due', 'leased')"


class NotMounted(Exception):
    """Nobody may mount a file system here."""


@check(
    "Disk full: a plain reason, tried again, nothing half written is current, done once there is room",
    seconds=600,
)
def full_disk() -> Outcome:
    outcome = Outcome()
    try:
        with ExitStack() as ending:
            blobs = Path(ending.enter_context(TemporaryDirectory()), "blobs")
            ending.enter_context(_small_disk(blobs))
            _try_both(outcome, blobs)
    except NotMounted as error:
        print(f"    not tried, which takes the right to mount a file system: {error}")
        outcome.expect(os.environ.get("CI") != "true", f"not tried: {error}")
    return outcome


def _try_both(outcome: Outcome, blobs: Path) -> None:
    with (
        PartnerServer() as server,
        Stack(
            programs=("web", "worker", "packer", "beat"),
            STORAGE_URL=blobs.as_uri(),
            ZIPINGEST_ALLOW_LOOPBACK="True",
            FETCH_RETRY_STEPS=STEPS,
            EXPORT_RETRY_STEPS=STEPS,
        ) as stack,
        _small_disk(stack.folder / "scratch") as scratch,
    ):
        recording = server.serve("/a.wav", audio.wav(2))
        doors = Doors(stack, recording=recording, callback=server.serve("/callback", status=204))
        doors.prepare()
        _fill_and_judge(outcome, stack, doors, scratch, exports=False)
        _fill_and_judge(outcome, stack, doors, blobs, exports=True)
        judge_ends(outcome, stack, ["first", *_calls(scratch), *_calls(blobs)])
        judge_objects(outcome, stack, blobs)


def _fill_and_judge(outcome: Outcome, stack: Stack, doors: Doors, disk: Path, *, exports: bool) -> None:
    """Calls that come and an export that is ordered while `disk` is full; and that end when it is not."""
    with _filled(disk):
        doors.partner.ingest([doors.item(call) for call in _calls(disk)])
        if exports:
            doors.order()
        _wait_until_all_failed(stack, disk, exports=exports)
        for state, error, key in stack.rows(_STATES, CALLS) + stack.rows(_EXPORTS) * exports:
            held = state in ("due", "leased") and NO_SPACE in error and not key
            outcome.expect(held, f"{disk.name} full: {state}, {error!r}, {key!r}")
    stack.wait_until_fetched(seconds=60)
    stack.wait_until_delivered(seconds=60)
    wait_until(lambda: stack.rows(_OPEN) == [(0,)], seconds=60, what="the exports are packed")
    ((state, error, _),) = stack.rows(_EXPORTS)
    outcome.expect(state == "done", f"{disk.name}: the export is {state}: {error}")
    left = [path.name for path in disk.rglob("*") if path.parent.name == ".partial" or "fetch-" in str(path)]
    outcome.expect(not left, f"{disk.name}: left half written: {left}")


def _calls(disk: Path) -> list[str]:
    return [f"{disk.name}-{number}" for number in range(CALLS)]


def _wait_until_all_failed(stack: Stack, disk: Path, *, exports: bool) -> None:
    def have_failed() -> bool:
        rows = stack.rows(_STATES, CALLS) + stack.rows(_EXPORTS) * exports
        return all(error for _, error, _ in rows)

    wait_until(have_failed, seconds=60, what=f"all have failed, with {disk.name} full")


# --- Disks ------------------------------------------------------------------------------------------------
@contextmanager
def _small_disk(folder: Path) -> Iterator[Path]:
    """A file system of MEGABYTES at `folder`. Raises NotMounted."""
    folder.mkdir(exist_ok=True)
    options = ["-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", folder]
    mounted = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
    if mounted.returncode:
        raise NotMounted(mounted.stderr.strip())
    try:
        yield folder
    finally:
        # Lazily: a process may still be about to close a file there.
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def _filled(disk: Path) -> Iterator[None]:
    ballast = disk / "ballast"
    free = os.statvfs(disk)
    ballast.write_bytes(bytes(free.f_bavail * free.f_bsize - LEFT_BYTES))
    try:
        yield
    finally:
        ballast.unlink()

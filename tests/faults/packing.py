"""The packer killed in the middle of exports: what is ready is whole, and nothing else is left."""

import csv
import io
import random
import subprocess
import time
import zipfile
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.faults.check import Outcome, check
from tests.faults.exports import Exports
from tests.faults.stack import Stack, wait_until
from tests.support.s3 import s3_server

KILLS = 10
# One export survives as many; it is given up at the next.
KILLS_EACH = 10
SEED = 20260601
FILES = 6000
FILE_BYTES = 8000
S3_FILES = 1500
S3_FILE_BYTES = 40_000
MOST_SECONDS = 60

_STATE = "SELECT state, expiries FROM exports_exportjob WHERE public_id = %s"
_TOTALS = """
SELECT entries_total, included, expired, missing, zip_key FROM exports_exportjob WHERE public_id = %s
"""
# Nobody waits out the growing pauses between lost attempts here.
_AT_ONCE = "UPDATE exports_exportjob SET due_at = now() WHERE state = 'due' RETURNING id"
_STORAGE = "from zipingest.storage import default_storage as storage; "
_STORED = _STORAGE + "print(*(stored.key for stored in storage().list('exports/')))"
# Of any age: nobody packs any more.
_SWEEP = _STORAGE + "print(storage().sweep_partial(-60))"


@check(f"packer killed -9 at {KILLS} random moments: whole ZIPs that balance, nothing else left", seconds=300)
def packing_killed() -> Outcome:
    with _stack() as stack:
        return _kill_and_judge(stack, Exports(stack, count=FILES, size=FILE_BYTES))


@check(f"packer killed -9 at {KILLS} random moments on S3: the same, and no upload left begun", seconds=300)
def packing_killed_on_s3() -> Outcome:
    with (
        TemporaryDirectory() as folder,
        s3_server(Path(folder)) as server,
        _stack(STORAGE_URL=server.url("store"), **server.environment) as stack,
    ):
        return _kill_and_judge(stack, Exports(stack, count=S3_FILES, size=S3_FILE_BYTES))


def _stack(**environment: str) -> Stack:
    programs = ("web", "worker", "packer", "beat")
    return Stack(programs=programs, WORK_LEASE_SECONDS="2", **environment)


def _kill_and_judge(stack: Stack, exports: Exports) -> Outcome:
    outcome, chance, kills = Outcome(), random.Random(SEED), 0
    jobs = [exports.order()]
    took = _seconds_of(stack, jobs[0])
    while kills < KILLS:
        jobs.append(exports.order())
        kills += _kill_while_packing(stack, jobs[-1], chance, took, most=min(KILLS_EACH, KILLS - kills))
        _wait_until_ended(stack, jobs[-1])
    for job in jobs:
        _judge_zip(outcome, stack, exports, job)
    _judge_store(outcome, stack, jobs)
    print(f"    killed: {kills} times in {len(jobs) - 1} exports of {took:.1f} s each")
    return outcome


def _seconds_of(stack: Stack, job: str) -> float:
    """How long an export takes that nobody disturbs."""
    _wait_until_packed(stack, job)
    began = time.monotonic()
    _wait_until_ended(stack, job)
    return time.monotonic() - began


def _kill_while_packing(stack: Stack, job: str, chance: random.Random, took: float, *, most: int) -> int:
    """Kill the packer at random moments of the job's packing, up to `most` times; how many met it at work."""
    killed = 0
    while killed < most:
        _wait_until_packed(stack, job, losses=killed)
        time.sleep(chance.uniform(0, took))
        packer = stack.processes["packer"]
        packer.kill()
        packer.wait()
        stack.start("packer")
        if _state(stack, job)[0] != "leased":
            break
        killed += 1
    return killed


def _wait_until_packed(stack: Stack, job: str, *, losses: int = 0) -> None:
    def is_packed() -> bool:
        stack.rows(_AT_ONCE)
        state, expiries = _state(stack, job)
        return state == "leased" and expiries >= losses

    wait_until(is_packed, seconds=MOST_SECONDS, what="it is packed")


def _wait_until_ended(stack: Stack, job: str) -> None:
    def has_ended() -> bool:
        stack.rows(_AT_ONCE)
        return _state(stack, job)[0] not in ("due", "leased")

    wait_until(has_ended, seconds=MOST_SECONDS, what="the export has ended")


def _state(stack: Stack, job: str) -> tuple[str, int]:
    (row,) = stack.rows(_STATE, job)
    return row


def _judge_zip(outcome: Outcome, stack: Stack, exports: Exports, job: str) -> None:
    """It is ready, sound to two readers, and its manifest accounts for every matched call."""
    status = exports.get(job)["status"]
    outcome.expect(status == "ready", f"{job} ended {status}")
    if status != "ready":
        return
    with TemporaryDirectory() as folder:
        path = Path(folder, "export.zip")
        exports.download(job, path)
        tested = subprocess.run(["unzip", "-tqq", path], capture_output=True, text=True, check=False)
        outcome.expect(
            tested.returncode == 0, f"{job}: unzip says {tested.stdout[:300]}{tested.stderr[:300]}"
        )
        with zipfile.ZipFile(path) as archive:
            _judge_balance(outcome, stack, job, archive)


def _judge_balance(outcome: Outcome, stack: Stack, job: str, archive: zipfile.ZipFile) -> None:
    (row,) = stack.rows(_TOTALS, job)
    total, *parts, _ = row
    rows = list(csv.DictReader(io.StringIO(archive.read("manifest.csv").decode("utf-8-sig"))))
    counts = Counter(each["status"] for each in rows)
    stated = [counts[status] for status in ("included", "expired", "missing")]
    calls = len({each["call_uuid"] for each in rows})
    outcome.expect(
        len(rows) == calls == total == sum(parts), f"{job}: {len(rows)} rows, {calls} calls, {row}"
    )
    outcome.expect(stated == parts, f"{job}: the manifest has {counts}, the row {parts}")
    files = {each["file"] for each in rows if each["status"] == "included"} | {"manifest.csv"}
    outcome.expect(sorted(files) == sorted(archive.namelist()), f"{job}: the ZIP holds other files")


def _judge_store(outcome: Outcome, stack: Stack, jobs: list[str]) -> None:
    """What lies there is what the rows name; of what was half written a sweep leaves nothing."""
    named = sorted(stack.rows(_TOTALS, job)[0][-1] for job in jobs)
    found = sorted(stack.run(_STORED).split())
    outcome.expect(found == named, f"objects {found}, but the rows name {named}")
    print(f"    half written and swept: {stack.run(_SWEEP).strip()}")
    again = stack.run(_SWEEP).strip()
    outcome.expect(again == "0", f"{again} half written objects survived the sweep")
    partial = stack.folder / "blobs" / ".partial"
    left = [*partial.iterdir()] if partial.exists() else []
    outcome.expect(not left, f"{len(left)} files are left half written")

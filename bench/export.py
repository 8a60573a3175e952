"""Exports: from the order to the finished ZIP, beside what a shell would do with the same files.

On the local store beside `cat` into one new file, alone and with the sync that our ZIP has had, and beside
`zip -0`; on S3 beside reading every object once with the same client; and many small recordings, for the
memory. Run under tests.support.services.
"""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.rounds import Contender, Rates, Ratio, alternate, ratio, show
from bench.tables import database_url, vacuum
from tests.faults.exports import Exports
from tests.faults.stack import Stack
from tests.support.s3 import s3_server
from zipingest.storage import Storage

FILES = 215
FILE_BYTES = 460_000_000 // FILES
SMALL_FILES = 100_000
SMALL_BYTES = 400
ROUNDS = 7
MOST_SECONDS = 300
MOST_MEGABYTES = 150
BLOCK_BYTES = 1024 * 1024
POLL_SECONDS = 0.02


def measure(rounds: int) -> list[Ratio]:
    if shutil.which("zip") is None:
        raise RuntimeError("bench-export needs zip; as root: apt-get install zip")
    ratios = [*_local(rounds), *_s3(rounds)]
    _many()
    return ratios


def _local(rounds: int) -> list[Ratio]:
    with _stored("the local store", FILES, FILE_BYTES) as (stack, exports):
        rates = _compared({"product": _product(exports), **_shells(stack, exports)}, rounds)
        show(rates, "MB")
        _report_memory(exports)
    what = f"export of {FILES} files, time /"
    return [
        ratio(f"{what} `cat`", rates, "cat", 1.2, times=True),
        ratio(f"{what} `cat` and `sync`", rates, "cat, sync", None, times=True),
        ratio(f"{what} `zip -0`", rates, "zip -0", 0.5, times=True),
    ]


def _s3(rounds: int) -> list[Ratio]:
    with tempfile.TemporaryDirectory(prefix="bench-s3-") as folder, s3_server(Path(folder)) as server:
        environment = {"STORAGE_URL": server.url("store"), **server.environment}
        with _stored("S3 (rclone)", FILES, FILE_BYTES, **environment) as (_, exports):
            reader = _reader(server.storage("store"))
            rates = _compared({"product": _product(exports), "read once": reader}, rounds)
            show(rates, "MB")
            _report_memory(exports)
    return [ratio("the same on S3, time / reading once", rates, "read once", 1.3, times=True)]


def _many() -> None:
    with _stored("the local store", SMALL_FILES, SMALL_BYTES) as (_, exports):
        started = time.monotonic()
        _pack(exports)
        print(f"time: {time.monotonic() - started:.1f} s")
        _report_memory(exports)


@contextmanager
def _stored(store: str, count: int, size: int, **environment: str) -> Iterator[tuple[Stack, Exports]]:
    """The product with that many recordings in its store, and nothing to do but exports."""
    # The settings let a client ask for the status as often as it takes.
    given = {"DJANGO_SETTINGS_MODULE": "bench.settings", "LOG_LEVEL": "INFO", **environment}
    with Stack(programs=("web", "packer"), **given) as stack:
        exports = Exports(stack, count=count, size=size)
        print(f"\n{count:,} recordings of {exports.bytes / 1e6:,.0f} MB on {store}", flush=True)
        vacuum(database_url(stack))
        yield stack, exports


def _compared(contenders: Mapping[str, Contender], rounds: int) -> Rates:
    for contend in contenders.values():
        contend(-1)  # files in the page cache, connections open: the middle of a day
    return alternate(contenders, rounds)


def _product(exports: Exports) -> Contender:
    """MB a second, from the order to the status `ready`."""

    def contend(_: int) -> float:
        started = time.monotonic()
        job = _pack(exports)
        rate = exports.bytes / 1e6 / (time.monotonic() - started)
        exports.delete(job)
        return rate

    return contend


def _pack(exports: Exports) -> str:
    """The id of an export once the product says that it is ready."""
    job, deadline = exports.order(), time.monotonic() + MOST_SECONDS
    while (data := exports.get(job))["status"] in ("queued", "running"):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not ready after {MOST_SECONDS} s: {data}")
        time.sleep(POLL_SECONDS)
    if data["status"] != "ready":
        raise RuntimeError(f"the export ended otherwise: {data}")
    return job


def _shells(stack: Stack, exports: Exports) -> dict[str, Contender]:
    store = stack.folder / "blobs"
    files = sorted(str(path.relative_to(store)) for path in (store / "recordings").rglob("*.wav"))
    commands = {
        "cat": 'cat "$@" >new.zip',
        "cat, sync": 'cat "$@" >new.zip && sync new.zip',
        "zip -0": 'zip -0 -q new.zip "$@"',
    }

    def shell(command: str) -> Contender:
        def contend(_: int) -> float:
            started = time.monotonic()
            subprocess.run(["sh", "-c", command, "sh", *files], cwd=store, check=True, timeout=MOST_SECONDS)
            rate = exports.bytes / 1e6 / (time.monotonic() - started)
            (store / "new.zip").unlink()
            return rate

        return contend

    return {name: shell(command) for name, command in commands.items()}


def _reader(storage: Storage) -> Contender:
    keys = sorted(stored.key for stored in storage.list("recordings/"))

    def contend(_: int) -> float:
        started, total = time.monotonic(), 0
        for key in keys:
            with storage.open_range(key) as stream:
                while block := stream.read(BLOCK_BYTES):
                    total += len(block)
        return total / 1e6 / (time.monotonic() - started)

    return contend


def _report_memory(exports: Exports) -> None:
    print(f"peak memory of the packer: {exports.peak_megabytes():.0f} MB (aim under {MOST_MEGABYTES})")

"""Recordings going out: whole files beside nginx alone, and ranges beside a bare Django view.

The product runs twice on gunicorn, once behind an nginx that sends its files (X-Accel) and once sending them
itself; the nginx is the same that is measured alone. The bare view is on the same gunicorn as the product.
Run under tests.support.services.
"""

import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from importlib import import_module
from itertools import cycle, islice
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from bench.processes import listening
from bench.rounds import Contender, Ratio, alternate, ratio, show
from tests.support.nginx import nginx
from tests.support.services import free_port

if TYPE_CHECKING:
    from bench.recorded import Stored

WORKERS = 2
THREADS = 8
CONNECTIONS = 4
ROUNDS = 7
FILES = 4
CLIENTS = 50
MIB = 1024 * 1024
WHOLE_SIZES = (24 * MIB, 96 * MIB)
WHOLE_BYTES_PER_ROUND = 2400 * MIB
RANGE_BYTES = 64 * 1024
RANGES_PER_ROUND = 1500


@dataclass(frozen=True)
class Ask:
    """One request; what is answered must be ``bytes`` long."""

    path: str
    headers: dict[str, str]
    bytes: int


@dataclass(frozen=True)
class Doors:
    """Ports: our server, the nginx in front of its twin, and who may ask."""

    server: int
    front: int
    clients: Sequence[dict[str, str]]


def measure(rounds: int) -> list[Ratio]:
    with tempfile.TemporaryDirectory(prefix="zipingest-stream-") as folder, ExitStack() as running:
        recorded = _prepare(Path(folder))
        sizes = [recorded.make(FILES, size) for size in WHOLE_SIZES]
        doors = _open(running, Path(folder), recorded.credentials(CLIENTS))
        whole = [each for files in sizes for each in _measure_whole(doors, files, rounds)]
        return [*whole, *_measure_ranges(doors, sizes[0], rounds)]


def _measure_whole(doors: Doors, files: "Sequence[Stored]", rounds: int) -> list[Ratio]:
    size = f"{files[0].bytes // MIB} MiB"
    print(f"\nWhole files of {size}")
    count = WHOLE_BYTES_PER_ROUND // files[0].bytes
    ours = [
        Ask(_path(file), client, file.bytes)
        for file, client in islice(zip(cycle(files), cycle(doors.clients), strict=True), count)
    ]
    plain = [Ask(f"/files/{file.key}", {}, file.bytes) for file in islice(cycle(files), count)]
    contenders = {
        "nginx": (doors.front, plain),
        "X-Accel": (doors.front, ours),
        "server": (doors.server, ours),
    }
    megabytes = WHOLE_BYTES_PER_ROUND / 1e6
    rates = alternate(
        {name: _timed(port, asks, megabytes) for name, (port, asks) in contenders.items()}, rounds
    )
    show(rates, "MB")
    return [
        ratio(f"{size} through nginx, X-Accel / nginx alone, MB/s", rates, "nginx", 0.9, ours="X-Accel"),
        ratio(f"{size} from our server / nginx alone, MB/s", rates, "nginx", 0.5, ours="server"),
    ]


def _measure_ranges(doors: Doors, files: "Sequence[Stored]", rounds: int) -> list[Ratio]:
    print("\nRanges of 64 KiB")
    chosen = random.Random(7)
    asks: dict[str, list[Ask]] = {"product": [], "bare view": [], "file view": []}
    for file, client in islice(zip(cycle(files), cycle(doors.clients), strict=True), RANGES_PER_ROUND):
        start = chosen.randrange(file.bytes - RANGE_BYTES)
        part = {"Range": f"bytes={start}-{start + RANGE_BYTES - 1}"}
        asks["product"].append(Ask(_path(file), client | part, RANGE_BYTES))
        asks["bare view"].append(Ask(f"/bare/{file.uuid}", part, RANGE_BYTES))
        asks["file view"].append(Ask(f"/file/{file.key}", part, RANGE_BYTES))
    rates = alternate(
        {name: _timed(doors.server, given, RANGES_PER_ROUND) for name, given in asks.items()}, rounds
    )
    show(rates, "requests")
    return [ratio("ranges of 64 KiB / a bare view, requests/s", rates, "bare view", 0.7)]


def _path(file: "Stored") -> str:
    return f"/api/telesales/recordings/{file.uuid}"


# --- The client -------------------------------------------------------------------------------------------
def _timed(port: int, asks: Sequence[Ask], amount: float) -> Contender:
    """``amount`` a second, over a few connections that stay open."""

    def contend(number: int) -> float:
        shares = [asks[start::CONNECTIONS] for start in range(CONNECTIONS)]
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            started = time.monotonic()
            list(pool.map(lambda share: _ask_all(port, share), shares))
            return amount / (time.monotonic() - started)

    contend(-1)  # connections to the database, files in the page cache: the middle of a day
    return contend


def _ask_all(port: int, asks: Sequence[Ask]) -> None:
    connection, buffer = HTTPConnection("127.0.0.1", port, timeout=60), memoryview(bytearray(MIB))
    try:
        for ask in asks:
            connection.request("GET", ask.path, headers=ask.headers)
            answer = connection.getresponse()
            received = 0
            while count := answer.readinto(buffer):
                received += count
            if answer.status not in (200, 206) or received != ask.bytes:
                raise RuntimeError(f"{ask.path} answered {answer.status} with {received} bytes")
    finally:
        connection.close()


# --- What is measured -------------------------------------------------------------------------------------
def _prepare(folder: Path) -> ModuleType:
    """The tables, and the module that fills them: it needs the environment that is set first."""
    os.environ |= {"DJANGO_SETTINGS_MODULE": "bench.settings", "ZIPINGEST_DATA_DIR": str(folder)}
    (folder / "static").mkdir()
    recorded = import_module("bench.recorded")
    recorded.make_tables()
    return recorded


def _open(running: ExitStack, folder: Path, clients: Sequence[dict[str, str]]) -> Doors:
    server, behind = running.enter_context(_product("")), running.enter_context(_product("/protected/"))
    own = folder / "nginx"
    own.mkdir()
    front = nginx(own, files=folder / "blobs", upstreams=[behind], workers=WORKERS)
    return Doors(server, running.enter_context(front), clients)


@contextmanager
def _product(x_accel_prefix: str) -> Iterator[int]:
    """The port of a gunicorn as run_stack starts it; what it logs goes nowhere."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "zipingest.wsgi", f"--bind=127.0.0.1:{port}"]
    command += [f"--workers={WORKERS}", f"--threads={THREADS}", "--no-control-socket"]
    environment = {"X_ACCEL_PREFIX": x_accel_prefix}
    with listening(command, port, environment=environment, quiet=True):
        yield port

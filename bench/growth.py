"""What takes longer as the house grows: the same at ten thousand, a million and ten million calls.

    python -m bench.growth [--up-to 1000000] [--rounds 21] [--only library]

Sub-tenants grow in number, not in size. Each size is a database of its own on one server, and a process of
its own (bench/growth_house.py) that does what it is told; they take turns, so that a busy machine slows them
alike. The pages that their queries read tell the same without a clock. What is slower than the aim is printed
with its plans. Run under tests.support.services.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import psycopg

from tests.faults.stack import ROOT
from zipingest.supervisor import die_with_parent

SIZES = (10_000, 1_000_000, 10_000_000)
ROUNDS = 21
AIM = 1.5
BYTES_PER_CALL = 2_700
# So much of the disk is left to others.
SPARED_BYTES = 15_000_000_000
# Name of what is measured → seconds, one per round.
Times = dict[str, list[float]]


class House:
    """A process with a database of so many calls, asked over its pipes."""

    def __init__(self, calls: int, process: "subprocess.Popen[str]") -> None:
        self.calls, self._process = calls, process
        self.names: list[str] = self._read()

    def seconds(self, name: str) -> float:
        return float(self._ask("time", name))

    def pages(self, name: str) -> int:
        return int(self._ask("pages", name))

    def plans(self, name: str) -> list[str]:
        plans: list[str] = self._ask("plans", name)
        return plans

    def _ask(self, *request: str) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        if line := self._process.stdout.readline():
            return json.loads(line)
        raise RuntimeError(f"the process of {self.calls:,} calls has ended: see above")


def main() -> int:
    given = _arguments()
    sizes = [size for size in SIZES if size <= given.up_to]
    with ExitStack() as running:
        houses = [running.enter_context(_house(size, number)) for number, size in enumerate(sizes, 1)]
        names = [name for name in houses[0].names if name.startswith(given.only)]
        times = _in_turns(houses, names, given.rounds)
        _show(sizes, times, [{name: house.pages(name) for name in names} for house in houses])
        for name in _slower(times):
            _explain(houses[-1], name)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.growth", description="Measure how the house takes growth.")
    parser.add_argument("--up-to", type=int, default=SIZES[-1], help="the largest number of calls")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", default="", help="how the names of what is measured begin")
    given = parser.parse_args()
    if given.up_to < SIZES[0]:
        parser.error(f"--up-to: at least {SIZES[0]}")
    return given


# --- Houses -----------------------------------------------------------------------------------------------
@contextmanager
def _house(calls: int, number: int) -> Iterator[House]:
    with _database(calls) as database, tempfile.TemporaryDirectory(prefix="zipingest-growth-") as folder:
        redis = urlsplit(os.environ["REDIS_URL"])._replace(path=f"/{number}").geturl()
        environment = {**os.environ, "DATABASE_URL": database, "REDIS_URL": redis, "LOG_LEVEL": "WARNING"}
        environment |= {"ZIPINGEST_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "bench.growth_settings"}
        _spare_the_disk(calls * BYTES_PER_CALL)
        _run("manage.py", "migrate", "--verbosity=0", environment=environment)
        _run("manage.py", "make_data", f"--calls={calls}", environment=environment)
        process = _start("-m", "bench.growth_house", environment=environment, pipe=subprocess.PIPE)
        try:
            yield House(calls, process)
        finally:
            process.kill()
            process.communicate()


@contextmanager
def _database(calls: int) -> Iterator[str]:
    """The DATABASE_URL of a new database, dropped afterwards."""
    server, name = os.environ["DATABASE_URL"], f"growth_{calls}"
    with psycopg.connect(server, autocommit=True) as administrator:
        administrator.execute(f"CREATE DATABASE {name}")
    try:
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
    finally:
        # The server may be gone already, and all its data with it.
        with suppress(psycopg.OperationalError), psycopg.connect(server, autocommit=True) as administrator:
            administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _run(*command: str, environment: dict[str, str]) -> None:
    """Run it to its end, while the disk has room; SystemExit where it fails."""
    process = _start(*command, environment=environment)
    try:
        while process.poll() is None:
            _spare_the_disk()
            time.sleep(1)
    finally:
        process.kill()
        process.wait()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")


def _start(*command: str, environment: dict[str, str], pipe: int | None = None) -> "subprocess.Popen[str]":
    parent = os.getpid()
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment,
        stdin=pipe,
        stdout=pipe,
        text=True,
        preexec_fn=lambda: die_with_parent(parent),
    )


def _spare_the_disk(needed: int = 0) -> None:
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if free - needed < SPARED_BYTES:
        raise SystemExit(f"{free / 1e9:.0f} GB are free, and {(SPARED_BYTES + needed) / 1e9:.0f} are needed")


# --- Measuring --------------------------------------------------------------------------------------------
def _in_turns(houses: Sequence[House], names: Sequence[str], rounds: int) -> list[Times]:
    """For each house; the round before the first fills caches and does not count."""
    times: list[Times] = [{name: [] for name in names} for _ in houses]
    for number in range(rounds + 1):
        print(f"  round {number} of {rounds}", flush=True)
        for name in names:
            for house, taken in zip(houses, times, strict=True):
                seconds = house.seconds(name)
                if number:
                    taken[name].append(seconds)
    return times


def _ratio(smaller: Times, larger: Times, name: str) -> float:
    """The median over the rounds of what the larger took to what the smaller took."""
    return median(many / few for few, many in zip(smaller[name], larger[name], strict=True))


def _slower(times: Sequence[Times]) -> list[str]:
    """What takes longer in the largest house than the aim allows."""
    if len(times) < len(SIZES):
        return []
    return [name for name in times[0] if _ratio(times[-2], times[-1], name) > AIM]


def _show(sizes: Sequence[int], times: Sequence[Times], pages: Sequence[dict[str, int]]) -> None:
    labels = [{10_000: "10k", 1_000_000: "1M", 10_000_000: "10M"}[size] for size in sizes]
    pairs = list(zip(range(len(sizes)), range(1, len(sizes)), strict=False))
    ratios = "".join(f"{f'{labels[more]}/{labels[less]}':>10}" for less, more in pairs)
    head = "".join(f"{label:>10}" for label in labels)
    print(f"\n{'medians in ms; pages read':<44}{head}{ratios}   aim ≤ {AIM:<8}{head}")
    slower = _slower(times)
    for name in times[0]:
        medians = "".join(f"{1000 * median(taken[name]):>10.2f}" for taken in times)
        grown = "".join(f"{_ratio(times[less], times[more], name):>10.2f}" for less, more in pairs)
        verdict = ("missed" if name in slower else "met") if len(times) == len(SIZES) else ""
        read = "".join(f"{counted[name]:>10,}" for counted in pages)
        print(f"{name:<44}{medians}{grown}   {verdict:<14}{read}")


def _explain(house: House, name: str) -> None:
    print(f"\n# {name}, at {house.calls:,} calls")
    print(*house.plans(name), sep="\n")


if __name__ == "__main__":
    sys.exit(main())

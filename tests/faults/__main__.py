"""Runs the checks and prints what held: `python -m tests.faults [CHECK or MODULE …]`.

It wants PostgreSQL and Redis: `python -m tests.support.services -- python -m tests.faults` (`make faults`).
Exits with 1 where anything was violated.
"""

import importlib
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tests.faults.check import CHECKS, Check, Outcome

# In the order in which they run.
MODULES = (
    "urls",
    "servers",
    "media",
    "crashes",
    "isolation",
    "quota",
    "lost_processes",
    "packing",
    "dialling",
    "gone_services",
    "topology",
    "wire",
    "visibility",
    "full_disk",
    "clock",
)


def main(names: Sequence[str]) -> int:
    for module in MODULES:
        importlib.import_module(f"tests.faults.{module}")
    checks = _chosen(names)
    # A `with` block ends what it started, also when make passes a SIGTERM on.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    results = [(check, _run(check)) for check in checks]
    _print_table(results)
    return int(any(outcome.violations for _, outcome in results))


def _chosen(names: Sequence[str]) -> list[Check]:
    unknown = set(names) - {name for check in CHECKS for name in (check.name, check.module)}
    if unknown:
        known = "\n".join(f"  {check.module:<10} {check.name}" for check in CHECKS)
        sys.exit(f"no such check: {' '.join(sorted(unknown))}; there are, by module:\n{known}")
    return [check for check in CHECKS if not names or check.name in names or check.module in names]


def _run(check: Check) -> Outcome:
    print(f"{check.name}: {check.invariant} …", flush=True)
    began = time.monotonic()
    try:
        with _bounded(check.seconds):
            outcome = check.run()
    except Exception as error:  # noqa: BLE001 - the other checks still run, and this one did not hold
        traceback.print_exc()
        outcome = Outcome(1, [f"the check itself failed with {type(error).__name__}: {error}"])
    verdict = f"{len(outcome.violations)} violations" if outcome.violations else "held"
    print(f"    {verdict} in {outcome.tries} tries, {time.monotonic() - began:.0f} s", flush=True)
    for violation in outcome.violations:
        print(f"    - {violation}", flush=True)
    return outcome


@contextmanager
def _bounded(seconds: int) -> Iterator[None]:
    def too_long(*_: Any) -> None:
        raise TimeoutError(f"not over after {seconds} s")

    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def _print_table(results: Sequence[tuple[Check, Outcome]]) -> None:
    width = max(len(check.invariant) for check, _ in results)
    print(f"\n{'invariant':<{width}} | tries | violations\n{'-' * width}-|-------|-----------")
    for check, outcome in results:
        print(f"{check.invariant:<{width}} | {outcome.tries:>5} | {len(outcome.violations):>10}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

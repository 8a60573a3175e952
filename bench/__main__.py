"""All measurements beside a peer, or those named, one after the other; at the end one table of the ratios.

    python -m bench [--rounds N] [ingest fetch …]

Run under tests.support.services. Ends with 1 where one could not be measured; an aim that is missed is a line
of the table.
"""

import argparse
import sys
import traceback
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from bench.rounds import Ratio, measured

MEASURED = ("ingest", "fetch", "callbacks", "export", "dialer", "stream")


def main() -> int:
    given = _arguments()
    ratios: list[Ratio] = []
    failed = []
    for name in given.names or MEASURED:
        print(f"\n--- {name}", flush=True)
        try:
            ratios += _measure(name, given.rounds)
        except Exception:  # noqa: BLE001 - whatever it is, the others are worth measuring
            traceback.print_exc()
            failed.append(name)
    _show(ratios, failed)
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="Measure the product beside a peer.")
    parser.add_argument(
        "names", nargs="*", metavar="name", help=f"of {', '.join(MEASURED)}; without one, all"
    )
    parser.add_argument("--rounds", type=int, help="fewer or more of them than each has by itself")
    given = parser.parse_args()
    if unknown := set(given.names) - set(MEASURED):
        parser.error(f"nothing is measured by the name of {', '.join(sorted(unknown))}")
    return given


def _measure(name: str, rounds: int | None) -> list[Ratio]:
    """In a process of its own: one that sets up the product in itself must find nothing set up before."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:
        return apart.submit(measured, name, rounds).result()


def _show(ratios: Sequence[Ratio], failed: Sequence[str]) -> None:
    print(f"\n{'ratio to the peer':<52}{'median':>8}{'lowest':>9}{'highest':>9}{'rounds':>8}{'aim':>7}")
    for each in ratios:
        spread = f"{min(each.values):>9.2f}{max(each.values):>9.2f}{len(each.values):>8}"
        print(f"{each.name:<52}{each.median:>8.2f}{spread}{_aim(each):>7}  {each.verdict}")
    for name in failed:
        print(f"{name:<52}could not be measured: see above")


def _aim(each: Ratio) -> str:
    return "" if each.aim is None else f"{'≤' if each.at_most else '≥'} {each.aim}"


if __name__ == "__main__":
    sys.exit(main())

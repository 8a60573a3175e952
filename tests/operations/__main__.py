"""Follows docs/operations.md on an empty machine: `.ci/follow-operations`, which see.

Every named block of the page is run as it stands, in its order. After some of them we look, as a partner and
a member of an account would, from outside, through nginx.
"""

import sys
import time
from pathlib import Path

from tests.operations.following import Following
from tests.operations.machine import Machine, StepFailed
from tests.operations.page import steps


def main(root: Path) -> int:
    with Following(Machine(root)) as following:
        for step in steps():
            started = time.monotonic()
            try:
                said = following.follow(step)
            except (StepFailed, AssertionError) as error:
                print(f"{step.name}: FAILED\n{error}\n{following.logs()}")
                return 1
            print(f"{step.name}: held ({time.monotonic() - started:.0f} s){said and f', {said}'}", flush=True)
    print("docs/operations.md holds")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

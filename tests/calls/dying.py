"""A process that gives audio up and kills itself on the way.

Run as ``python -m tests.calls.dying STEP JOB``; the job is "purge" or "erasure".
"""

import signal
import sys
from collections.abc import Callable
from itertools import count
from typing import Any

import django

from tests.kills.worker import always, die_before

_deletions = count(1)


def is_the_second(*_: Any) -> bool:
    return next(_deletions) == 2


# It ends just before this function of the product, where the condition holds.
STEPS: dict[str, tuple[str, str, Callable[..., bool]]] = {
    "marked": ("calls.services.purge", "delete_audio", always),
    "half": ("zipingest.storage.local", "LocalStorage.delete", is_the_second),
    "deleted": ("calls.services.purge", "_forget_keys", always),
}


def killed(step: str, job: str) -> None:
    from tests.kills.support import process  # its models need Django set up, which main does first

    with process([sys.executable, "-m", "tests.calls.dying", step, job]) as doomed:
        assert doomed.wait(60) == -signal.SIGKILL


def main(step: str, job: str) -> None:
    django.setup()
    from calls.services import erasure, purge

    die_before(*STEPS[step])
    if job == "purge":
        purge.purge_expired()
    else:
        erasure.resume()


if __name__ == "__main__":
    main(*sys.argv[1:])

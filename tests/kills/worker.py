"""A worker that works until nothing is left to do, or kills itself at one step, as the kernel would.

Run as ``python -m tests.kills.worker STEP``; the step "never" is a healthy worker.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import django

PATIENCE_SECONDS = 30


def always(*_: Any) -> bool:
    return True


def has_its_job(helper: Any, *_: Any) -> bool:
    """A helper is also listened to once before its first job: it says that it is ready."""
    return helper.jobs > 0


def is_for_a_callback(task: str) -> bool:
    return task == "partners.tasks.deliver_callback"


# The process ends just before this function (module, name) of the product, where the condition holds.
STEPS: dict[str, tuple[str, str, Callable[..., bool]]] = {
    "claimed": ("calls.services.fetch", "_load", always),
    "decoding": ("calls.audio.process", "HelperProcess._receive", has_its_job),
    "stored": ("calls.services.fetch", "_record_success", always),
    "cleaning": ("calls.services.leftovers", "remove_objects", always),
    "committed": ("zipingest.work.running", "_send", is_for_a_callback),
    "sent": ("partners.deliveries", "_record_all", always),
}


def main(step: str) -> None:
    django.setup()
    if step != "never":
        die_before(*STEPS[step])
    work_off()


def work_off() -> None:
    """Do what is left, and wait for the leases of others to run out."""
    from zipingest import work

    deadline = time.monotonic() + PATIENCE_SECONDS
    while unfinished(work) and time.monotonic() < deadline:
        work.sweep()
        for kind in work.kinds():
            while work.run_one(kind.model):
                pass
        time.sleep(0.1)


def unfinished(work: Any) -> bool:
    waiting = [work.WorkState.DUE, work.WorkState.LEASED]
    return any(kind.model.objects.filter(state__in=waiting).exists() for kind in work.kinds())


def die_before(module: str, path: str, condition: Callable[..., bool]) -> None:
    *classes, name = path.split(".")
    owner = import_module(module)
    for each in classes:
        owner = getattr(owner, each)
    real = getattr(owner, name)

    def dying(*arguments: Any, **options: Any) -> Any:
        if condition(*arguments):
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **options)

    setattr(owner, name, dying)


if __name__ == "__main__":
    main(sys.argv[1])

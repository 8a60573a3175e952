"""Worker processes to be killed, and what must be true once another has taken up their work."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from calls.models import Call, FetchAttempt, Recording
from partners.models import Delivery
from tests.support.partner_server import PartnerServer
from tests.work.fetching import stored_bytes, stored_keys
from zipingest.work import WorkState

# A lease that a killed worker holds for so long keeps a test waiting.
LEASE_SECONDS = "1"


@contextmanager
def process(command: Sequence[str]) -> Iterator["subprocess.Popen[bytes]"]:
    """A process of this repository, killed at the latest at the end of the block."""
    environment = {**os.environ, "WORK_LEASE_SECONDS": LEASE_SECONDS}
    started = subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment)
    try:
        yield started
    finally:
        started.kill()
        started.wait()


def worker(step: str) -> list[str]:
    return [sys.executable, "-m", "tests.kills.worker", step]


def killed_worker(step: str) -> int:
    """The process id of a worker that has killed itself at ``step``."""
    with process(worker(step)) as doomed:
        assert doomed.wait(60) == -signal.SIGKILL
        return doomed.pid


def wait_until(true: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def half_fetched() -> bool:
    """Whether part of a recording has arrived in the scratch folder."""
    return any(part.stat().st_size for part in scratch().glob("fetch-*/original"))


def scratch() -> Path:
    return Path(settings.DATA_DIR, "scratch")


def audio_helpers_of(pid: int) -> list[str]:
    """Audio helpers that the worker with this process id has started and that still run."""
    found = []
    for commandline in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = commandline.read_bytes().split(b"\0")
        except OSError:  # it has ended meanwhile
            continue
        if any(b"helper.conversation" in word for word in words) and str(pid).encode() in words:
            found.append(commandline.parent.name)
    return found


def assert_done_once(call: Call, server: PartnerServer) -> None:
    """One stored recording and nothing beside it; callbacks, however many, under one id."""
    recording = Recording.objects.get(call=call)
    assert (recording.public_state, recording.last_error) == ("completed", "")
    assert stored_keys(call) == sorted([recording.original_key, recording.key])
    assert hashlib.sha256(stored_bytes(recording.key)).hexdigest() == recording.sha256
    assert FetchAttempt.objects.filter(recording=recording, error="").count() == 1
    delivery = Delivery.objects.get(subject=call.uuid)
    assert delivery.state == WorkState.DONE
    received = server.received("/hook")
    assert received
    assert {callback.headers["webhook-id"] for callback in received} == {f"msg_{call.uuid.hex}_1"}
    assert {callback.json()["status"] for callback in received} == {"completed"}

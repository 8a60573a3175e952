"""Other programs beside us: started, waited for, ended with everything they started."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from tests.faults.stack import ROOT, wait_until
from tests.support.services import free_port
from zipingest.supervisor import die_with_parent

START_SECONDS = 30


@contextmanager
def uvicorn(app: str, *, workers: int = 1, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """Serve `app` (``module:name``) on a free loopback port; yields its URL."""
    port = free_port()
    options = [f"--port={port}", f"--workers={workers}", "--no-access-log", "--log-level=warning"]
    with listening([sys.executable, "-m", "uvicorn", app, *options], port, environment=environment):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def listening(
    command: Sequence[str], port: int, *, environment: Mapping[str, str] | None = None, quiet: bool = False
) -> Iterator[None]:
    """Run `command` until the block ends, which begins once it listens on `port`."""
    parent = os.getpid()
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL if quiet else None,
        stdout=subprocess.DEVNULL if quiet else None,
        start_new_session=True,
        preexec_fn=lambda: die_with_parent(parent),
    )
    try:
        wait_until(lambda: _listens(process, port), seconds=START_SECONDS, what=f"{command[2]} listens")
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _listens(process: subprocess.Popen[bytes], port: int) -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"{process.args!r} ended by itself")
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0

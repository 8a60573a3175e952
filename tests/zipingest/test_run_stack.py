"""The embedded stack as `make run` starts it: real gunicorn, worker and beat on an empty data folder."""

import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.services import free_port
from tests.zipingest.test_supervisor import is_running, wait_until
from zipingest.management.commands import run_stack

MANAGE = [sys.executable, "manage.py", "run_stack"]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A fresh machine's: no services, an empty data folder, a free port."""
    services = {"DATABASE_URL", "REDIS_URL", "TEST_DATABASE"}
    inherited = {name: value for name, value in os.environ.items() if name not in services}
    return {**inherited, "ZIPINGEST_DATA_DIR": str(tmp_path / "var"), "PORT": str(free_port())}


@pytest.fixture
def stack(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        MANAGE, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        wait_until(lambda: process.poll() is not None or is_healthy(environment), seconds=180)
        yield process
    finally:
        process.kill()
        process.communicate()


def is_healthy(environment: dict[str, str]) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", int(environment["PORT"]), timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def processes_of(environment: dict[str, str]) -> list[int]:
    """Every process that runs with this data folder."""
    wanted = f"ZIPINGEST_DATA_DIR={environment['ZIPINGEST_DATA_DIR']}\0".encode()
    return [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/environ") if wanted in _read(path)]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_programs_have_the_python_of_the_release_that_a_link_led_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = tmp_path / "release" / "bin"
    packages.mkdir(parents=True)
    (packages / "python").symlink_to(sys.executable)
    (tmp_path / "current").symlink_to("release")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "current" / "bin" / "python"))
    programs = run_stack.stack(bind="127.0.0.1", workers=1)
    assert {program.command[0] for program in programs} == {str(packages / "python")}


@pytest.mark.slow
def test_ctrl_c_ends_every_process(stack: subprocess.Popen[str], environment: dict[str, str]) -> None:
    assert (
        len(processes_of(environment)) >= 5
    )  # the supervisor, gunicorn and its worker, Celery's worker, beat
    os.killpg(stack.pid, signal.SIGINT)
    output, _ = stack.communicate(timeout=70)
    assert (stack.returncode, output.splitlines()[-1]) == (0, "Stopped")
    assert processes_of(environment) == []


@pytest.mark.slow
def test_nothing_outlives_a_killed_supervisor(
    stack: subprocess.Popen[str], environment: dict[str, str]
) -> None:
    running = processes_of(environment)
    stack.kill()
    wait_until(lambda: not any(is_running(pid) for pid in running))


@pytest.mark.slow
def test_it_refuses_a_used_port_before_anything_starts(environment: dict[str, str], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", int(environment["PORT"]))):
        result = subprocess.run(MANAGE, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert result.returncode != 0
    assert f"cannot listen on 127.0.0.1 port {environment['PORT']}" in result.stderr
    assert not (tmp_path / "var" / "zipingest.sqlite3").exists()

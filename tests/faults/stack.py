"""The product as real processes: a database, a Redis database and a data folder of their own, all gone after.

with Stack(FETCH_RETRY_STEPS="1,1") as stack:
    (partner,) = stack.partners("one")
    partner.post(item("call-1", url))
    stack.wait_until_fetched(seconds=20)
    stack.rows("SELECT state, last_error FROM calls_recording")
"""

import functools
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import psutil
import psycopg
import requests

from tests.support.services import free_port
from zipingest.supervisor import die_with_parent

ROOT = Path(__file__).resolve().parents[2]
BATCH_CALL = "/api/v1/partner/ingest/batch-call"
CALLS = "/api/v1/partner/ingest/calls"
PROGRAMS = ("web", "worker", "beat")
GRACE_SECONDS = 20

# An allow-list: no check depends on what a developer has set.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")
_PROVISION = """
import json, sys
from partners.provisioning import provision
made = [provision(name=name, tenant_id="t", sub_tenant_id="s", rate_limit={limit}) for name in {names}]
print(json.dumps([[each.issued.key.key_id, each.issued.secret] for each in made]))
"""
# Redis has 64 databases (tests.support.services); 0 is nobody's.
_redis_numbers = itertools.cycle(range(1, 64))


class Stack:
    """The `programs` of run_stack, each a process; others may be started and ended in between.

    What goes out reaches the public internet alone unless ZIPINGEST_ALLOW_LOOPBACK="True" is given.
    """

    def __init__(self, *, programs: Sequence[str] = PROGRAMS, **environment: str) -> None:
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._programs = programs
        self._given = environment
        self._ending = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as ending:
            self.folder = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="zipingest-faults-")))
            database = ending.enter_context(_database(template=_migrated()))
            self._connection = ending.enter_context(psycopg.connect(database, autocommit=True))
            self._environment = self._environment_with(database)
            ending.callback(self._end_all)
            for name in self._programs:
                self.start(name)
            if "web" in self._programs:
                self.wait_until_ready()
            self._ending = ending.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ending.__exit__(*exception)

    # --- Processes ----------------------------------------------------------------------------------------
    def start(self, name: str, *, under: Sequence[str] = ()) -> None:
        """Start one of the programs (`web-2` is another `web`), by the command `under` (strace)."""
        parent = os.getpid()
        command = [*under, sys.executable, "manage.py", "run_stack", f"--exec={name.partition('-')[0]}"]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self._environment_of(name),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: die_with_parent(parent),
            )

    def kill(self, name: str) -> None:
        """kill -9, with everything it started."""
        _kill_group(self.processes.pop(name))

    def wait_until_ready(self) -> None:
        """Until the web answers that it could serve requests."""
        wait_until(self._is_ready, seconds=180, what="the stack is ready")

    def end(self, name: str) -> None:
        """In order where it ends in time, else by force, with everything it started."""
        process = self.processes.pop(name)
        if process.poll() is None:
            self._program(process).terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)
        _kill_group(process)

    def _program(self, process: subprocess.Popen[bytes]) -> psutil.Process:
        """The product's own process: strace, which passes no signal on, has it as its only child."""
        started = psutil.Process(process.pid)
        return started.children()[0] if started.name() == "strace" else started

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    # --- Partners -----------------------------------------------------------------------------------------
    def partners(self, *names: str, rate_limit: int = 100_000) -> list["Partner"]:
        script = _PROVISION.format(names=list(names), limit=rate_limit)
        output = self.run(script)
        return [Partner(self.url, key, secret) for key, secret in json.loads(output)]

    def run(self, script: str) -> str:
        """What Python prints that runs in the product's environment, with its models."""
        return self._manage("shell", "--no-imports", "-c", script)

    # --- What became of it --------------------------------------------------------------------------------
    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return self._connection.execute(query, parameters or None).fetchall()

    def wait_until_fetched(self, *, seconds: float) -> None:
        """Until no recording waits or is being fetched."""
        self._wait_until_idle("calls_recording", seconds)

    def wait_until_delivered(self, *, seconds: float) -> None:
        """Until no callback waits or is being sent."""
        self._wait_until_idle("partners_delivery", seconds)

    def recordings(self) -> dict[str, tuple[str, str]]:
        """Call id → state and error of its recording."""
        query = (
            "SELECT external_id, state, last_error FROM calls_recording r JOIN calls_call c ON c.id = call_id"
        )
        return {call: (state, error) for call, state, error in self.rows(query)}

    def _wait_until_idle(self, table: str, seconds: float) -> None:
        query = f"SELECT 1 FROM {table} WHERE state IN ('due', 'leased') LIMIT 1"
        wait_until(lambda: not self.rows(query), seconds=seconds, what=f"{table} has come to its end")

    def _end_all(self) -> None:
        for name in list(self.processes):
            self.end(name)

    # --- How it is set up ---------------------------------------------------------------------------------
    def _environment_with(self, database: str) -> dict[str, str]:
        redis = urlsplit(os.environ["REDIS_URL"])._replace(path=f"/{next(_redis_numbers)}").geturl()
        own = {"DATABASE_URL": database, "REDIS_URL": redis, "PORT": str(self.port)}
        own |= {"ZIPINGEST_DATA_DIR": str(self.folder), "LOG_LEVEL": "WARNING", "SWEEP_SECONDS": "1"}
        (self.folder / "static").mkdir()
        return {**_inherited(), **own, **self._given}

    def _environment_of(self, name: str) -> dict[str, str]:
        return self._environment

    def _manage(self, *command: str) -> str:
        return _manage(*command, environment=self._environment)

    def _is_ready(self) -> bool:
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise RuntimeError(f"{name} ended by itself:\n{self.log(name)[-2000:]}")
        try:
            return session().get(f"{self.url}/readyz", timeout=5).ok
        except requests.RequestException:
            return False


class Partner:
    """A client of the partner surface."""

    def __init__(self, url: str, key: str, secret: str) -> None:
        self.url = url
        self.keys = {"x-api-key": key, "x-api-secret": secret}
        self.session = session()
        self.session.headers.update({**self.keys, "x-tenant-id": "t", "x-sub-tenant-id": "s"})

    def another_client(self) -> "Partner":
        """With the same key and connections of its own, for another thread."""
        return Partner(self.url, *self.keys.values())

    def post(self, *items: dict[str, Any]) -> requests.Response:
        return self.session.post(f"{self.url}{BATCH_CALL}", json={"data": list(items)}, timeout=60)

    def ingest(self, items: Sequence[dict[str, Any]]) -> None:
        """In batches of 50; a RuntimeError where one is not taken."""
        for start in range(0, len(items), 50):
            answer = self.post(*items[start : start + 50])
            if answer.status_code != 200:
                raise RuntimeError(f"a batch was not taken: {answer.status_code} {answer.text[:500]}")

    def list_calls(self) -> requests.Response:
        return self.session.get(f"{self.url}{CALLS}", timeout=60)


def item(id: str, recording_url: str, callback_url: str | None = None) -> dict[str, Any]:
    """One call of a batch, as the partner documents have it."""
    call = {
        "id": id,
        "recording_url": recording_url,
        "start_time": "2023-01-01T10:00:00Z",
        "end_time": "2023-01-01T10:30:00Z",
        "contact_number": "+1234567890",
    }
    given = {"call": call, "agent": {"id": "agent1"}, "customer": {"id": "customer1"}}
    return given if callback_url is None else {**given, "callback_url": callback_url}


def session() -> requests.Session:
    """Straight to loopback, whatever proxy the environment names."""
    session = requests.Session()
    session.trust_env = False
    return session


def wait_until(condition: Callable[[], Any], *, seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {seconds:g} s it is still not so that {what}")
        time.sleep(0.05)


@contextmanager
def _database(*, template: str | None = None) -> Iterator[str]:
    """The DATABASE_URL of a new database, dropped afterwards."""
    name = f"faults_{uuid.uuid4().hex[:12]}"
    server = os.environ["DATABASE_URL"]
    with psycopg.connect(server, autocommit=True) as administrator:
        administrator.execute(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
        try:
            yield urlsplit(server)._replace(path=f"/{name}").geturl()
        finally:
            administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")


@functools.cache
def _migrated() -> str:
    """The name of a database with all tables, made once: the server, and so it, ends with the run."""
    name = f"faults_template_{os.getpid()}"
    server = os.environ["DATABASE_URL"]
    with psycopg.connect(server, autocommit=True) as administrator:
        administrator.execute(f"DROP DATABASE IF EXISTS {name}")
        administrator.execute(f"CREATE DATABASE {name}")
    with tempfile.TemporaryDirectory() as folder:
        url = urlsplit(server)._replace(path=f"/{name}").geturl()
        environment = {**_inherited(), "DATABASE_URL": url, "ZIPINGEST_DATA_DIR": folder}
        _manage("migrate", "--verbosity=0", environment=environment)
    return name


def _manage(*command: str, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"manage.py {command[0]} failed:\n{done.stderr[-2000:]}")
    return done.stdout


def _inherited() -> dict[str, str]:
    return {name: os.environ[name] for name in _INHERITED if name in os.environ}


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()

"""The product as the demo runs it: the embedded stack as a child process, in a data folder of its own."""

import fcntl
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

from zipingest.supervisor import die_with_parent

ROOT = Path(__file__).resolve().parent.parent
DATA_DIR = ROOT / "var" / "demo"
GRACE_SECONDS = 10

# An allow-list: what a developer has set for a database or broker of theirs is not for the demo.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")
_SETTINGS = {
    "ZIPINGEST_DATA_DIR": str(DATA_DIR),
    "ZIPINGEST_ALLOW_LOOPBACK": "True",
    # Short, so that a retry can be watched.
    "FETCH_RETRY_STEPS": "2,2,2",
    "CALLBACK_RETRY_STEPS": "2,2,2",
    "SWEEP_SECONDS": "1",
    # Live calls that ring nowhere, and sound.
    "TELEPHONY_PROVIDER": "simulator",
    "SIMULATOR_TALK_SECONDS": "1",
}


class DemoFailed(Exception):
    """The demo cannot go on; the text says why and what to do."""


class Product:
    """A product that runs at ``url``, as whoever may run ``manage.py`` in its environment sees it.

    ``folder`` is for what the demo keeps; below ``blobs`` lie the recordings.
    """

    def __init__(self, url: str, environment: Mapping[str, str], *, folder: Path, blobs: Path) -> None:
        self.url, self.folder, self.blobs = url, folder, blobs
        self._environment = environment

    def create_partner(self, name: str, *, tenant: str, sub_tenant: str) -> dict[str, str]:
        """Its keys, as ``manage.py create_partner --json`` prints them."""
        output = self.manage(
            "create_partner", name, f"--tenant={tenant}", f"--sub-tenant={sub_tenant}", "--json"
        )
        keys: dict[str, str] = json.loads(output)
        return keys

    def create_administrator(self, name: str) -> str:
        """The password."""
        password = secrets.token_urlsafe(12)
        self.manage(
            "createsuperuser",
            "--noinput",
            f"--username={name}",
            f"--email={name}@example.com",
            DJANGO_SUPERUSER_PASSWORD=password,
        )
        return password

    def create_person(self, name: str, tenant: str, sub_tenant: str, *, role: str) -> str:
        """The password."""
        password = secrets.token_urlsafe(12)
        account = (f"--tenant={tenant}", f"--sub-tenant={sub_tenant}")
        self.manage("create_person", name, *account, f"--role={role}", PERSON_PASSWORD=password)
        return password

    def create_campaign(self, name: str, tenant: str, sub_tenant: str) -> int:
        """Its id. It is written into the database, as campaigns come from elsewhere."""
        account = f"SubTenant.objects.get(external_id={sub_tenant!r}, tenant__external_id={tenant!r})"
        program = (
            "from calls.models import Campaign; from partners.models import SubTenant; "
            f"print(Campaign.objects.create(sub_tenant={account}, name={name!r}).pk)"
        )
        return int(self.manage("shell", "--verbosity=0", "-c", program))

    def rows(self, *models: str) -> list[dict[str, Any]]:
        """Every row of ``models`` (as ``calls.customer``), oldest first: ``{"model", "pk", "fields"}``."""
        rows: list[dict[str, Any]] = json.loads(self.manage("dumpdata", *models))
        return rows

    def manage(self, *command: str, **environment: str) -> str:
        """What ``manage.py command`` prints."""
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env={**self._environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise DemoFailed(f"manage.py {command[0]} failed:\n{done.stderr.strip()}")
        return done.stdout


class Stack(Product):
    """Holds ``var/demo`` from ``with`` on; the stack runs from `start` until the block ends, however it ends.

    ``trusted`` is the host:port of a store on this machine. Raises DemoFailed where the port is taken or
    another demo has the folder.
    """

    def __init__(self, port: int, *, trusted: str = "") -> None:
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        environment = {**inherited, **_SETTINGS, "PORT": str(port), "OUTBOUND_TRUSTED": trusted}
        super().__init__(f"http://127.0.0.1:{port}", environment, folder=DATA_DIR, blobs=DATA_DIR / "blobs")
        self.port = port
        self.log = DATA_DIR / "stack.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        _refuse_used_port(self.port)
        DATA_DIR.parent.mkdir(exist_ok=True)
        self._lock = DATA_DIR.with_suffix(".lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DemoFailed(f"another demo is running in {shown(DATA_DIR)}: end it first") from error
        shutil.rmtree(DATA_DIR, ignore_errors=True)
        DATA_DIR.mkdir()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        # We are ending already: only Ctrl-C, from somebody who will not wait, still counts.
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if self._process is not None:
            _end(self._process)
        self._lock.close()

    def start(self) -> None:
        """Start the stack and wait until it answers that it is ready."""
        parent = os.getpid()
        with self.log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "manage.py", "run_stack", f"--grace={GRACE_SECONDS}"],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Not in the terminal's group: Ctrl-C is for us, and we end the stack in order.
                start_new_session=True,
                preexec_fn=lambda: die_with_parent(parent),
            )
        while not self._is_ready():
            self._refuse_end(self._process.poll())
            time.sleep(0.2)

    def stay(self) -> None:
        """Return never, unless the stack ends by itself: then DemoFailed."""
        assert self._process is not None
        self._refuse_end(self._process.wait())

    def last_words(self) -> str:
        """The end of the stack's log; empty before there is one."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-12:])

    def _is_ready(self) -> bool:
        try:
            with own_session() as session:
                return session.get(f"{self.url}/readyz", timeout=5).ok
        except requests.RequestException:
            return False

    def _refuse_end(self, code: int | None) -> None:
        if code is not None:
            raise DemoFailed(f"the stack ended by itself with code {code}")


def own_session() -> requests.Session:
    """An HTTP client that goes straight to loopback, whatever proxy the environment names."""
    session = requests.Session()
    session.trust_env = False
    return session


def shown(path: Path) -> str:
    """``path`` as seen from the project's folder."""
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def _refuse_used_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise DemoFailed(
                f"cannot listen on 127.0.0.1 port {port} ({reason}): choose another, as PORT=8123 make demo"
            ) from error


def _end(process: subprocess.Popen[bytes]) -> None:
    """In order and in time; at once where Ctrl-C comes meanwhile. The stack takes its programs along."""
    process.terminate()
    try:
        process.wait(GRACE_SECONDS + 5)
    except (KeyboardInterrupt, subprocess.TimeoutExpired):
        process.send_signal(signal.SIGINT)
        process.wait(5)
    finally:
        process.kill()
        process.wait()

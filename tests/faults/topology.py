"""Many processes on PostgreSQL, Redis and S3: two webs behind nginx, four workers, beat and the follower."""

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import requests

from demo.play import Demo
from demo.report import Report
from demo.stack import DemoFailed, Product
from demo.supervisor import Supervisor
from tests.faults.check import Outcome, check
from tests.faults.stack import Partner, Stack, session, wait_until
from tests.faults.supervised import (
    STEPS,
    Partners,
    World,
    judge_callbacks,
    judge_ends,
    judge_objects,
)
from tests.support.nginx import nginx
from tests.support.partner_server import PartnerServer
from tests.support.s3 import S3Server, s3_server
from tests.support.services import free_port
from tests.support.sftp import SftpServer, sftp_server

WEBS = ("web-1", "web-2")
WORKERS = ("worker-1", "worker-2", "packer", "dialer")
PROGRAMS = (*WEBS, *WORKERS, "beat", "follower")
PREFIX = "spread"
# While a process is away its fellows go on; the last of its kind comes back.
AWAY_SECONDS = 3

_STORED = "SELECT 1 FROM calls_recording WHERE state = 'done' LIMIT 1"
_PACKING = "SELECT 1 FROM exports_exportjob WHERE state IN ('due', 'leased') LIMIT 1"
_JOBS = "SELECT public_id, state, last_error FROM exports_exportjob"


class Spread(Stack):
    """Everything it is made of is told by its environment alone."""

    def __init__(self, store: S3Server, trusted: str) -> None:
        self._ports = {name: free_port() for name in WEBS}
        given = {"STORAGE_URL": store.url(PREFIX), **store.environment}
        given |= {"ZIPINGEST_ALLOW_LOOPBACK": "True", "OUTBOUND_TRUSTED": trusted, "WORK_LEASE_SECONDS": "5"}
        given |= {"FETCH_RETRY_STEPS": STEPS, "CALLBACK_RETRY_STEPS": STEPS, "WEB_CONCURRENCY": "1"}
        given |= {"TELEPHONY_PROVIDER": "simulator", "SIMULATOR_TALK_SECONDS": "1"}
        super().__init__(programs=PROGRAMS, **given)

    @property
    def web_ports(self) -> list[int]:
        return list(self._ports.values())

    def product(self, url: str, *, blobs: Path) -> Product:
        """As the demo sees it; ``blobs`` is the bucket's folder."""
        return Product(url, self._environment, folder=self.folder, blobs=blobs / PREFIX)

    def _environment_of(self, name: str) -> dict[str, str]:
        return {**self._environment, "PORT": str(self._ports.get(name, self.port))}


@check("two webs, four workers on PostgreSQL, Redis, S3: the demo of all five documents passes", seconds=420)
def spread() -> Outcome:
    outcome = Outcome()
    with _spread() as (_, product, server, store):
        demo = Demo(product, server, store, Report())
        demo.play()
        outcome.tries += 1
        outcome.violations += demo.differences
    return outcome


@check("any one of their processes killed: no call is lost or doubled, every export gets ready", seconds=600)
def one_process_killed() -> Outcome:
    outcome = Outcome()
    with _spread() as (stack, product, server, _):
        (partner,) = stack.partners("partner")
        partners, world = Partners(Partner(product.url, *partner.keys.values())), World(server, pause=0.05)
        supervisor = Supervisor(product.url)
        supervisor.sign_in("supervisor", product.create_person("supervisor", "t", "s", role="supervisor"))
        with _load(partners, world):
            wait_until(lambda: stack.rows(_STORED), seconds=30, what="a recording is stored")
            for name in PROGRAMS:
                stack.kill(name)
                _order(supervisor)
                time.sleep(AWAY_SECONDS)
                stack.start(name)
        stack.wait_until_fetched(seconds=120)
        stack.wait_until_delivered(seconds=60)
        wait_until(lambda: not stack.rows(_PACKING), seconds=60, what="every export has ended")
        judge_ends(outcome, stack, partners.taken)
        judge_callbacks(outcome, stack, server)
        judge_objects(outcome, stack, product.blobs)
        for job, state, error in stack.rows(_JOBS):
            outcome.expect(state == "done", f"the export {job} ended {state}: {error}")
    return outcome


@contextmanager
def _spread() -> Iterator[tuple[Spread, Product, PartnerServer, SftpServer]]:
    """All of it running, with an nginx that shares the requests out, and whom it talks to."""
    with ExitStack() as ending:
        folder = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="zipingest-spread-")))
        objects = ending.enter_context(s3_server(folder / "s3"))
        store = ending.enter_context(sftp_server(folder / "sftp"))
        server = ending.enter_context(PartnerServer())
        stack = ending.enter_context(Spread(objects, trusted=store.endpoint))
        front = ending.enter_context(nginx(folder, files=folder, upstreams=stack.web_ports))
        product = stack.product(f"http://127.0.0.1:{front}", blobs=folder / "s3" / "data" / objects.bucket)
        _wait_until_ready(product.url)
        yield stack, product, server, store


@contextmanager
def _load(partners: Partners, world: World) -> Iterator[None]:
    """New calls all the time, until the block ends."""
    over = threading.Event()

    def send() -> None:
        while not over.wait(0.2):
            partners.send(world.items(5))

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _order(supervisor: Supervisor) -> None:
    """Again where the connection to a web that was killed has broken."""

    def ordered() -> bool:
        with suppress(DemoFailed, requests.RequestException):
            return bool(supervisor.order())
        return False

    wait_until(ordered, seconds=30, what="an export is ordered")


def _wait_until_ready(url: str) -> None:
    def ready() -> bool:
        with suppress(requests.RequestException):
            return session().get(f"{url}/readyz", timeout=5).ok
        return False

    wait_until(ready, seconds=60, what="the stack is ready")

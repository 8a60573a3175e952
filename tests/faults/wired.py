"""The running product with a proxy on each of its wires: PostgreSQL, Redis, the object store, the partner."""

import io
import json
import os
import threading
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from tests.faults.check import Outcome
from tests.faults.doors import Doors, Said
from tests.faults.proxy import FaultProxy, fault_proxy
from tests.faults.stack import Stack, wait_until
from tests.faults.supervised import STEPS, Partners, ends
from tests.support import audio
from tests.support.partner_server import PartnerServer
from tests.support.s3 import s3_server

# As in deploy/systemd.
RESTART_SECONDS = 2
_OPEN = """
SELECT count(*) FROM (
    SELECT state FROM calls_recording UNION ALL
    SELECT state FROM partners_delivery UNION ALL
    SELECT state FROM exports_exportjob
) all_work WHERE state IN ('due', 'leased')
"""
_FAILED = "SELECT count(*) FROM calls_fetchattempt WHERE error <> ''"
_JOBS = "SELECT public_id, state, error_message FROM exports_exportjob"
_BATCHES = "SELECT count(*) FROM dialer_batch WHERE name = %s"


@dataclass
class Wired:
    """The running product, the proxies on its wires by service, and all that it has accepted."""

    stack: Stack
    proxies: dict[str, FaultProxy]
    server: PartnerServer
    objects: Path
    doors: Doors
    partners: Partners
    networked: set[str] = field(default_factory=set)
    batches: set[str] = field(default_factory=set)
    jobs: set[str] = field(default_factory=set)

    def accept(self, name: str, answers: dict[str, Said]) -> None:
        """Note what was answered as taken, and send again what was not."""
        if answers["ingest"].status != "200":
            self.partners.send([self.doors.item(name)])
        self.partners.taken.add(name)
        if answers["network"].status == "201":
            self.networked.add(f"network-{name}")
        if answers["dialer"].status == "201":
            self.batches.add(name)
        if answers["order"].status == "201":
            self.jobs.add(json.loads(answers["order"].text)["data"]["job_id"])

    def failed_fetches(self) -> int:
        """How many attempts at a recording have failed so far."""
        ((count,),) = self.stack.rows(_FAILED)
        return int(count)

    def wait_until_made_good(self, *, seconds: float) -> None:
        """Until nothing waits or runs any more."""
        wait_until(lambda: self.stack.rows(_OPEN) == [(0,)], seconds=seconds, what="all is at its end")


class _WiredStack(Stack):
    def __init__(self, proxies: dict[str, FaultProxy], **environment: str) -> None:
        super().__init__(programs=("web", "worker", "packer", "beat"), **environment)
        self._wires = {"DATABASE_URL": proxies["postgresql"], "REDIS_URL": proxies["redis"]}

    def _environment_with(self, database: str) -> dict[str, str]:
        environment = super()._environment_with(database)
        for name, proxy in self._wires.items():
            netloc = urlsplit(proxy.url).netloc
            environment[name] = urlsplit(environment[name])._replace(netloc=netloc).geturl()
        return environment

    @contextmanager
    def kept_running(self) -> Iterator[None]:
        """What ends by itself is started again, as systemd and Compose do: a lost wire can end a worker."""
        over = threading.Event()
        keeper = threading.Thread(target=self._keep_running, args=(over,))
        keeper.start()
        try:
            yield
        finally:
            over.set()
            keeper.join()

    def _keep_running(self, over: threading.Event) -> None:
        while not over.wait(RESTART_SECONDS):
            for name, process in list(self.processes.items()):
                if process.poll() is not None:
                    print(
                        f"    {name} ended by itself ({process.returncode}) and is started again", flush=True
                    )
                    self.start(name)


@contextmanager
def wired(*, slow_bytes: int = 1024, **environment: str) -> Iterator[Wired]:
    """With one call stored and one export packed; `environment` is further one of the product."""
    with ExitStack() as ending:
        folder = Path(ending.enter_context(TemporaryDirectory()))
        s3 = ending.enter_context(s3_server(folder))
        server = ending.enter_context(PartnerServer())
        services = {"postgresql": os.environ["DATABASE_URL"], "redis": os.environ["REDIS_URL"]}
        services |= {"s3": s3.endpoint_url, "partner": server.url("")}
        proxies = {
            name: ending.enter_context(fault_proxy(url, slow_bytes=slow_bytes))
            for name, url in services.items()
        }
        store = replace(s3, endpoint_url=proxies["s3"].url).url("calls")
        given = {"STORAGE_URL": store, **s3.environment, "ZIPINGEST_ALLOW_LOOPBACK": "True"}
        given |= {"WORK_LEASE_SECONDS": "10", "FETCH_RETRY_STEPS": STEPS, "CALLBACK_RETRY_STEPS": STEPS}
        given |= {"EXPORT_RETRY_STEPS": STEPS}
        stack = ending.enter_context(_WiredStack(proxies, **{**given, **environment}))
        ending.enter_context(stack.kept_running())
        server.serve("/a.wav", audio.wav(0.3, channels=2))
        server.serve("/callback", status=204)
        partner = proxies["partner"].url
        doors = Doors(stack, recording=f"{partner}/a.wav", callback=f"{partner}/callback")
        doors.prepare()
        partners = Partners(doors.partner)
        partners.taken.add("first")
        yield Wired(stack, proxies, server, folder / "data" / s3.bucket / "calls", doors, partners)


# --- In the end -------------------------------------------------------------------------------------------
def judge_calls(outcome: Outcome, wired: Wired) -> None:
    """Each that was taken is there once, completed once, and told once, or again under the same id."""
    taken = wired.partners.taken
    found = defaultdict(list)
    for each in ends(wired.stack):
        found[each.call].append(each)
    print(f"    {len(taken)} calls were taken, {len(found)} are there")
    for call in taken | wired.networked:
        outcome.expect(call in found, f"{call} was taken and is not there")
    for call, there in found.items():
        stands = [(each.state, each.stored) for each in there]
        outcome.expect(stands == [("done", 1)], f"{call} is there as {stands}: {there[0].error}")
    told = _told(wired)
    for call in taken & set(found):
        wanted = {(f"msg_{found[call][0].uuid}_1", "completed", "done")}
        outcome.expect(told[call] == wanted, f"{call} was told as {told[call] or 'nothing'}")
    for batch in wired.batches:
        ((count,),) = wired.stack.rows(_BATCHES, batch)
        outcome.expect(count == 1, f"batch {batch} is there {count} times")


def _told(wired: Wired) -> dict[str, set[tuple[str, str, str]]]:
    """Call to the callbacks that arrived: their id, what they said, and how the row of that id stands."""
    states = dict(wired.stack.rows("SELECT webhook_id, state FROM partners_delivery"))
    told = defaultdict(set)
    for request in wired.server.received("/callback"):
        body, id = request.json(), request.headers["webhook-id"]
        told[body["call_id"]].add((id, body["status"], states.get(id, "not there")))
    return told


def judge_exports(outcome: Outcome, wired: Wired) -> None:
    jobs = {job: (state, error) for job, state, error in wired.stack.rows(_JOBS)}
    for job in wired.jobs:
        outcome.expect(job in jobs, f"export {job} was taken and is not there")
    for job, (state, error) in jobs.items():
        outcome.expect(state == "done", f"export {job} is {state}: {error}")
        if state == "done":
            with zipfile.ZipFile(io.BytesIO(wired.doors.zip_of(job))) as archive:
                outcome.expect(archive.testzip() is None, f"export {job} is not whole")

"""The product as `manage.py run_stack` runs it, partners that do not give up, and what is left in the end."""

import hashlib
import itertools
import os
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import django
import psycopg
import requests

from tests.faults.check import Outcome
from tests.faults.stack import ROOT, Partner, Stack, item
from tests.support import audio
from tests.support.partner_server import PartnerServer
from zipingest.supervisor import Supervisor, die_with_parent

SUPERVISOR = "run_stack"
GRACE_SECONDS = 60
KINDS = ("FETCH", "CALLBACKS")
# Retries of a recording and of a callback come soon, and there are enough of them for every fault here.
STEPS = ",".join(["1"] * 5 + ["2"] * 10)
# A client waits this long before it sends a batch again.
AGAIN_SECONDS = 0.3

_ENDS = """
SELECT external_id, replace(uuid::text, '-', ''), state, last_error, key, original_key, sha256, lease_epoch,
       (SELECT COUNT(*) FROM calls_fetchattempt WHERE recording_id = r.id AND error = ''),
       (SELECT COUNT(*) FROM calls_fetchattempt WHERE recording_id = r.id)
FROM calls_recording r JOIN calls_call c ON c.id = call_id
"""


class Supervised(Stack):
    """web, worker and beat under their supervisor, with short leases and pauses.

    `hasty`: what falls over starts again at once, so that a check of many kills is not a check of waiting.
    """

    def __init__(self, *, hasty: bool = False, **environment: str) -> None:
        usual = {"ZIPINGEST_ALLOW_LOOPBACK": "True", "WORK_LEASE_SECONDS": "5"}
        usual |= {"FETCH_RETRY_STEPS": STEPS, "CALLBACK_RETRY_STEPS": STEPS}
        # One partner keeps the whole worker busy.
        usual |= {f"{kind}_RUNNING_PER_{whom}": "8" for kind in KINDS for whom in ("PARTNER", "HOST")}
        super().__init__(programs=(SUPERVISOR,), **{**usual, **environment})
        self._command = [sys.executable, "manage.py", "run_stack", f"--grace={GRACE_SECONDS}"]
        if hasty:
            self._command = [sys.executable, "-m", __name__]

    def __enter__(self) -> Self:
        super().__enter__()
        try:
            self.wait_until_ready()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    @property
    def supervisor(self) -> "subprocess.Popen[bytes]":
        return self.processes[SUPERVISOR]

    def start(self, name: str = SUPERVISOR, *, under: Sequence[str] = ()) -> None:
        """Start the supervisor, and so all of them."""
        parent = os.getpid()
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [*under, *self._command],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: die_with_parent(parent),
            )

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Over a connection of its own: the server may have been away since the last time."""
        with psycopg.connect(self._environment["DATABASE_URL"], autocommit=True) as connection:
            return connection.execute(query, parameters or None).fetchall()

    def tidy(self) -> None:
        """What beat does once an hour; nothing here is old enough to wait for it."""
        self._manage("shell", "-c", "from calls.tasks import tidy; tidy()")


@dataclass(frozen=True)
class Answer:
    """To one request: `status` is None where the connection broke instead."""

    status: int | None
    began: float
    seconds: float
    text: str = ""


class Partners:
    """Clients of one partner who send a batch again and again until it is taken, and note every answer."""

    def __init__(self, partner: Partner) -> None:
        self._partner = partner
        self._own = threading.local()
        self.answers: list[Answer] = []
        self.taken: set[str] = set()

    def send(self, items: Sequence[dict[str, Any]], *, seconds: float = 120) -> None:
        ends = time.monotonic() + seconds
        while self.ask(items).status != 200:
            if time.monotonic() > ends:
                raise TimeoutError(f"a batch was not taken within {seconds:g} s: {self.answers[-1]}")
            time.sleep(AGAIN_SECONDS)

    def ask(self, items: Sequence[dict[str, Any]]) -> Answer:
        """Send the batch once."""
        began = time.monotonic()
        try:
            response = self._client().post(*items)
            answer = Answer(response.status_code, began, time.monotonic() - began, response.text[:300])
        except requests.RequestException as error:
            answer = Answer(None, began, time.monotonic() - began, type(error).__name__)
        self.answers.append(answer)
        if answer.status == 200:
            self.taken |= {each["call"]["id"] for each in items}
        return answer

    def statuses(self) -> Counter[int | None]:
        return Counter(answer.status for answer in self.answers)

    def _client(self) -> Partner:
        if not hasattr(self._own, "client"):
            self._own.client = self._partner.another_client()
        return self._own.client


class World:
    """A partner's server: recordings that take a moment, some that are none, an endpoint for callbacks."""

    def __init__(self, server: PartnerServer, *, pause: float = 0.2) -> None:
        self.server = server
        self._pause = pause
        self._recording = audio.wav(0.3)
        self._good = server.script("/good.wav", self._slowly)
        self._bad = [server.url("/missing.wav"), server.serve("/page.wav", b"<html>login</html>")]
        self.callback = server.script("/callback", self._taken)
        self._numbers = itertools.count()

    def items(self, count: int, *, bad_every: int = 10) -> list[dict[str, Any]]:
        """`count` new calls, every `bad_every`th of them with nothing to be had at its URL."""
        numbers = [next(self._numbers) for _ in range(count)]
        return [
            item(f"call-{n}", self._bad[n // bad_every % 2], self.callback)
            if n % bad_every == bad_every - 1
            else item(f"call-{n}", self._good, self.callback)
            for n in numbers
        ]

    def _slowly(self) -> Iterable[bytes]:
        time.sleep(self._pause)
        yield b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(self._recording)
        yield self._recording

    def _taken(self) -> Iterable[bytes]:
        time.sleep(self._pause / 4)
        yield b"HTTP/1.1 204 No Content\r\n\r\n"


@dataclass(frozen=True)
class Ended:
    """A call and what became of its recording; `stored` counts the attempts that stored it."""

    call: str
    uuid: str
    state: str
    error: str
    key: str
    original_key: str
    sha256: str
    epoch: int
    stored: int
    attempts: int


def ends(stack: Stack) -> list[Ended]:
    return [Ended(*row) for row in stack.rows(_ENDS)]


def judge_ends(outcome: Outcome, stack: Stack, calls: Iterable[str]) -> None:
    """Each of `calls` is there once and ended: completed, or failed for a stated reason."""
    ended = ends(stack)
    counts = Counter(each.call for each in ended)
    for call in calls:
        outcome.expect(counts[call] == 1, f"{call} was answered 200 and is there {counts[call]} times")
    for each in ended:
        told = each.state in ("failed", "poison") and each.error and "internal error" not in each.error
        outcome.expect(each.state == "done" or told, f"{each.call} ended {each.state}: {each.error!r}")
        outcome.expect(each.stored == (each.state == "done"), f"{each.call} was stored {each.stored} times")


def judge_objects(outcome: Outcome, stack: Stack, root: Path) -> None:
    """Below `root` lies what the rows name, whole, and nothing else."""
    found = {f"recordings/{path.relative_to(root / 'recordings')}": path for path in _files(root)}
    named = set()
    for each in ends(stack):
        if each.state != "done":
            continue
        named |= {each.key, each.original_key}
        missing = {each.key, each.original_key} - set(found)
        outcome.expect(not missing, f"{each.call} is done and {missing} is not there")
        if each.key in found:
            whole = hashlib.sha256(found[each.key].read_bytes()).hexdigest() == each.sha256
            outcome.expect(whole, f"{each.key} is not what was stored")
    orphans = sorted(set(found) - named)
    outcome.expect(not orphans, f"{len(orphans)} objects that no row names: {orphans[:4]}")


def judge_callbacks(outcome: Outcome, stack: Stack, server: PartnerServer) -> None:
    """Each call's was owed once and arrived; where it came again, then the same under the same id."""
    received = defaultdict(set)
    for request in server.received("/callback"):
        body = request.json()
        received[body["call_id"]].add((request.headers["webhook-id"], body["status"]))
    states = dict(stack.rows("SELECT webhook_id, state FROM partners_delivery"))
    for each in ends(stack):
        wanted = (f"msg_{each.uuid}_1", "completed" if each.state == "done" else "failed")
        came = received[each.call]
        outcome.expect(came == {wanted}, f"{each.call}: the callbacks were {came or 'none'}, not {wanted}")
        state = states.pop(wanted[0], "missing")
        outcome.expect(state == "done", f"{each.call}: its callback is {state}")
    outcome.expect(not states, f"callbacks nobody was owed: {list(states)[:4]}")


def judge_statuses(outcome: Outcome, partners: Partners) -> None:
    """Nobody was told anything but 200; where a process went, the connection broke."""
    for status, count in partners.statuses().items():
        outcome.tries += count
        if status not in (200, None):
            texts = [answer.text for answer in partners.answers if answer.status == status]
            outcome.violations.append(f"{count} requests were answered {status}: {texts[0]}")


def _files(root: Path) -> list[Path]:
    return [path for path in (root / "recordings").rglob("*") if path.is_file()]


def _run_hasty() -> int:
    django.setup()
    # It reads the settings.
    from zipingest.management.commands.run_stack import stack

    programs = stack(bind="127.0.0.1", workers=8)
    return Supervisor(programs, say=print, grace=GRACE_SECONDS, backoff=0.2, longest_backoff=1).run()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zipingest.settings")
    sys.exit(_run_hasty())

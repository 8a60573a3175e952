"""Processes that are killed, ended in order, overtaken, or told everything five times."""

import os
import random
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

import psutil
import redis

from tests.faults.check import Outcome, check
from tests.faults.fivefold import TIMES
from tests.faults.stack import Stack, item, wait_until
from tests.faults.supervised import (
    GRACE_SECONDS,
    STEPS,
    Partners,
    Supervised,
    World,
    ends,
    judge_callbacks,
    judge_ends,
    judge_objects,
    judge_statuses,
)
from tests.support import audio
from tests.support.partner_server import PartnerServer

KILLS = 50
SEED = 20231101
BATCH = 10
CLIENTS = 4
# What a process is, by a word of its command line, the first that is there.
ROLES = {"helper.conversation": "audio helper", " gunicorn ": "web", " beat ": "beat", " celery ": "worker"}

LEASED = "SELECT COUNT(*) FROM calls_recording WHERE state = 'leased'"
LOST = {
    "calls_recording": "SELECT COUNT(*) FROM calls_recording WHERE expiries > 0 OR lease_epoch > attempts",
    # A callback claimed with others may be put back untouched: then its epoch is ahead of its attempts.
    "partners_delivery": "SELECT COUNT(*) FROM partners_delivery WHERE expiries > 0",
}


# --- Killed -----------------------------------------------------------------------------------------------
@check(
    f"kill -9 at random, {KILLS} times in {KILLS * BATCH} ingests: all end, once, and are told", seconds=300
)
def killed() -> Outcome:
    outcome = Outcome()
    with PartnerServer() as server, Supervised(hasty=True) as stack:
        world = World(server, pause=0.3)
        partners = Partners(*stack.partners("partner"))
        kills = _kill_while_sending(stack, world, partners)
        print(f"    killed: {dict(kills)}; answers: {dict(partners.statuses())}")
        stack.wait_until_fetched(seconds=150)
        stack.wait_until_delivered(seconds=60)
        stack.tidy()
        outcome.expect(kills.total() == KILLS, f"{kills.total()} processes were killed")
        outcome.expect(len(kills) == len(set(ROLES.values())), f"of some kind none was killed: {kills}")
        outcome.expect(len(partners.taken) == KILLS * BATCH, f"{len(partners.taken)} calls were taken")
        _judge(outcome, stack, server, partners)
    return outcome


def _kill_while_sending(stack: Supervised, world: World, partners: Partners) -> Counter[str]:
    chance, kills = random.Random(SEED), Counter[str]()
    with ThreadPoolExecutor(CLIENTS) as pool:
        sent = []
        for _ in range(KILLS):
            sent.append(pool.submit(partners.send, world.items(BATCH)))
            time.sleep(chance.uniform(0.1, 1.2))
            kills[_kill_one(stack, chance)] += 1
        for each in sent:
            each.result()
    return kills


def _kill_one(stack: Supervised, chance: random.Random) -> str:
    """Kill a process of a kind drawn among those that run; the kind. Waits where nothing runs."""
    while True:
        running: dict[str, list[int]] = {}
        for process in psutil.Process(stack.supervisor.pid).children(recursive=True):
            with suppress(psutil.Error):
                running.setdefault(_role(process), []).append(process.pid)
        running.pop("", None)
        if running:
            role = chance.choice(sorted(running))
            with suppress(ProcessLookupError):
                os.kill(chance.choice(sorted(running[role])), signal.SIGKILL)
                return role
        time.sleep(0.05)


def _role(process: psutil.Process) -> str:
    """Empty for one that is gone, or has not become what it is to be."""
    command = " ".join(process.cmdline())
    return next((role for word, role in ROLES.items() if word in command), "")


# --- Ended in order ---------------------------------------------------------------------------------------
@check(f"SIGTERM under load, {GRACE_SECONDS} s of grace: nothing is lost, nothing left leased", seconds=180)
def ended_in_order() -> Outcome:
    outcome = Outcome()
    with PartnerServer() as server, Supervised(WORK_LEASE_SECONDS="60") as stack:
        world = World(server, pause=1.0)
        partners = Partners(*stack.partners("partner"))
        with ThreadPoolExecutor(CLIENTS) as pool:
            sent = [pool.submit(partners.send, world.items(4)) for _ in range(30)]
            wait_until(lambda: stack.rows(LEASED) > [(4,)], seconds=30, what="the worker is busy")
            _end_and_judge(outcome, stack)
            stack.start()
            stack.wait_until_ready()
            for each in sent:
                each.result()
        stack.wait_until_fetched(seconds=60)
        stack.wait_until_delivered(seconds=60)
        for table, query in LOST.items():
            ((lost,),) = stack.rows(query)
            outcome.expect(lost == 0, f"{lost} rows of {table} were lost by a worker")
        _judge(outcome, stack, server, partners)
        twice = server.count("/callback") - len(partners.taken)
        outcome.expect(twice == 0, f"{twice} callbacks came more often than once")
    return outcome


def _end_and_judge(outcome: Outcome, stack: Supervised) -> None:
    began = time.monotonic()
    stack.supervisor.terminate()
    code = stack.supervisor.wait(GRACE_SECONDS + 10)
    outcome.expect(code == 0, f"{time.monotonic() - began:.0f} s after SIGTERM: exit code {code}")
    left = stack.rows(LEASED)[0][0]
    outcome.expect(left == 0, f"{left} recordings were left leased")
    left = stack.rows("SELECT COUNT(*) FROM partners_delivery WHERE state = 'leased'")[0][0]
    outcome.expect(left == 0, f"{left} callbacks were left leased")


# --- Told five times --------------------------------------------------------------------------------------
@check(f"each broker message delivered {TIMES} times: one run per epoch, one recording, one callback")
def told_five_times() -> Outcome:
    outcome = Outcome()
    with (
        PartnerServer() as server,
        Stack(
            DJANGO_SETTINGS_MODULE="tests.faults.fivefold",
            ZIPINGEST_ALLOW_LOOPBACK="True",
            FETCH_RETRY_STEPS=STEPS,
        ) as stack,
    ):
        world = World(server)
        partners = Partners(*stack.partners("partner"))
        before = _published()
        for _ in range(20):
            partners.send(world.items(4))
        stack.wait_until_fetched(seconds=90)
        stack.wait_until_delivered(seconds=60)
        messages = _published() - before
        outcome.expect(messages >= 40 * TIMES, f"only {messages} messages were sent")
        for each in ends(stack):
            runs = (each.epoch, each.attempts)
            outcome.expect(each.epoch == each.attempts, f"{each.call}: epoch, runs = {runs}")
        # Not its epoch: a callback claimed with others may be put back untouched when their time is over.
        for (tries,) in stack.rows("SELECT tries FROM partners_delivery"):
            outcome.expect(tries == 1, f"a callback was tried {tries} times")
        twice = server.count("/callback") - len(partners.taken)
        outcome.expect(twice == 0, f"{twice} callbacks came more often than once")
        _judge(outcome, stack, server, partners)
    return outcome


def _published() -> int:
    """How many messages have ever been put into a queue of the Redis server."""
    server = urlsplit(os.environ["REDIS_URL"])._replace(path="/0").geturl()
    with redis.Redis.from_url(server) as client:
        return int(client.info("commandstats").get("cmdstat_lpush", {}).get("calls", 0))


# --- Overtaken --------------------------------------------------------------------------------------------
EACH = 4
FACTS = """
SELECT r.*, (SELECT COUNT(*) FROM calls_fetchattempt WHERE recording_id = r.id)
FROM calls_recording r ORDER BY id
"""
TOLD = """
SELECT d.*, (SELECT COUNT(*) FROM partners_attempt WHERE delivery_id = d.id)
FROM partners_delivery d ORDER BY id
"""


@check("a worker that was overtaken writes nothing")
def overtaken() -> Outcome:
    """It is stopped in the middle of downloads and callbacks, until another has done them, and goes on."""
    outcome = Outcome()
    release = Event()
    with (
        PartnerServer() as server,
        Stack(ZIPINGEST_ALLOW_LOOPBACK="True", WORK_LEASE_SECONDS="3") as stack,
    ):
        try:
            stale = _stopped_at_work(stack, server, release)
            stack.start("worker")
            stack.wait_until_fetched(seconds=60)
            stack.wait_until_delivered(seconds=30)
            facts, told, files = stack.rows(FACTS), stack.rows(TOLD), _objects(stack)
        finally:
            release.set()
        stale.send_signal(signal.SIGCONT)
        wait_until(
            lambda: stack.log("worker").count("lease_lost") >= 2 * EACH, seconds=30, what="it has given up"
        )
        for name, before, after in [
            ("recording", facts, stack.rows(FACTS)),
            ("callback", told, stack.rows(TOLD)),
            ("object", files, _objects(stack)),
        ]:
            for one, other in zip(before, after, strict=False):
                outcome.expect(one == other, f"{name}: {one} became {other}")
            outcome.expect(len(before) == len(after), f"{len(before)} {name}s became {len(after)}")
        judge_callbacks(outcome, stack, server)
        judge_objects(outcome, stack, stack.folder / "blobs")
    return outcome


def _stopped_at_work(stack: Stack, server: PartnerServer, release: Event) -> psutil.Process:
    """The worker, stopped with EACH recordings half fetched and EACH callbacks sent and not answered."""
    wav = audio.wav(1)
    told = server.script("/callback", lambda: [b""] * release.wait(60))
    quick = server.serve("/quick.wav", wav)
    half = server.serve("/half.wav", wav, hold=release, hold_after=4000)
    (partner,) = stack.partners("partner")
    # One after the other: of those that wait together one claim would take several.
    for number in range(EACH):
        partner.ingest([item(f"told-{number}", quick, told)])
        server.wait_for("/callback", number + 1, timeout=30)
    partner.ingest([item(f"half-{number}", half, told) for number in range(EACH)])
    server.wait_for("/half.wav", EACH, timeout=30)
    stack.processes["stale worker"] = process = stack.processes.pop("worker")
    stale = psutil.Process(process.pid)
    stale.suspend()
    server.serve("/half.wav", wav)
    server.serve("/callback", status=204)
    return stale


def _objects(stack: Stack) -> list[Path]:
    return sorted((stack.folder / "blobs" / "recordings").rglob("*"))


def _judge(outcome: Outcome, stack: Stack, server: PartnerServer, partners: Partners) -> None:
    judge_statuses(outcome, partners)
    judge_ends(outcome, stack, partners.taken)
    judge_objects(outcome, stack, stack.folder / "blobs")
    judge_callbacks(outcome, stack, server)

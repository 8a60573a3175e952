"""The wire to each service cut and slowed: what is answered meanwhile, and that all is made good after it.

A proxy stands between the product's processes and PostgreSQL, Redis, the object store and the partner.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.check import Outcome, check
from tests.faults.doors import ENVELOPES, Said
from tests.faults.proxy import Weather
from tests.faults.supervised import judge_objects
from tests.faults.wired import Wired, judge_calls, judge_exports, wired

# What each door answers under which fault: `|` where chance decides, `cut` where it breaks off; readyz also
# names what is away. The last column is the seconds that each of them may take.
EXPECTED = """
                   ingest  network dialer  stream  order   download page   healthz readyz        seconds
postgresql  down   503     503     503     503     503     503      503    200     503:database  10
postgresql  late   503     503     503     503     503     503      503    200     503:database  20
postgresql  reset  503     503     503     503     503     503      503    200     503:database  10
postgresql  slow   200     201     201     200     201     200      200    200     200           60
redis       down   200     201     201     200     201     200      200    200     200:broker    10
redis       late   200     201     201     200     201     200      200    200     200:broker    10
redis       reset  200     201     201     200     201     200      200    200     200:broker    10
redis       slow   200     201     201     200     201     200      200    200     200           10
s3          down   200     201     201     503     201     503      200    200     503:storage   10
s3          late   200     201     201     200     201     200      200    200     200           30
s3          reset  200     201     201     503     201     503      200    200     503:storage   10
s3          slow   200     201     201     200     201     200      200    200     200           60
partner     down   200     201     201     200     201     200      200    200     200           10
partner     late   200     201     201     200     201     200      200    200     200           10
partner     reset  200     201     201     200     201     200      200    200     200           10
partner     slow   200     201     201     200     201     200      200    200     200           10
"""
FAULTS = (Weather.DOWN, Weather.LATE, Weather.RESET, Weather.SLOW)
FAULT_SECONDS = 10
RECOVERY_SECONDS = 60
# A request that the fault meets in the middle may take so long.
MOST_SECONDS = 60
# The pause between the calls that a partner sends while a fault lasts.
PAUSE_SECONDS = 0.7


@check("PostgreSQL down, 5 s late, reset, 1 KB/s: 503 in time, all made good within 60 s", seconds=600)
def wire_postgresql() -> Outcome:
    return _tried("postgresql")


@check("Redis down, 5 s late, reset, 1 KB/s: every surface serves, all made good within 60 s", seconds=600)
def wire_redis() -> Outcome:
    return _tried("redis")


@check("S3 down, 5 s late, reset, 1 KB/s: taken all the same, all made good within 60 s", seconds=600)
def wire_s3() -> Outcome:
    return _tried("s3")


@check("Partner down, 5 s late, reset, 1 KB/s: nobody notices, all made good within 60 s", seconds=600)
def wire_partner() -> Outcome:
    return _tried("partner")


def _tried(service: str) -> Outcome:
    outcome = Outcome()
    with wired() as world:
        for fault in FAULTS:
            _try_cell(outcome, world, service, fault)
        judge_calls(outcome, world)
        judge_exports(outcome, world)
        judge_objects(outcome, world.stack, world.objects)
    return outcome


# --- A cell -----------------------------------------------------------------------------------------------
def _try_cell(outcome: Outcome, world: Wired, service: str, fault: Weather) -> None:
    name, proxy = f"{service}-{fault}", world.proxies[service]
    world.jobs.add(world.doors.order())
    first, met = len(world.partners.answers), _met(world, service, fault)
    with _load(world, name):
        began = time.monotonic()
        # A connection that stays open is slowed too; else one that is in use breaks off.
        keep_open = fault in (Weather.LATE, Weather.SLOW)
        proxy.change(fault, keep_open=keep_open)
        with world.doors.asked(name) as answers:
            pass
        time.sleep(max(0, began + FAULT_SECONDS - time.monotonic()))
        proxy.change(Weather.FAIR, keep_open=keep_open)
        back = time.monotonic()
    world.accept(name, answers)
    recovered = _recovered(outcome, world, name, back)
    met = _met(world, service, fault) - met
    slowest = max(said.seconds for said in answers.values())
    shown = " ".join(said.status for said in answers.values())
    shown += f"; slowest {slowest:.1f} s; made good after {recovered:.0f} s; met {met} times"
    print(f"    {name}: {shown}", flush=True)
    if fault != Weather.DOWN or service == "partner":  # of the others that are down, a door or readyz tells
        outcome.expect(met > 0, f"{name}: nobody met it")
    _judge_answers(outcome, world, name, answers, first)


def _met(world: Wired, service: str, fault: Weather) -> int:
    """How often the fault has met somebody so far; of whom it refuses, only failed attempts tell."""
    return world.failed_fetches() if fault == Weather.DOWN else world.proxies[service].spoilt[fault]


@contextmanager
def _load(world: Wired, name: str) -> Iterator[None]:
    """Calls come one after the other, each again until it is taken; the last is taken before the end."""
    over = threading.Event()

    def send() -> None:
        number = 0
        while not over.wait(PAUSE_SECONDS):
            world.partners.send([world.doors.item(f"{name}-{number}")])
            number += 1

    thread = threading.Thread(target=send)
    thread.start()
    try:
        time.sleep(1)
        yield
    finally:
        over.set()
        thread.join()


def _recovered(outcome: Outcome, world: Wired, name: str, back: float) -> float:
    """After how many seconds all is at its end."""
    left = max(1, RECOVERY_SECONDS - (time.monotonic() - back))
    problem = ""
    try:
        world.wait_until_made_good(seconds=left)
    except TimeoutError as error:
        problem = str(error)
    outcome.expect(not problem, f"{name}: {problem}")
    return time.monotonic() - back


def _judge_answers(outcome: Outcome, world: Wired, name: str, answers: dict[str, Said], first: int) -> None:
    expected, seconds = _expected(name)
    for door, said in answers.items():
        held = said.status in expected[door].split("|") and said.seconds <= seconds
        outcome.expect(
            held, f"{name}: {door} was answered {said.status} after {said.seconds:.1f} s: {said.text[:300]}"
        )
        if said.status.startswith("5") and door in ENVELOPES:
            keys = set(_object(said.text))
            outcome.expect(keys == ENVELOPES[door], f"{name}: {door} was told {said.text}")
    for answer in world.partners.answers[first:]:
        allowed = ("200", *expected["ingest"].split("|"))
        held = str(answer.status) in allowed and answer.seconds <= MOST_SECONDS
        outcome.expect(held, f"{name}: {answer.status} after {answer.seconds:.1f} s: {answer.text}")


def _expected(name: str) -> tuple[dict[str, str], float]:
    head, *rows = (line.split() for line in EXPECTED.strip().splitlines())
    (cells,) = (row[2:] for row in rows if "-".join(row[:2]) == name)
    expected = dict(zip(head, cells, strict=True))
    return expected, float(expected.pop("seconds"))


def _object(text: str) -> dict[str, object]:
    try:
        return dict(json.loads(text))
    except ValueError:
        return {}

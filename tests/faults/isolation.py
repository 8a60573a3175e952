"""What one partner does must not slow another: hanging endpoints, and floods."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

from tests.faults.check import Outcome, check
from tests.faults.stack import Stack, item, wait_until
from tests.support import audio
from tests.support.partner_server import PartnerServer

CALLBACKS = 80
ROUNDS = 2
# More than the worker has threads.
HANGING = 12
MOST = 1.2

FLOOD = 300
VICTIMS = 5
# Of the worker, for both kinds of work.
THREADS = 8
RECORDING = audio.wav(0.5)

# What the flooder had begun between the answer to a victim and the moment the victim's own work began.
_UNITS_BETWEEN = """
WITH fetches AS (
    SELECT external_id, a.started_at FROM calls_fetchattempt a
    JOIN calls_recording r ON r.id = recording_id JOIN calls_call c ON c.id = call_id
), flood AS (
    SELECT started_at FROM fetches WHERE external_id LIKE 'flood-%%'
    UNION ALL SELECT started_at FROM partners_attempt
), victim AS (SELECT * FROM fetches WHERE external_id = %s)
SELECT COUNT(*) FROM flood, victim WHERE flood.started_at > %s AND flood.started_at < victim.started_at
"""
_UNFINISHED = """
SELECT COUNT(*) FROM calls_recording r JOIN calls_call c ON c.id = call_id
WHERE state IN ('due', 'leased') AND external_id LIKE %s
"""


@check("a partner's hanging endpoint slows nobody else's callbacks: ratio under 1.2", seconds=300)
def hanging_endpoint() -> Outcome:
    alone, beside = [], []
    # The fastest of each: what else this machine had to do is in the others.
    while len(alone) < ROUNDS and not (alone and min(beside) / min(alone) < MOST):
        alone.append(_seconds_to_deliver(hanging=False))
        beside.append(_seconds_to_deliver(hanging=True))
    ratio = min(beside) / min(alone)
    outcome = Outcome(tries=2 * len(alone) * CALLBACKS)
    if ratio >= MOST:
        times = f"{min(alone):.1f} s alone, {min(beside):.1f} s beside"
        outcome.violations.append(f"{CALLBACKS} callbacks took {times} a hanging endpoint: {ratio:.2f} times")
    return outcome


def _seconds_to_deliver(*, hanging: bool) -> float:
    """From the first post to the last callback of one partner, beside another that is idle or hanging."""
    with ExitStack() as ending:
        other, server = (ending.enter_context(PartnerServer()) for _ in range(2))
        stack = ending.enter_context(Stack(ZIPINGEST_ALLOW_LOOPBACK="True"))
        over = threading.Event()
        ending.callback(over.set)
        hung, partner = stack.partners("hung", "partner")
        if hanging:
            url = other.script("/callback", lambda: [b""] * over.wait(60))
            hung.ingest([item(f"hung-{n}", other.url("/gone"), url) for n in range(HANGING)])
            other.wait_for("/callback", timeout=30)
            time.sleep(1)  # until all of them hang that may
        url = server.serve("/callback", status=204)
        began = time.monotonic()
        partner.ingest([item(f"call-{n}", server.url("/gone"), url) for n in range(CALLBACKS)])
        server.wait_for("/callback", CALLBACKS, timeout=120)
        return time.monotonic() - began


@check("flood of one partner: another's call is claimed after at most a unit per free worker")
def flood() -> Outcome:
    outcome = Outcome()
    with PartnerServer() as server, Stack(ZIPINGEST_ALLOW_LOOPBACK="True") as stack:
        flooder, *victims = stack.partners("flooder", *(f"victim-{number}" for number in range(VICTIMS)))
        callback_url, recording_url = server.serve("/callback", status=204), server.script("/a.wav", _slowly)
        flooder.ingest([item(f"flood-{number}", recording_url, callback_url) for number in range(FLOOD)])
        answered = {}
        for number, victim in enumerate(victims):
            time.sleep(0.7)
            victim.ingest([item(f"victim-{number}", recording_url)])
            ((answered[f"victim-{number}"],),) = stack.rows("SELECT clock_timestamp()")
        wait_until(
            lambda: stack.rows(_UNFINISHED, "victim-%") == [(0,)], seconds=60, what="the victims are fetched"
        )
        ((left,),) = stack.rows(_UNFINISHED, "flood-%")
        outcome.expect(left > THREADS, f"the flood was over: {left} calls of it were left")
        for call, moment in answered.items():
            ((units,),) = stack.rows(_UNITS_BETWEEN, call, moment)
            outcome.expect(units <= THREADS, f"{call} was claimed after {units} units of the flooder's work")
    return outcome


def _slowly() -> Iterator[bytes]:
    """A recording from a server that takes its time."""
    time.sleep(0.1)
    yield b"HTTP/1.1 200 OK\r\n\r\n" + RECORDING

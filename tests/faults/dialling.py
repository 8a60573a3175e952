"""Contacts that are dialled while the worker that dials them is killed again and again."""

import os
import random
import signal
import time
from contextlib import suppress

from tests.faults.check import Outcome, check
from tests.faults.stack import Stack, wait_until

CONTACTS, KILLS = 200, 20
SEED = 20260701
TALK_SECONDS = 1

_FILL = """
from tests.support import dialling
of = dialling.batch()
for number in range({count}):
    # By the simulator's rule: nobody answers, busy and a failure, each of them once in forty.
    phone = f"+1212555{{number % 40 + 1:04}}" if number < 40 else f"+1415{{number:03}}{{1000 + number:04}}"
    dialling.contact(of, phone)
"""
_OPEN = """
SELECT COUNT(*) FROM dialer_contact
WHERE state IN ('due', 'leased') OR status IN ('queued', 'ringing', 'in-progress')
"""
_BEGUN = "SELECT COUNT(*) FROM dialer_phonelog"
_ENDS = """
SELECT c.phone, c.status, c.blocked_by, count(l.id), count(l.id) FILTER (WHERE l.status = 'unknown'),
       count(l.id) FILTER (WHERE l.status IN ('originating', 'ringing', 'in-progress')), count(l.call_id)
FROM dialer_contact c LEFT JOIN dialer_phonelog l ON l.contact_id = c.id
GROUP BY c.id
"""
_MADE = "SELECT phone, count(*) FROM calls_simulatedcall GROUP BY phone"


@check(
    f"kill -9 of the dialling worker, {KILLS} times in {CONTACTS} calls: nobody is called twice, all end",
    seconds=300,
)
def dialling() -> Outcome:
    programs = ("dialer", "follower", "worker", "beat")
    given = {
        "ZIPINGEST_ALLOW_LOOPBACK": "True",
        "TELEPHONY_PROVIDER": "simulator",
        "SIMULATOR_TALK_SECONDS": str(TALK_SECONDS),
        "DIALER_RUNNING_PER_NUMBER": "10",
        "WORK_LEASE_SECONDS": "3",
    }
    with Stack(programs=programs, **given) as stack:
        stack.run(_FILL.format(count=CONTACTS))
        kills = _kill_while_dialling(stack)
        wait_until(lambda: stack.rows(_OPEN) == [(0,)], seconds=180, what="every contact has ended")
        return _judged(stack, kills)


def _kill_while_dialling(stack: Stack) -> int:
    """Each time once it has begun further calls."""
    chance, kills = random.Random(SEED), 0
    while kills < KILLS and stack.rows(_OPEN) != [(0,)]:
        _wait_for_another(stack)
        time.sleep(chance.uniform(0, 0.2))
        process = stack.processes.pop("dialer")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        stack.start("dialer")
        kills += 1
    return kills


def _wait_for_another(stack: Stack) -> None:
    """Until a further call is begun; of the last ones there is none."""
    ((begun,),) = stack.rows(_BEGUN)
    with suppress(TimeoutError):
        wait_until(lambda: stack.rows(_BEGUN)[0][0] > begun, seconds=20, what="another call is begun")


def _judged(stack: Stack, kills: int) -> Outcome:
    outcome = Outcome()
    outcome.expect(kills == KILLS, f"the worker was killed {kills} times")
    made = dict(stack.rows(_MADE))
    for phone, count in made.items():
        outcome.expect(count == 1, f"{phone} was called {count} times")
    ends = stack.rows(_ENDS)
    outcome.expect(len(ends) == CONTACTS, f"{len(ends)} contacts are there")
    unknown = 0
    for phone, status, blocked_by, begun, lost, running, calls in ends:
        ended = status in ("completed", "no-answer", "busy", "failed") and not running
        outcome.expect(
            ended and begun == 1, f"{phone} is {status} after {begun} calls, {running} of them running"
        )
        outcome.expect(
            bool(lost) == (blocked_by == "outcome-unknown"), f"{phone}: {lost} lost, {blocked_by!r}"
        )
        outcome.expect((status == "completed") == (calls == 1), f"{phone} is {status} with {calls} calls")
        outcome.expect(phone in made or bool(lost), f"{phone} is {status} and was never called")
        unknown += bool(lost)
    print(f"    {kills} kills; {unknown} of {len(ends)} contacts are left to a person")
    return outcome

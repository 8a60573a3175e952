"""The quota, asked by many clients of several web processes at once."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.check import Outcome, check
from tests.faults.stack import Partner, Stack

LIMIT = 120
CLIENTS = 32
WINDOW_SECONDS = 60
# Long enough for the first window to end and the next to fill. A client pauses when it is refused.
HAMMER_SECONDS = 66
PAUSE_SECONDS = 0.8
OBEDIENT_LIMIT = 5


@dataclass(frozen=True)
class Admitted:
    """A request that was let through: the server counted it between these two moments."""

    sent_at: float
    answered_at: float


@check("quota: exactly 120 in any 60 s, over 4 processes; Retry-After obeyed succeeds")
def quota() -> Outcome:
    with Stack(programs=("web",), WEB_CONCURRENCY="4") as stack:
        (hammered,) = stack.partners("hammered", rate_limit=LIMIT)
        obedient = stack.partners(*(f"obedient-{number}" for number in range(4)), rate_limit=OBEDIENT_LIMIT)
        outcome = Outcome()
        jobs: list[Callable[[], None]] = [
            *(
                lambda number=number, each=each: _obey(each, number, outcome)
                for number, each in enumerate(obedient)
            )
        ]
        admitted: list[Admitted] = []
        refused: list[int] = []
        ends = time.monotonic() + HAMMER_SECONDS
        jobs += [lambda: _hammer(hammered, ends, admitted, refused)] * CLIENTS
        _together(jobs)
        _judge(outcome, admitted, refused, began=ends - HAMMER_SECONDS)
        return outcome


def _hammer(partner: Partner, ends: float, admitted: list[Admitted], refused: list[int]) -> None:
    client = partner.another_client()
    while (sent_at := time.monotonic()) < ends:
        status = client.list_calls().status_code
        if status == 200:
            admitted.append(Admitted(sent_at, time.monotonic()))
        else:
            refused.append(status)
            time.sleep(PAUSE_SECONDS)


def _obey(partner: Partner, number: int, outcome: Outcome) -> None:
    """Spend the quota over a while, be refused, wait as long as told, and ask again."""
    for _ in range(OBEDIENT_LIMIT):
        outcome.expect(partner.list_calls().status_code == 200, "a request within the quota was refused")
        time.sleep(number)
    refusal = partner.list_calls()
    outcome.expect(refusal.status_code == 429, f"the sixth of five a minute answered {refusal.status_code}")
    wait = int(refusal.headers["Retry-After"])
    outcome.expect(0 < wait <= WINDOW_SECONDS, f"Retry-After: {wait}")
    time.sleep(wait)
    status = partner.list_calls().status_code
    outcome.expect(status == 200, f"{wait} s later, as Retry-After had asked, the answer was {status}")


def _judge(outcome: Outcome, admitted: list[Admitted], refused: list[int], began: float) -> None:
    admitted.sort(key=lambda each: each.sent_at)
    for first in admitted:
        # Surely counted within 60 s of one another, however long the answers took.
        until = first.sent_at + WINDOW_SECONDS
        together = sum(first.sent_at <= each.sent_at and each.answered_at < until for each in admitted)
        outcome.expect(together <= LIMIT, f"{together} requests were admitted within 60 s")
    early = sum(each.answered_at < began + WINDOW_SECONDS - 1 for each in admitted)
    outcome.expect(early == LIMIT, f"{early} requests were admitted in the first minute, not {LIMIT}")
    outcome.expect(len(admitted) == 2 * LIMIT, f"{len(admitted)} were admitted in {HAMMER_SECONDS} s")
    outcome.expect(set(refused) == {429}, f"the refused were answered {set(refused)}")
    outcome.tries += len(refused)


def _together(jobs: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=job, daemon=True) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

"""Files that crash their helper, keep it busy for ever or eat its memory, and the calls beside them."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from tests.faults.check import Outcome, check
from tests.faults.stack import Stack, item, wait_until
from tests.support import audio
from tests.support.partner_server import PartnerServer

NEIGHBOURS = 30
CPU_SECONDS = 2
# More than a worker has helpers, each longer than all the short files together.
HEAVY, SHORT = 8, 10
HEAVY_CPU_SECONDS = 6
# Ten seconds of sound 1500 times over: far more than a helper may decode in that time.
SPINS = audio.mp3(10, bit_rate=8000) * 1500
# The same, told apart by its size: the check itself kills the helper that has it open.
CRASHES = SPINS + b"\0"
BAD = {
    "spins": (SPINS, f"decoding took more than {CPU_SECONDS} s of CPU time"),
    "eats memory": (audio.mp4_bomb(), "decoding ran out of memory"),
    "crashes": (CRASHES, "the audio helper was ended by SIGSEGV"),
}


_ENDS = """
SELECT external_id, state, crashes, last_error, completed_at
FROM calls_recording r JOIN calls_call c ON c.id = call_id
"""
_FIRST_TRY_ENDED = """
SELECT MIN(a.started_at + a.duration_ms * interval '1 ms')
FROM calls_fetchattempt a JOIN calls_recording r ON r.id = recording_id JOIN calls_call c ON c.id = call_id
WHERE external_id LIKE %s
"""
_DECODING = "SELECT COUNT(*) FROM calls_recording WHERE state = 'leased' AND stage = 'processing'"


@check("helper that crashes, spins or eats memory: ended, retried, poison at the third; others go on")
def crashes() -> Outcome:
    with PartnerServer() as server, _stack(CPU_SECONDS) as stack, _crashing(stack):
        bad, neighbour = stack.partners("bad", "neighbour")
        bad.ingest([item(name, server.serve(f"/{name[0]}", data)) for name, (data, _) in BAD.items()])
        wait_until(lambda: server.count("/s"), seconds=20, what="the bad files are being fetched")
        good = server.serve("/good", audio.wav(1.0))
        neighbour.ingest([item(f"neighbour-{number}", good) for number in range(NEIGHBOURS)])
        stack.wait_until_fetched(seconds=90)
        return _judged(stack)


@check("eight heavy files of one partner: a neighbour's are all decoded before the first of them")
def heavy() -> Outcome:
    # A server each: no more than four fetches of one host run at once.
    with PartnerServer() as server, PartnerServer() as other, _stack(HEAVY_CPU_SECONDS) as stack:
        partner, neighbour = stack.partners("heavy", "neighbour")
        url = server.serve("/heavy", SPINS)
        partner.ingest([item(f"heavy-{number}", url) for number in range(HEAVY)])
        wait_until(lambda: stack.rows(_DECODING)[0][0] > 1, seconds=20, what="heavy files are decoded")
        good = other.serve("/good", audio.wav(1.0))
        neighbour.ingest([item(f"neighbour-{number}", good) for number in range(SHORT)])
        wait_until(
            lambda: stack.rows(_FIRST_TRY_ENDED, "heavy-%") != [(None,)],
            seconds=90,
            what="a heavy file ended",
        )
        return _none_later(stack)


def _stack(cpu_seconds: int) -> Stack:
    return Stack(
        ZIPINGEST_ALLOW_LOOPBACK="True",
        FETCH_RETRY_STEPS="1,1,1,1,1",
        AUDIO_CPU_SECONDS=str(cpu_seconds),
        AUDIO_MEMORY_BYTES=str(400 * 1024 * 1024),
    )


@contextmanager
def _crashing(stack: Stack) -> Iterator[None]:
    """Kills each helper that has the crashing file open, as a fault of its own would (SIGSEGV)."""
    over = threading.Event()

    def kill() -> None:
        worker = psutil.Process(stack.processes["worker"].pid)
        while not over.wait(0.05):
            for helper in worker.children():
                if _has_open(helper.pid, len(CRASHES)):
                    os.kill(helper.pid, signal.SIGSEGV)

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    yield
    over.set()
    thread.join()


def _has_open(pid: int, size: int) -> bool:
    with suppress(OSError):
        return any(
            file.stat().st_size == size and os.readlink(file).endswith("/original")
            for file in Path(f"/proc/{pid}/fd").iterdir()
        )
    return False


def _ends(stack: Stack) -> dict[str, list[Any]]:
    return {call: end for call, *end in stack.rows(_ENDS)}


def _none_later(stack: Stack) -> Outcome:
    outcome = Outcome()
    ((first,),) = stack.rows(_FIRST_TRY_ENDED, "heavy-%")
    for name, (state, _, error, completed_at) in _ends(stack).items():
        if name.startswith("neighbour-"):
            in_time = state == "done" and completed_at < first
            outcome.expect(in_time, f"{name} was {state} {error!r} when a heavy file had ended")
    return outcome


def _judged(stack: Stack) -> Outcome:
    outcome = Outcome()
    ends = _ends(stack)
    for name, end in ends.items():
        wanted = ["poison", 3, BAD[name][1]] if name in BAD else ["done", 0, ""]
        outcome.expect(end[:3] == wanted, f"{name}: ended as {end[:3]}, not {wanted}")
    ((first_try_ended,),) = stack.rows(_FIRST_TRY_ENDED, "spins")
    for name, (*_, completed_at) in ends.items():
        late = (completed_at - first_try_ended).total_seconds()
        outcome.expect(name in BAD or late < 0, f"{name} ended {late:.1f} s after a spinning helper")
    return outcome

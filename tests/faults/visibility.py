"""Work that takes longer than the broker waits for its message, which it then delivers again."""

import threading
import time

from tests.faults.check import Outcome, check
from tests.faults.proxy import Weather
from tests.faults.stack import item, wait_until
from tests.faults.supervised import judge_objects
from tests.faults.wired import Wired, judge_calls, judge_exports, wired
from tests.support import audio

# tests.faults.short_visibility has them too; it can be imported by the product alone.
VISIBILITY_SECONDS = 4
DELIVERED_AGAIN = "a message is delivered again"

HELD = 4
# Kombu looks every ten seconds for what is to be delivered again.
HELD_SECONDS = 3 * VISIBILITY_SECONDS + 22
# So slow that the one recording of the export takes longer than that to read.
SLOW_BYTES = 200

_WORKED_ON = """
SELECT (SELECT count(*) FROM calls_recording WHERE state = 'leased'),
       (SELECT count(*) FROM exports_exportjob WHERE state = 'leased')
"""
_RUNS = """
SELECT external_id, lease_epoch, attempts, expiries FROM calls_recording r JOIN calls_call c ON c.id = call_id
UNION ALL SELECT public_id, lease_epoch, attempts, expiries FROM exports_exportjob
"""


@check("Tasks that outlive the visibility timeout three times: done once, told once", seconds=600)
def outlived_visibility() -> Outcome:
    outcome, release = Outcome(), threading.Event()
    given = {"DJANGO_SETTINGS_MODULE": "tests.faults.short_visibility", "WORK_LEASE_SECONDS": "15"}
    # The partner's silence is not what ends the download.
    given |= {"OUTBOUND_READ_SECONDS": "120"}
    with wired(slow_bytes=SLOW_BYTES, **given) as world:
        try:
            _begin(world, release)
            time.sleep(HELD_SECONDS)
            outcome.expect(world.stack.rows(_WORKED_ON) == [(HELD, 1)], "not all of it lasted so long")
        finally:
            release.set()
            world.proxies["s3"].change(Weather.FAIR, keep_open=True)
        world.wait_until_made_good(seconds=60)
        again = sum(world.stack.log(name).count(DELIVERED_AGAIN) for name in ("worker", "packer"))
        print(f"    messages delivered again: {again}")
        outcome.expect(again > HELD, f"only {again} messages were delivered again")
        _judge_runs(outcome, world)
        judge_calls(outcome, world)
        judge_exports(outcome, world)
        judge_objects(outcome, world.stack, world.objects)
    return outcome


def _begin(world: Wired, release: threading.Event) -> None:
    """Recordings that the partner holds back, and an export that is slow to read; all of them at work."""
    world.server.serve("/held.wav", audio.wav(0.3), hold=release, hold_after=1000)
    held = f"{world.proxies['partner'].url}/held.wav"
    callback = f"{world.proxies['partner'].url}/callback"
    world.proxies["s3"].change(Weather.SLOW, keep_open=True)
    world.partners.send([item(f"held-{number}", held, callback) for number in range(HELD)])
    world.jobs.add(world.doors.order())
    wait_until(lambda: world.stack.rows(_WORKED_ON) == [(HELD, 1)], seconds=60, what="all is at work")


def _judge_runs(outcome: Outcome, world: Wired) -> None:
    for name, epoch, attempts, expiries in world.stack.rows(_RUNS):
        runs = (epoch, attempts, expiries)
        outcome.expect(runs == (1, 1, 0), f"{name}: epoch, attempts, lost = {runs}")
    count = world.server.count("/held.wav")
    outcome.expect(count == HELD, f"{HELD} recordings were asked for {count} times")
    told = len(world.server.received("/callback"))
    outcome.expect(told == HELD + 1, f"{HELD + 1} calls were told {told} times")

"""The clocks of the product's processes set forth and back by an hour (libfaketime), never the machine's.

Leases, what is due and what has run out go by the database's clock, which stays right.
"""

import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from standardwebhooks import Webhook

from tests.faults.check import Outcome, check
from tests.faults.doors import Doors
from tests.faults.stack import Partner, Stack, item, wait_until
from tests.faults.supervised import STEPS, judge_ends, judge_objects
from tests.support import audio
from tests.support.partner_server import PartnerServer

# In the order in which they are set; by each of them from the one before.
CLOCKS = {"ahead": "+3600", "behind": "-3600", "right": "+0"}
FAKED = Path(__file__).with_name("faked")
LIBRARIES = "*/faketime/libfaketimeMT.so.1"
LIMIT = 10
WINDOW_SECONDS = 60
PROMPT_SECONDS = 60
# Longer than a lease.
HELD_SECONDS = 15

_SECRET = """
from partners.models import Partner
print(Partner.objects.get(name="partner").webhook_secrets()[0])
"""
_HELD = """
SELECT state, lease_epoch, expiries FROM calls_recording r JOIN calls_call c ON c.id = call_id
WHERE external_id = %s
"""
_RUNS = "SELECT external_id, attempts, lease_epoch FROM calls_recording r JOIN calls_call c ON c.id = call_id"


@check(
    "The processes' clocks an hour ahead, then behind: nothing twice, nothing late, nobody out", seconds=600
)
def clock_jumps() -> Outcome:
    outcome = Outcome()
    with TemporaryDirectory() as folder, PartnerServer() as server, _stack(Path(folder, "clock")) as stack:
        recording = server.serve("/a.wav", audio.wav(0.3, channels=2))
        doors = Doors(stack, recording=recording, callback=server.serve("/callback", status=204))
        doors.prepare()
        (limited,) = stack.partners("limited", rate_limit=LIMIT)
        for name, offset in CLOCKS.items():
            _try_clock(outcome, stack, server, doors, limited, name, Path(folder, "clock"), offset)
        _wait_until_done(outcome, stack, "in the end")
        _judge(outcome, stack, server)
    return outcome


def _stack(clock: Path) -> Stack:
    library = next(Path("/usr/lib").glob(LIBRARIES), None)
    if library is None:
        raise RuntimeError("needs Debian's faketime: apt-get install -y faketime")
    _set(clock, "+0")
    faked = {"LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1"}
    # What measures how long something takes is not set with the clock; files keep the times that they have.
    faked |= {"FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1", "PYTHONPATH": str(FAKED)}
    return Stack(
        programs=("web", "worker", "packer", "beat"),
        ZIPINGEST_ALLOW_LOOPBACK="True",
        WORK_LEASE_SECONDS="10",
        FETCH_RETRY_STEPS=STEPS,
        CALLBACK_RETRY_STEPS=STEPS,
        **faked,
    )


def _set(clock: Path, offset: str) -> None:
    """At once: a process that reads it never sees half of it."""
    draft = clock.with_suffix(".new")
    draft.write_text(f"{offset}\n")
    draft.replace(clock)


def _try_clock(
    outcome: Outcome,
    stack: Stack,
    server: PartnerServer,
    doors: Doors,
    limited: Partner,
    name: str,
    clock: Path,
    offset: str,
) -> None:
    """What was begun before the clock is set, and what comes after."""
    release = threading.Event()
    try:
        _begin(server, doors, name, release)
        _spend(outcome, doors, limited, f"before-{name}")
        _set(clock, offset)
        began = time.monotonic()
        _judge_doors(outcome, doors, name)
        doors.partner.ingest(_calls(server, doors, name))
        wait = limited.post(doors.item(f"limited-{name}")).headers.get("Retry-After", "0")
        outcome.expect(int(wait) <= WINDOW_SECONDS, f"{name}: the quota is told to reset in {wait} s")
        time.sleep(max(0, began + HELD_SECONDS - time.monotonic()))
        held = stack.rows(_HELD, f"held-{name}")
        outcome.expect(held == [("leased", 1, 0)], f"{name}: what was at work is {held}")
    finally:
        release.set()
    _wait_until_done(outcome, stack, name)
    print(f"    {name}: done {time.monotonic() - began:.0f} s after the clock was set", flush=True)
    free_at = began + WINDOW_SECONDS + 10
    wait_until(
        lambda: limited.post(doors.item(f"again-{name}")).status_code == 200,
        seconds=max(1, free_at - time.monotonic()),
        what=f"{name}: the quota has its window back",
    )


def _begin(server: PartnerServer, doors: Doors, name: str, release: threading.Event) -> None:
    """A recording that is being fetched while the clock is set."""
    path = f"/held-{name}.wav"
    url = server.serve(path, audio.wav(0.3), hold=release, hold_after=1000)
    doors.partner.ingest([item(f"held-{name}", url, server.url("/callback"))])
    server.wait_for(path, timeout=30)


def _spend(outcome: Outcome, doors: Doors, limited: Partner, name: str) -> None:
    statuses = {limited.post(doors.item(name)).status_code for _ in range(LIMIT + 2)}
    outcome.expect(statuses == {200, 429}, f"{name}: {LIMIT + 2} requests were answered {statuses}")


def _judge_doors(outcome: Outcome, doors: Doors, name: str) -> None:
    """Keys, tokens and sessions are as good as before."""
    with doors.asked(name) as answers:
        pass
    for door, said in answers.items():
        outcome.expect(said.status in ("200", "201"), f"{name}: {door} answered {said.status} {said.text}")


def _calls(server: PartnerServer, doors: Doors, name: str) -> list[dict[str, Any]]:
    """One that succeeds at the second try, and two with URLs that say how long they are good."""
    flaky = server.serve(f"/flaky-{name}.wav", status=503, times=1)
    server.serve(f"/flaky-{name}.wav", audio.wav(0.3))
    recording = server.url("/a.wav")
    urls = {"flaky": flaky, "signed": _signed(recording, ago=5), "expired": _signed(recording, ago=40)}
    return [item(f"{kind}-{name}", url, server.url("/callback")) for kind, url in urls.items()]


def _signed(url: str, *, ago: int) -> str:
    """As Amazon signs for half an hour, so many minutes ago."""
    date = datetime.now(UTC) - timedelta(minutes=ago)
    return f"{url}?X-Amz-Date={date:%Y%m%dT%H%M%SZ}&X-Amz-Expires=1800"


def _wait_until_done(outcome: Outcome, stack: Stack, name: str) -> None:
    open_work = "SELECT 1 FROM exports_exportjob WHERE state IN ('due', 'leased')"
    try:
        stack.wait_until_fetched(seconds=PROMPT_SECONDS)
        stack.wait_until_delivered(seconds=PROMPT_SECONDS)
        wait_until(lambda: not stack.rows(open_work), seconds=PROMPT_SECONDS, what="exports are packed")
    except TimeoutError as error:
        outcome.violations.append(f"{name}: {error}")


# --- In the end -------------------------------------------------------------------------------------------
def _judge(outcome: Outcome, stack: Stack, server: PartnerServer) -> None:
    for call, attempts, epoch in stack.rows(_RUNS):
        wanted = 2 if call.startswith("flaky-") else 1
        runs = (attempts, epoch)
        outcome.expect(runs == (wanted, wanted), f"{call}: attempts, claims = {runs}")
    recordings = stack.recordings()
    judge_ends(outcome, stack, _named("held", "flaky", "signed", "expired"))
    for call in _named("held", "flaky", "signed"):
        outcome.expect(recordings.get(call, ("", ""))[0] == "done", f"{call}: {recordings.get(call)}")
    for call in _named("expired"):
        outcome.expect(
            "no longer valid" in recordings.get(call, ("", ""))[1], f"{call}: {recordings.get(call)}"
        )
    _judge_callbacks(outcome, stack, server)
    judge_objects(outcome, stack, stack.folder / "blobs")


def _named(*kinds: str) -> Sequence[str]:
    return [f"{kind}-{name}" for kind in kinds for name in CLOCKS]


def _judge_callbacks(outcome: Outcome, stack: Stack, server: PartnerServer) -> None:
    """Each came once, with a signature that a receiver whose clock is right takes."""
    secret, seen = Webhook(stack.run(_SECRET).strip()), set()
    for request in server.received("/callback"):
        id = request.headers["webhook-id"]
        outcome.expect(id not in seen, f"callback {id} came twice")
        seen.add(id)
        if request.json()["call_id"].startswith(("limited", "again", "before")):
            continue  # another partner's, with a secret of its own
        sent_at = datetime.fromtimestamp(int(request.headers["webhook-timestamp"]), UTC)
        arrived_at = datetime.now(UTC) - timedelta(seconds=time.monotonic() - request.at)
        off = abs((arrived_at - sent_at).total_seconds())
        outcome.expect(off < PROMPT_SECONDS, f"callback {id} is dated {off:.0f} s off")
        signature = secret.sign(id, sent_at, request.body.decode())
        outcome.expect(request.headers["webhook-signature"] == signature, f"callback {id} is signed wrongly")

"""Hostile and damaged files through a whole worker, while strace looks at what its helpers open."""

import shutil
import socket

from tests.faults.check import Outcome, check
from tests.faults.stack import Stack, item
from tests.hostile.media import damaged_files, hostile_files
from tests.hostile.opened import Noticing, opened_by_helpers, strace
from tests.support import audio
from tests.support.partner_server import PartnerServer

DAMAGED = 140


@check("hostile or damaged file: ended, and the helper opened no other file and no socket")
def media() -> Outcome:
    if shutil.which("strace") is None:
        raise RuntimeError("needs Debian's strace: apt-get install -y strace")
    outcome = Outcome()
    with Stack(programs=(), ZIPINGEST_ALLOW_LOOPBACK="True", FETCH_RETRY_STEPS="0,0,0") as stack:
        record = stack.folder / "strace"
        stack.start("web")
        stack.start("worker", under=strace(record))
        stack.wait_until_ready()
        _ingest_all(stack, outcome)
        stack.end("worker")
        opened, others = opened_by_helpers(record, stack.folder / "scratch")
        outcome.expect(opened > DAMAGED, f"strace saw only {opened} recordings and results opened")
        for other in others:
            outcome.expect(False, f"a helper asked for {other}")
    return outcome


def _ingest_all(stack: Stack, outcome: Outcome) -> None:
    canary = stack.folder / "canary.wav"
    canary.write_bytes(audio.wav(1.0))
    noticing = Noticing(canary)
    with PartnerServer() as server, socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/canary.wav"
        files = {**hostile_files(canary, url), **dict(damaged_files(DAMAGED))}
        urls = [
            server.serve(f"/{number}.mp3", data, content_type="audio/mpeg")
            for number, data in enumerate(files.values())
        ]
        (partner,) = stack.partners("partner")
        partner.ingest([item(name, url) for name, url in zip(files, urls, strict=True)])
        stack.wait_until_fetched(seconds=120)
        for name, (state, reason) in stack.recordings().items():
            told = state == "done" or (bool(reason) and "internal error" not in reason)
            outcome.expect(
                state in ("done", "failed", "poison") and told, f"{name}: ended {state} ({reason})"
            )
        outcome.expect(not noticing.was_opened, "the file that hostile files name was opened")
        outcome.expect(_nobody_called(listener), "the server that hostile files name was called")


def _nobody_called(listener: socket.socket) -> bool:
    try:
        listener.accept()
    except BlockingIOError:
        return True
    return False

"""Servers that drip, never end, lie about lengths or send bombs, against a real worker."""

import gzip
import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from tests.calls.audio.processes import peak_memory
from tests.faults.check import Outcome, check
from tests.faults.stack import Stack, item
from tests.support.partner_server import PartnerServer

DEADLINE_SECONDS = 3
MAX_BYTES = 8 * 1024 * 1024
MIB = 1024 * 1024
MOST_MEMORY = 300 * MIB

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
PIECE = bytes(64 * 1024)
# 64 MiB of zeros.
BOMB = gzip.compress(gzip.compress(bytes(64 * MIB)))
Pieces = Callable[[], Iterator[bytes]]

_DURATIONS = """
SELECT external_id, duration_ms FROM calls_fetchattempt a
JOIN calls_recording r ON r.id = recording_id JOIN calls_call c ON c.id = call_id
"""


def dripping(head: bytes, drop: bytes = b"x") -> Pieces:
    def pieces() -> Iterator[bytes]:
        yield head
        while True:
            time.sleep(0.1)
            yield drop

    return pieces


def endless(head: bytes, piece: bytes) -> Pieces:
    return lambda: itertools.chain([head], itertools.repeat(piece))


def whole(*pieces: bytes) -> Pieces:
    return lambda: iter(pieces)


def silent(head: bytes) -> Pieces:
    """Says this much, and then nothing for longer than anybody should wait."""

    def pieces() -> Iterator[bytes]:
        yield head
        time.sleep(DEADLINE_SECONDS + 5)

    return pieces


DRIPS: dict[str, Pieces] = {
    "a dripping status line": dripping(b"H"),
    "a dripping header": dripping(OK + b"X-Slow: "),
    "dripping headers": dripping(OK, b"A: b\r\n"),
    "dripping interim answers": dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a dripping body": dripping(OK + b"Content-Length: 100000\r\n\r\n"),
    "a dripping body without length": dripping(OK + b"\r\n"),
    "dripping chunks": dripping(CHUNKED, b"1\r\nx\r\n"),
    "a dripping chunk size": dripping(CHUNKED, b"0"),
    "dripping trailers": dripping(CHUNKED + b"0\r\n", b"A: b\r\n"),
    "no answer": silent(b""),
    "silence after the headers": silent(OK + b"Content-Length: 100000\r\n\r\n"),
    "silence after a redirect's headers": silent(b"HTTP/1.1 302 Found\r\nLocation: /void\r\n"),
    "fewer bytes than announced, and silence": silent(OK + b"Content-Length: 100000\r\n\r\n" + PIECE),
}
ENDLESS: dict[str, tuple[bytes, bytes]] = {
    "an endless body": (OK + b"\r\n", PIECE),
    "endless chunks": (CHUNKED, b"10000\r\n" + PIECE + b"\r\n"),
    "one endless chunk": (CHUNKED + b"fffffffffffffff\r\n", PIECE),
    "a chunk of negative size": (CHUNKED + b"-1\r\n", PIECE),
    "more than the announced length": (OK + b"Content-Length: 1000\r\n\r\n", PIECE),
    "an announced terabyte": (OK + b"Content-Length: 1099511627776\r\n\r\n", PIECE),
    "an endless status line": (b"", b"A" * 65536),
    "an endless header": (OK + b"A: ", b"b" * 65536),
    "endless headers": (OK, b"A: b\r\n" * 10_000),
    "an endless chunk extension": (CHUNKED + b"1;", b"x" * 65536),
    "an endless trailer": (CHUNKED + b"0\r\nA: ", b"x" * 65536),
    "the endless body of a redirect": (b"HTTP/1.1 302 Found\r\nLocation: /void\r\n\r\n", PIECE),
    "the endless body of an error": (b"HTTP/1.1 404 Not Found\r\n\r\n", PIECE),
}
BOMBS: dict[str, Pieces] = {
    coding: whole(OK + f"Content-Encoding: {coding}\r\nContent-Length: {len(BOMB)}\r\n\r\n".encode(), BOMB)
    for coding in ("gzip", "deflate", "gzip, gzip", "br", "zstd", "x-gzip")
} | {
    "transfer coding": whole(OK + b"Transfer-Encoding: gzip\r\n\r\n", BOMB),
    "transfer codings": whole(
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n", b"%x\r\n%b\r\n0\r\n\r\n" % (len(BOMB), BOMB)
    ),
    "of an error": whole(b"HTTP/1.1 404 Not Found\r\nContent-Encoding: gzip\r\n\r\n", BOMB),
    "unannounced": whole(OK + b"\r\n", BOMB),
}


@check("drip, endless, wrong length, bomb: over at deadline + 2 s, cap + 1 MiB, 300 MB")
def servers() -> Outcome:
    read: dict[str, list[int]] = {name: [] for name in ENDLESS}
    with ExitStack() as ending, _stack() as stack:
        urls = {}
        for name, pieces in {**DRIPS, **BOMBS}.items():
            urls[name] = _server(ending).script("/a.wav", pieces)
        for name, (head, piece) in ENDLESS.items():
            server = _server(ending)
            urls[name] = server.script("/a.wav", _each_once_read(server.port, head, piece, read[name]))
        (partner,) = stack.partners("partner")
        partner.ingest([item(name, url) for name, url in urls.items()])
        stack.wait_until_fetched(seconds=60)
        return _judged(stack, read)


def _server(ending: ExitStack) -> PartnerServer:
    return ending.enter_context(PartnerServer())


def _stack() -> Stack:
    return Stack(
        ZIPINGEST_ALLOW_LOOPBACK="True",
        FETCH_RETRY_STEPS="",
        FETCH_DEADLINE_SECONDS=str(DEADLINE_SECONDS),
        FETCH_MAX_BYTES=str(MAX_BYTES),
    )


def _each_once_read(port: int, head: bytes, piece: bytes, read: list[int]) -> Pieces:
    """One piece after the other, the next when the worker has read the last: `read` knows what it took."""

    def pieces() -> Iterator[bytes]:
        yield head
        while True:
            yield piece
            while _in_flight(port):
                time.sleep(0.001)
            read.append(len(piece))

    return pieces


def _in_flight(port: int) -> int:
    """Bytes to or from this server that lie in the kernel, neither end's program has them (proc(5))."""
    lying = 0
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, _, queues, *_ = line.split()
        if f":{port:04X}" in (local[-5:], remote[-5:]):
            lying += sum(int(size, 16) for size in queues.split(":"))
    return lying


def _judged(stack: Stack, read: dict[str, list[int]]) -> Outcome:
    outcome = Outcome()
    for name, (state, reason) in stack.recordings().items():
        known = bool(reason) and "internal error" not in reason
        outcome.expect(state == "failed" and known, f"{name}: ended {state} ({reason})")
    for name, ms in stack.rows(_DURATIONS):
        outcome.expect(ms <= (DEADLINE_SECONDS + 2) * 1000, f"{name}: over only after {ms} ms")
    for name, sizes in read.items():
        outcome.expect(sum(sizes) <= MAX_BYTES + MIB, f"{name}: {sum(sizes):,} bytes were read")
    memory = peak_memory(stack.processes["worker"].pid)
    outcome.expect(memory < MOST_MEMORY, f"the worker took {memory:,} bytes of memory")
    return outcome

"""Ranges and conditions over real HTTP: gunicorn sends by sendfile, or nginx does in its place."""

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import psutil
import pytest

from calls.models import AccessRecord, Recording
from tests.support import factories, recordings
from tests.support.api import gunicorn
from tests.support.nginx import nginx
from tests.surfaces.telesales.conftest import RECORDINGS, Account
from zipingest.storage import LocalStorage, default_storage

DATA = bytes(range(250)) * 4
ETAG = '"own"'  # stands for the recording's own entity tag
DATE, EARLIER, LATER = "own date", "Wed, 04 Mar 2020 05:06:06 GMT", "Thu, 04 Mar 2100 05:06:08 GMT"

# What is asked for, and the status and bytes (start, stop) of the answer.
WHOLE, NOTHING = (0, 1000), (0, 0)
CASES: list[tuple[dict[str, str], int, tuple[int, int]]] = [
    ({}, 200, WHOLE),
    # one range
    ({"Range": "bytes=0-0"}, 206, (0, 1)),
    ({"Range": "bytes=0-499"}, 206, (0, 500)),
    ({"Range": "bytes=500-999"}, 206, (500, 1000)),
    ({"Range": "bytes=999-999"}, 206, (999, 1000)),
    ({"Range": "bytes=0-"}, 206, WHOLE),
    ({"Range": "bytes=999-"}, 206, (999, 1000)),
    ({"Range": "bytes=0-999"}, 206, WHOLE),
    ({"Range": "bytes=0-1000"}, 206, WHOLE),
    ({"Range": "bytes=900-99999"}, 206, (900, 1000)),
    ({"Range": "bytes=5-" + "9" * 400}, 206, (5, 1000)),
    ({"Range": "bytes=0005-0006"}, 206, (5, 7)),
    ({"Range": "bytes=-1"}, 206, (999, 1000)),
    ({"Range": "bytes=-500"}, 206, (500, 1000)),
    ({"Range": "bytes=-1000"}, 206, WHOLE),
    ({"Range": "bytes=-5000"}, 206, WHOLE),
    ({"Range": "BYTES=0-0"}, 206, (0, 1)),
    ({"Range": "bytes= 0-0 "}, 206, (0, 1)),
    ({"Range": "bytes=,0-0, ,"}, 206, (0, 1)),
    # none that can be given
    ({"Range": "bytes=1000-"}, 416, NOTHING),
    ({"Range": "bytes=1000-2000"}, 416, NOTHING),
    ({"Range": "bytes=" + "9" * 400 + "-"}, 416, NOTHING),
    ({"Range": "bytes=-0"}, 416, NOTHING),
    # several, malformed, of other units: ignored
    ({"Range": "bytes=0-0,2-2"}, 200, WHOLE),
    ({"Range": "bytes=0-0, -1"}, 200, WHOLE),
    ({"Range": "bytes=0-0,1000-"}, 200, WHOLE),
    ({"Range": "bytes=5-4"}, 200, WHOLE),
    ({"Range": "bytes=-"}, 200, WHOLE),
    ({"Range": "bytes="}, 200, WHOLE),
    ({"Range": "bytes"}, 200, WHOLE),
    ({"Range": "bytes=a-b"}, 200, WHOLE),
    ({"Range": "bytes=0x0-0x1"}, 200, WHOLE),
    ({"Range": "bytes=--1"}, 200, WHOLE),
    ({"Range": "bytes=0-1-2"}, 200, WHOLE),
    ({"Range": "seconds=0-1"}, 200, WHOLE),
    ({"Range": "0-1"}, 200, WHOLE),
    ({"Range": ""}, 200, WHOLE),
    # If-Range
    ({"Range": "bytes=0-0", "If-Range": ETAG}, 206, (0, 1)),
    ({"Range": "bytes=0-0", "If-Range": '"another"'}, 200, WHOLE),
    ({"Range": "bytes=0-0", "If-Range": f"W/{ETAG}"}, 200, WHOLE),
    ({"Range": "bytes=0-0", "If-Range": DATE}, 206, (0, 1)),
    ({"Range": "bytes=0-0", "If-Range": EARLIER}, 200, WHOLE),
    ({"Range": "bytes=1000-", "If-Range": '"another"'}, 200, WHOLE),
    ({"Range": "bytes=1000-", "If-Range": ETAG}, 416, NOTHING),
    ({"If-Range": ETAG}, 200, WHOLE),
    # conditions come before ranges
    ({"If-None-Match": ETAG}, 304, NOTHING),
    ({"If-None-Match": f"W/{ETAG}"}, 304, NOTHING),
    ({"If-None-Match": "*"}, 304, NOTHING),
    ({"If-None-Match": f'"another", {ETAG}'}, 304, NOTHING),
    ({"If-None-Match": '"another"'}, 200, WHOLE),
    ({"If-None-Match": ETAG, "Range": "bytes=0-0"}, 304, NOTHING),
    ({"If-None-Match": '"another"', "Range": "bytes=0-0"}, 206, (0, 1)),
    ({"If-Modified-Since": DATE}, 304, NOTHING),
    ({"If-Modified-Since": LATER}, 304, NOTHING),
    ({"If-Modified-Since": EARLIER}, 200, WHOLE),
    ({"If-Modified-Since": "nonsense"}, 200, WHOLE),
    ({"If-None-Match": '"another"', "If-Modified-Since": LATER}, 200, WHOLE),
    ({"If-Match": ETAG, "Range": "bytes=0-0"}, 206, (0, 1)),
    ({"If-Match": "*"}, 200, WHOLE),
    ({"If-Match": '"another"'}, 412, NOTHING),
    ({"If-Match": '"another"', "Range": "bytes=0-0"}, 412, NOTHING),
    ({"If-Unmodified-Since": EARLIER}, 412, NOTHING),
    ({"If-Unmodified-Since": LATER, "Range": "bytes=-1"}, 206, (999, 1000)),
]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


class Server:
    """The recording of DATA behind real HTTP, asked by an administrator over one connection."""

    def __init__(self, host: str, port: int) -> None:
        provisioned = factories.provisioned()
        factories.ingest(provisioned)
        call = factories.call(provisioned)
        recordings.store(call, DATA)
        self.url = f"{RECORDINGS}/{call.uuid}"
        self.credentials = factories.make_machine()
        self.connection = HTTPConnection(host, port, timeout=30)
        self.own: dict[str, str] = {}
        head, _ = self.ask("HEAD", {})
        self.own = {ETAG: head.headers["ETag"], DATE: head.headers["Last-Modified"]}

    def ask(
        self, method: str, headers: dict[str, str], path: str | None = None
    ) -> tuple[HTTPResponse, bytes]:
        given = self.credentials | self._filled(headers)
        self.connection.request(method, path or self.url, headers=given)
        answer = self.connection.getresponse()
        return answer, answer.read()

    def _filled(self, headers: dict[str, str]) -> dict[str, str]:
        for stand_in, value in self.own.items():
            headers = {name: given.replace(stand_in, value) for name, given in headers.items()}
        return headers


@contextmanager
def front(folder: Path, upstream: int) -> Iterator[int]:
    storage = default_storage()
    assert isinstance(storage, LocalStorage)
    with nginx(folder, files=storage.root, upstreams=[upstream]) as port:
        yield port


@contextmanager
def recorded(path: Path) -> Iterator[None]:
    """Every sendfile(2) of the processes that this one has started, into ``path``."""
    started = psutil.Process().children(recursive=True)
    threads = [argument for process in started for argument in ("-p", str(process.pid))]
    command = ["strace", "-f", "-e", "trace=sendfile", "-o", str(path), *threads]
    strace = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert strace.stderr is not None
    for _ in started:
        assert "attached" in strace.stderr.readline()
    try:
        yield
    finally:
        strace.send_signal(signal.SIGINT)
        strace.communicate(timeout=30)


def check_every_case(server: Server) -> None:
    for headers, status, (start, stop) in CASES:
        answer, body = server.ask("GET", headers)

        assert (answer.status, body) == (status, DATA[start:stop]), headers
        ranges = {206: f"bytes {start}-{stop - 1}/1000", 416: "bytes */1000"}
        assert answer.headers["Content-Range"] == ranges.get(status), headers
        assert answer.headers.get("Content-Length", "0") == str(len(body)), headers
        if status in (200, 206):
            assert answer.headers["ETag"] == server.own[ETAG], headers
            assert answer.headers["Last-Modified"] == server.own[DATE], headers
            assert answer.headers["Content-Type"] == "audio/wav", headers
            assert answer.headers["Accept-Ranges"] == "bytes", headers
            assert answer.headers["Cache-Control"] == "private, max-age=3600", headers
            assert answer.headers["X-Content-Type-Options"] == "nosniff", headers


def test_every_range_and_condition_is_answered_by_the_rfc() -> None:
    assert len(CASES) >= 40
    with gunicorn(threads=2) as (host, port):
        server = Server(host, port)
        check_every_case(server)
        answer, body = server.ask("HEAD", {"Range": "bytes=0-0"})

    assert (answer.status, answer.headers["Content-Length"], body) == (200, "1000", b"")


@pytest.mark.needs_apt("strace")
def test_gunicorn_sends_files_and_ranges_by_sendfile_alone(tmp_path: Path) -> None:
    with gunicorn(threads=1) as (host, port):
        server = Server(host, port)
        with recorded(tmp_path / "calls"):
            server.ask("GET", {})
            server.ask("GET", {"Range": "bytes=100-199"})
            server.ask("HEAD", {})  # the one thread is past the others, and they are on record

    calls = re.findall(
        r"sendfile\(\d+, \d+, \[(\d+)\] => .*, (\d+)\) = (\d+)", (tmp_path / "calls").read_text()
    )
    assert calls == [("0", "1000", "1000"), ("100", "100", "100")]


@pytest.mark.needs_apt("nginx-light")
def test_behind_nginx_the_answers_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X_ACCEL_PREFIX", "/protected/")
    with gunicorn(threads=2) as (_, upstream), front(tmp_path, upstream) as port:
        server = Server("127.0.0.1", port)
        check_every_case(server)
        head, _ = server.ask("HEAD", {})
        past_the_door, _ = server.ask("GET", {}, f"/protected/{Recording.objects.get().key}")

    assert (head.status, head.headers["Content-Length"]) == (200, "1000")
    assert past_the_door.status == 404
    assert AccessRecord.objects.exists()


def test_what_is_gone_from_the_folder_is_not_handed_to_nginx(account: Account, settings: Any) -> None:
    settings.X_ACCEL_PREFIX = "/protected/"
    default_storage().delete(Recording.objects.get().key)

    answer = account.get(account.url)

    assert answer.status_code == 404
    assert "X-Accel-Redirect" not in answer


def test_nginx_is_given_a_file_only_where_it_comes_to_the_same_answer(
    account: Account, settings: Any
) -> None:
    settings.X_ACCEL_PREFIX = "protected"
    location = f"/protected/{Recording.objects.get().key}"

    handed = [account.get(account.url), account.get(account.url, Range="bytes=0-0")]
    kept = [account.get(account.url, Range="bytes=5-4"), account.get(account.url, If_Match="*")]

    assert [(answer["X-Accel-Redirect"], answer.content) for answer in handed] == [(location, b"")] * 2
    assert [answer.getvalue() for answer in kept] == [account.wav] * 2

"""A recording in S3: only what is asked for moves, and little of it stays in memory."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from calls.models import Recording
from partners.models import Role
from tests.support.s3 import S3Server, s3_server
from tests.surfaces.telesales.conftest import Account
from tests.zipingest.storage_tools import MIB, relay

# The endpoint hashes an object before it answers, which takes seconds for the big one.
SIZES = [pytest.param(64 * MIB, id="64 MiB"), pytest.param(2048 * MIB, id="2 GiB", marks=pytest.mark.slow)]
END = b"the end of a long call"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    with s3_server(tmp_path) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


def put_long(server: S3Server, folder: Path, size: int) -> None:
    """An object of that size, nearly all of it a hole."""
    with (folder / "data" / server.bucket / "long.wav").open("wb") as file:
        file.seek(size - len(END))
        file.write(END)


def peak_memory() -> int:
    """The most bytes this process has had since :func:`forget_peak`."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)
    return int(line.split()[1]) * 1024


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


@pytest.mark.parametrize("size", SIZES)
def test_a_kilobyte_of_a_long_recording_moves_and_costs_little(
    account: Account, server: S3Server, settings: Any, tmp_path: Path, size: int
) -> None:
    put_long(server, tmp_path, size)
    Recording.objects.update(key="long.wav", bytes=size)
    with relay(server.endpoint_url) as (endpoint_url, moved):
        relayed = S3Server(endpoint_url=endpoint_url)
        settings.STORAGE_URL = relayed.url("").replace("/?", "?")
        account.get(account.url, role=Role.ADMIN, Range="bytes=0-0").getvalue()  # makes the client
        before = moved()
        forget_peak()
        memory = peak_memory()

        answer = account.get(account.url, role=Role.ADMIN, Range="bytes=-1024")
        body = answer.getvalue()

    assert (answer.status_code, len(body), body[-len(END) :]) == (206, 1024, END)
    assert answer["Content-Range"] == f"bytes {size - 1024}-{size - 1}/{size}"
    assert 1024 <= moved() - before <= MIB
    assert peak_memory() - memory < 16 * MIB


def test_a_store_that_does_not_answer_is_said_so(account: Account, server: S3Server, settings: Any) -> None:
    settings.STORAGE_URL = S3Server(endpoint_url=server.endpoint_url, bucket="no-such-bucket").url("x")

    answer = account.get(account.url)

    assert (answer.status_code, answer.json()) == (
        503,
        {"message": "The recording cannot be read at present."},
    )

"""A download that breaks off goes on where it stopped, as curl does it, against the real server."""

import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.exports.support import ordered, packed, stored
from tests.support.api import gunicorn
from tests.support.factories import make_member

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.needs_apt("curl")]


def curl(url: str, to: Path, *options: str) -> None:
    token = make_member()["Authorization"]
    command = ["curl", "--silent", "--show-error", "--fail", "--noproxy", "*", "--output", str(to)]
    subprocess.run([*command, "--header", f"Authorization: {token}", *options, url], check=True, timeout=30)


def test_curl_resumes_a_download_that_broke_off(tmp_path: Path) -> None:
    for number in range(3):
        stored(number=number, data=bytes([number]) * 200_000)
    job, path = packed(ordered()), tmp_path / "recordings.zip"
    with gunicorn(threads=2) as (host, port):
        url = f"http://{host}:{port}/api/telesales/recordings/export-bulk/{job.public_id}/download"
        curl(url, path, "--range", "0-299999")
        assert path.stat().st_size == 300_000
        curl(url, path, "-C", "-")
    assert path.stat().st_size == job.zip_bytes
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 4

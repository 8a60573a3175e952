"""The scratch folders of attempts: gone with their worker, however it ended, and never under a living one."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from calls import tasks
from calls.services import leftovers
from zipingest.storage import StorageError

# A worker at its recording, as far as the folder goes.
_WORKER = """
import sys, time
from pathlib import Path
from calls.services.leftovers import _locked

folder = Path(sys.argv[1])
with _locked(folder):
    (folder / "original").write_bytes(b"4111 1111 1111 1111")
    print("ready", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def scratch(settings) -> Iterator[Path]:
    path = Path(settings.DATA_DIR, "scratch")
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def worker(scratch, settings) -> Iterator["subprocess.Popen[str]"]:
    """A process that holds the folder ``fetch-at-work``."""
    (scratch / "fetch-at-work").mkdir()
    command = [sys.executable, "-c", f"import django; django.setup()\n{_WORKER}", scratch / "fetch-at-work"]
    with subprocess.Popen(command, cwd=settings.BASE_DIR, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def grow_old(folder: Path) -> None:
    then = time.time() - 120
    os.utime(folder, (then, then))


def test_the_folder_of_a_killed_worker_goes_when_the_next_one_begins(scratch, worker):
    left = scratch / "fetch-at-work"
    grow_old(left)
    with leftovers.scratch_folder():
        assert (left / "original").exists()
    worker.kill()
    worker.wait()
    with leftovers.scratch_folder() as folder:
        assert list(scratch.iterdir()) == [folder]
    assert list(scratch.iterdir()) == []


def test_a_folder_just_made_is_let_be(scratch):
    (scratch / "fetch-just-made").mkdir()
    leftovers.remove_abandoned()
    assert (scratch / "fetch-just-made").exists()


def test_its_own_folder_is_let_be_and_so_is_what_others_put_there(scratch):
    (scratch / "export-1").mkdir()
    grow_old(scratch / "export-1")
    with leftovers.scratch_folder() as folder:
        grow_old(folder)
        leftovers.remove_abandoned()
        assert set(scratch.iterdir()) == {folder, scratch / "export-1"}


@pytest.mark.django_db
def test_the_hourly_sweep_removes_it_also_while_the_storage_is_away(scratch, settings):
    settings.STORAGE_URL = "file:///dev/null/blobs"
    (scratch / "fetch-abandoned").mkdir()
    grow_old(scratch / "fetch-abandoned")
    with pytest.raises(StorageError):
        tasks.tidy()
    assert list(scratch.iterdir()) == []

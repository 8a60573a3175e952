"""An export of more recordings than a plain ZIP counts, by the real service in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.exports.archives import accepted
from zipingest.storage import LocalStorage

ENTRIES = 66_000
MOST_KB = 150_000

FILL = """
import django; django.setup()
from django.core.management import call_command
from calls.filters import RecordingFilter
from tests.exports.support import ordered
from tests.support.exportable import STARTED, fill
from tests.support.factories import account
from datetime import timedelta
call_command("migrate", verbosity=0)
fill({entries}, 400, objects=200)
ordered(RecordingFilter(sub_tenant=account(), date_from=STARTED, date_to=STARTED + timedelta(days=29)))
"""
PACK = """
import django; django.setup()
import re
from pathlib import Path
from exports.models import ExportJob
from zipingest import work
assert work.run_one(ExportJob)
job = ExportJob.objects.get()
peak = re.search("VmHWM:\\\\s*([0-9]+) kB", Path("/proc/self/status").read_text())[1]
print(peak, job.included, job.zip_key)
"""


@pytest.mark.slow
def test_more_recordings_than_16_bits_count_are_packed_in_flat_memory(tmp_path: Path) -> None:
    run(FILL.format(entries=ENTRIES), tmp_path)
    peak, included, key = run(PACK, tmp_path).split()
    assert int(included) == ENTRIES
    assert int(peak) < MOST_KB
    with accepted(LocalStorage(tmp_path / "blobs").local_path(key)) as archive:
        assert len(set(archive.namelist())) == ENTRIES + 1


def run(script: str, folder: Path) -> str:
    """What a process of the product prints that keeps everything below ``folder``."""
    unset = ("DATABASE_URL", "REDIS_URL", "STORAGE_URL")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    environment |= {"DJANGO_SETTINGS_MODULE": "zipingest.settings", "ZIPINGEST_DATA_DIR": str(folder)}
    answer = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=120
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.splitlines()[-1] if answer.stdout else ""

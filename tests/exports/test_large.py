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

FILL = '''
import django; django.setup()
from django.core.management import call_command
from django.db import connection
from calls.filters import RecordingFilter
from calls.models import CustomField, SignalName
from exports.services import orders
from tests.exports.support import ACTOR
from tests.support.exportable import STARTED, fill
from tests.support.factories import account
from datetime import timedelta
call_command("migrate", verbosity=0)
fill({entries}, 400, objects=200)
for name in ("Sale", "Callback"):
    SignalName.objects.create(sub_tenant=account(), name=name)
CustomField.objects.create(sub_tenant=account(), name="reference")
connection.cursor().executescript("""
    INSERT INTO calls_signal (transaction_id, call_id, name_id, partner_unique_id, occurred_at, created_at,
        value, is_current)
    SELECT lower(hex(randomblob(16))), call.id, name.id, '', received_at, received_at, true, true
    FROM calls_call call, calls_signalname name;
    INSERT INTO calls_customvalue (call_id, field_id, value, changed_at)
    SELECT call.id, field.id, 'order ' || call.uuid, received_at
    FROM calls_call call, calls_customfield field;
""")
wanted = RecordingFilter(sub_tenant=account(), date_from=STARTED, date_to=STARTED + timedelta(days=29))
orders.order(actor=ACTOR, wanted=wanted, criteria={{"include_signals": True}})
'''
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
        header, *rows = archive.read("manifest.csv").decode("utf-8-sig").splitlines()
    assert header.endswith(",signal:Callback,signal:Sale,custom:reference")
    assert len(rows) == ENTRIES
    assert all(",true,true,order " in row for row in rows)


def run(script: str, folder: Path) -> str:
    """What a process of the product prints that keeps everything below ``folder``."""
    unset = ("DATABASE_URL", "REDIS_URL", "STORAGE_URL")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    environment |= {"DJANGO_SETTINGS_MODULE": "zipingest.settings", "ZIPINGEST_DATA_DIR": str(folder)}
    answer = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=600
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.splitlines()[-1] if answer.stdout else ""

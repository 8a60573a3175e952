"""The process that follows the provider: what it misses is found by asking, and it ends when told."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from calls.dialer.models import Contact, ContactStatus, LogStatus, PhoneLog
from tests.support import dialling
from zipingest import work

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow  # a process that is started
@pytest.mark.django_db(transaction=True)
def test_it_notes_the_end_of_a_call_and_ends_on_sigterm(settings: Any) -> None:
    # Calls that end before it is there keep their places: nobody watches here.
    settings.DIALER_RUNNING_PER_NUMBER = settings.DIALER_RUNNING_PER_ACCOUNT = 100
    of = dialling.batch()
    process = subprocess.Popen(
        [sys.executable, "manage.py", "follow_calls"],
        cwd=ROOT,
        env={**os.environ, "TELEPHONY_PROVIDER": "simulator"},
    )
    try:
        ended = Contact.objects.filter(status=ContactStatus.COMPLETED)
        for number in range(60):  # what happens before it is there, it does not tell
            dialling.contact(of, f"+1212555{number:03}4")
            dialling.dial_all()
            time.sleep(0.5)
            if ended.exists():
                break
        assert ended.exists()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    finally:
        process.kill()


@pytest.mark.django_db
def test_a_call_of_which_no_event_told_is_found_by_asking() -> None:
    contact = dialling.contact(dialling.batch())
    dialling.dial_all()
    time.sleep(0.2)
    PhoneLog.objects.update(due_at=work.database_now())
    assert work.run_one(PhoneLog)
    contact.refresh_from_db()
    assert contact.status == ContactStatus.COMPLETED


@pytest.mark.django_db
def test_a_call_that_the_provider_does_not_know_is_for_a_person() -> None:
    """As a worker leaves it that dies after writing the call down."""
    contact = dialling.contact(dialling.batch(retry=3))
    dialling.dial_all()
    PhoneLog.objects.update(status=LogStatus.ORIGINATING, uuid=contact_uuid())
    for _ in range(2):  # at first, its end may be on its way
        assert PhoneLog.objects.get().status == LogStatus.ORIGINATING
        PhoneLog.objects.update(due_at=work.database_now())
        assert work.run_one(PhoneLog)
    contact.refresh_from_db()
    assert (contact.status, contact.blocked_by) == (ContactStatus.FAILED, "outcome-unknown")
    assert dialling.dial_all() == 0, "nobody is called again because of it"


def contact_uuid() -> str:
    return "00000000-0000-4000-8000-000000000000"

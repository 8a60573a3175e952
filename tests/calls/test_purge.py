"""Recordings go when their window and the grace have passed, whole and once, whoever is killed on the way."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from calls import figures
from calls.models import PurgeCount, RetentionChange
from calls.services import purge, windows
from tests.calls.dying import STEPS, killed
from tests.calls.keeping import DAYS, LONG_GONE, account, objects_of, recording_of, stored
from zipingest.work import WorkState

pytestmark = pytest.mark.django_db


def test_it_deletes_the_objects_and_keeps_the_row_with_its_facts() -> None:
    call = stored(account(), days_old=LONG_GONE)
    assert purge.purge_expired() == 1
    recording = recording_of(call)
    assert objects_of(call) == []
    assert (recording.key, recording.original_key, recording.peaks) == ("", "", None)
    assert (recording.state, recording.duration_seconds, recording.bytes) == (WorkState.DONE, 1.0, 5)
    assert recording.purged_at is not None
    assert recording.sha256 == "5" * 64
    assert purge.purge_expired() == 0


@pytest.mark.parametrize(
    ("days", "days_old"),
    [(DAYS, DAYS - 1), (DAYS, DAYS + 6.9), (None, 10_000)],
    ids=["within the window", "within the grace", "no window"],
)
def test_it_keeps_what_is(days: int | None, days_old: float) -> None:
    call = stored(account(days), days_old=days_old)
    assert purge.purge_expired() == 0
    assert len(objects_of(call)) == 2


def test_it_goes_by_each_accounts_own_window() -> None:
    short, long = account(10, "short"), account(100, "long")
    gone, kept = stored(short, "a", days_old=20), stored(long, "b", days_old=20)
    purge.purge_expired()
    assert (objects_of(gone), len(objects_of(kept))) == ([], 2)


def test_it_works_in_rounds_until_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    made = account()
    calls = [stored(made, f"call-{number}", days_old=LONG_GONE) for number in range(5)]
    monkeypatch.setattr(purge, "_AT_ONCE", 2)
    assert purge.purge_expired() == 5
    assert [objects_of(call) for call in calls] == [[]] * 5


def test_it_counts_what_it_gave_up_by_account_and_day() -> None:
    made = account()
    for id in ("a", "b"):
        stored(made, id, days_old=LONG_GONE)
        purge.purge_expired()
    counted = PurgeCount.objects.get()
    assert (counted.sub_tenant, counted.recordings, counted.bytes) == (made.sub_tenant, 2, 10)
    assert counted.day == timezone.now().date()


def test_a_shorter_window_deletes_nothing_before_the_grace_has_passed_since_the_change() -> None:
    made = account(None)
    call = stored(made, days_old=LONG_GONE)
    windows.change_retention(sub_tenant=made.sub_tenant, days=DAYS, changed_by="ada")
    assert purge.purge_expired() == 0
    RetentionChange.objects.update(changed_at=timezone.now() - timedelta(days=7, minutes=1))
    assert purge.purge_expired() == 1
    assert objects_of(call) == []


def test_a_longer_window_does_not_hold_up_the_purge() -> None:
    made = account(5)
    stored(made, days_old=LONG_GONE)
    windows.change_retention(sub_tenant=made.sub_tenant, days=DAYS, changed_by="ada")
    assert purge.purge_expired() == 1


@pytest.mark.slow  # processes that are killed
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("step", STEPS)
def test_killed_on_the_way_the_next_run_ends_what_was_begun(step: str) -> None:
    call = stored(account(), days_old=LONG_GONE)
    killed(step, "purge")
    assert recording_of(call).purged_at is not None
    assert recording_of(call).key != ""
    purge.purge_expired()
    assert objects_of(call) == []
    assert recording_of(call).key == ""
    assert PurgeCount.objects.get().recordings == 1


def test_the_metrics_tell_what_went_today_and_what_is_left_to_delete() -> None:
    made = account()
    for id in ("a", "b"):
        stored(made, id, days_old=LONG_GONE)
    purge._mark(made.sub_tenant.pk)
    assert figures.purged_today() == {"given_up": 2, "to_delete": 2}
    purge.delete_marked()
    assert figures.purged_today() == {"given_up": 2, "to_delete": 0}
    assert 'zipingest_purged_recordings{step="given_up"} 2.0' in Client().get("/metrics").content.decode()

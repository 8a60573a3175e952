"""Beat goes by the time that passes, not by what the machine's clock says."""

import pickle
from datetime import timedelta

from django.conf import settings

from zipingest.beat import Every, steady_now


def test_it_is_due_after_its_seconds() -> None:
    every = Every(30)
    assert not every.is_due(steady_now() - timedelta(seconds=20)).is_due
    assert every.is_due(steady_now() - timedelta(seconds=31)).is_due


def test_what_last_ran_in_the_future_is_due() -> None:
    assert Every(30).is_due(steady_now() + timedelta(hours=1)) == (True, 30)


def test_beat_writes_its_schedule_down_and_reads_it_again() -> None:
    again = pickle.loads(pickle.dumps(Every(30)))
    assert (again, again.nowfun) == (Every(30), steady_now)


def test_everything_goes_by_it() -> None:
    assert {type(entry["schedule"]) for entry in settings.CELERY_BEAT_SCHEDULE.values()} == {Every}

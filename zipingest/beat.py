"""The clock that beat goes by: what is to run every so often does so, however the machine's is set."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from celery import Celery
from celery.schedules import schedstate, schedule

_STARTED_AT, _STARTED = datetime.now(UTC), time.monotonic()


def steady_now() -> datetime:
    """The time as it was when this process started, and all that has passed since then."""
    return _STARTED_AT + timedelta(seconds=time.monotonic() - _STARTED)


class Every(schedule):
    """Due every so many seconds.

    Celery's own goes by the machine's clock: set back by an hour, it would send nothing for an hour.
    """

    def __init__(
        self,
        run_every: float | timedelta | None = None,
        relative: bool = False,
        nowfun: Callable[[], datetime] = steady_now,
        app: Celery | None = None,
    ) -> None:
        super().__init__(run_every, relative, nowfun, app)

    def is_due(self, last_run_at: datetime) -> schedstate:
        # Noted by an earlier process, before the clock was set back.
        if last_run_at > self.now():
            return schedstate(is_due=True, next=self.seconds)
        return super().is_due(last_run_at)

"""Run by every Python that has this folder in its PYTHONPATH: sleeping, for use with libfaketime.

Python sleeps until a moment of the monotonic clock, which libfaketime 0.9.10 refuses where it is to leave
that clock alone.
"""

import select
import time


def _sleep(seconds: float) -> None:
    select.select([], [], [], seconds)


time.sleep = _sleep

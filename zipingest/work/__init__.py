"""The one work mechanism: work is rows, messages are nudges.

Whatever is to be done (fetch a recording, deliver a callback) is a row with a state. A worker *claims* a due
row, or a few where one is quickly done: it takes a lease and raises the row's epoch before the work starts.
Whatever it writes afterwards is written only while the epoch is still its own, so a worker that lost its
lease changes nothing. A Celery message carries no data at all; if one is lost, the sweep finds the row again.
"""

from zipingest.work.claims import Kind, claim, each, has_due, waiting_lanes
from zipingest.work.heartbeat import Heartbeat
from zipingest.work.rows import RELEASED, Lease, LeaseLost, WorkItem, WorkState, database_now, finish_all
from zipingest.work.running import (
    MAX_EXPIRIES,
    kinds,
    nudge,
    register,
    release_expired,
    run_one,
    run_stint,
    sweep,
)

MAX_CRASHES = 3

__all__ = [
    "MAX_CRASHES",
    "MAX_EXPIRIES",
    "RELEASED",
    "Heartbeat",
    "Kind",
    "Lease",
    "LeaseLost",
    "WorkItem",
    "WorkState",
    "claim",
    "database_now",
    "each",
    "finish_all",
    "has_due",
    "kinds",
    "nudge",
    "register",
    "release_expired",
    "run_one",
    "run_stint",
    "sweep",
    "waiting_lanes",
]

"""Signs of life: when something of ours that nobody asks anything was last seen at work.

They stand in the cache that all processes share, not in the database: nobody needs them a week later.
"""

import time
from datetime import datetime

import structlog
from django.core.cache import caches
from django.db import Error, close_old_connections

from zipingest.work import database_now

log = structlog.get_logger(__name__)

SWEEP = "sweep"
FOLLOWER = "follower"

_KEPT_SECONDS = 7 * 24 * 3600
_EVERY_SECONDS = 5.0

_noted_at: dict[str, float] = {}


def note(name: str) -> None:
    """Something was at work just now, by the database's clock."""
    caches["shared"].set(_key(name), database_now(), _KEPT_SECONDS)


def keep_noting(name: str) -> None:
    """For a loop, as often as it turns: of this process a note in five seconds.

    A database or cache that is away costs the sign, not the loop, which is at work all the same.
    """
    now = time.monotonic()
    if now - _noted_at.get(name, -_EVERY_SECONDS) < _EVERY_SECONDS:
        return
    _noted_at[name] = now
    try:
        note(name)
    except (Error, OSError) as error:
        log.warning("sign_not_noted", sign=name, error=type(error).__name__)
        close_old_connections()


def last(name: str) -> datetime | None:
    """When it was; None where nobody has seen it for a week, or the shared cache is away."""
    seen: datetime | None = caches["shared"].get(_key(name))
    return seen


def _key(name: str) -> str:
    return f"sign:{name}"

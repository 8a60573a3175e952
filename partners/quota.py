"""Request quotas by an exact moving window: no 60 seconds ever hold more than the limit."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import structlog
from django.conf import settings
from limits import RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import MovingWindowRateLimiter

from partners.models import Partner

log = structlog.get_logger(__name__)

_making = threading.Lock()


@dataclass(frozen=True, slots=True)
class Quota:
    """What a request did to the window. ``reset_after``: whole seconds until the next one may come."""

    allowed: bool
    limit: int
    remaining: int
    reset_after: int


def spend(partner: Partner) -> Quota:
    """Count one request of ``partner``."""
    return spend_named(f"partner:{partner.pk}", partner.rate_limit)


def spend_named(name: str, limit: int) -> Quota:
    """Count one request of ``name``, which may make ``limit`` in any 60 seconds.

    When Redis is away each process counts for itself.
    """
    try:
        return _spend(_limiter(_shared), name, limit)
    except StorageError as error:
        log.warning("quota_counts_per_process", error=str(error))
        return _spend(_limiter(_per_process), name, limit)


def reset() -> None:
    """Forget all counts of this process (tests)."""
    _shared.cache_clear()
    _per_process.cache_clear()


def _spend(limiter: MovingWindowRateLimiter, name: str, limit: int) -> Quota:
    item = RateLimitItemPerMinute(limit)
    allowed = limiter.hit(item, name)
    window = limiter.get_window_stats(item, name)
    # The window is told by clocks, and one of them may have been set in between.
    reset_after = min(max(1, math.ceil(window.reset_time - time.time())), item.get_expiry())
    return Quota(allowed, limit, max(0, window.remaining), reset_after)


def _limiter(cached: Callable[[], MovingWindowRateLimiter]) -> MovingWindowRateLimiter:
    # A cache alone lets threads that begin together make one each, and count apart.
    with _making:
        return cached()


@cache
def _shared() -> MovingWindowRateLimiter:
    if not settings.REDIS_URL:
        return _per_process()
    storage = RedisStorage(
        settings.REDIS_URL, wrap_exceptions=True, socket_timeout=1, socket_connect_timeout=1
    )
    return MovingWindowRateLimiter(storage)


@cache
def _per_process() -> MovingWindowRateLimiter:
    return MovingWindowRateLimiter(MemoryStorage())

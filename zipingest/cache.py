"""The cache that guards count in: Redis, and this process's own memory while Redis is away."""

import time
from typing import Any

import structlog
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

# That long nobody asks a Redis that has failed: one request waits for it, not each.
REST_SECONDS = 5.0
# So many that nobody pushes another's counter out with addresses of their own.
MOST_ENTRIES = 100_000

# Django makes a cache per thread; the server is the same for all.
_rests_until: dict[str, float] = {}


class RedisOrOwnMemory(RedisCache):
    """A guard must go on guarding when Redis does not answer: each process then counts for itself."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._server = server
        self._own = LocMemCache(f"fallback of {server}", {"max_entries": MOST_ENTRIES})

    def add(self, *args: Any, **kwargs: Any) -> bool:
        return bool(self._either("add", *args, **kwargs))

    def set(self, *args: Any, **kwargs: Any) -> None:
        self._either("set", *args, **kwargs)

    def get(self, *args: Any, **kwargs: Any) -> Any:
        return self._either("get", *args, **kwargs)

    def incr(self, *args: Any, **kwargs: Any) -> int:
        return int(self._either("incr", *args, **kwargs))

    def _either(self, name: str, *args: Any, **kwargs: Any) -> Any:
        if time.monotonic() >= _rests_until.get(self._server, 0.0):
            try:
                return getattr(super(), name)(*args, **kwargs)
            except RedisError as error:
                _rests_until[self._server] = time.monotonic() + REST_SECONDS
                log.warning("cache_counts_per_process", error=type(error).__name__)
        return getattr(self._own, name)(*args, **kwargs)

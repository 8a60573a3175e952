"""Settings of a product whose broker delivers every message five times."""

from typing import Any

from kombu.transport import redis

from zipingest.settings import *  # noqa: F403 - settings are taken over by name

TIMES = 5


class _Channel(redis.Channel):
    def _put(self, *arguments: Any, **options: Any) -> None:
        for _ in range(TIMES):
            super()._put(*arguments, **options)


class Transport(redis.Transport):
    Channel = _Channel


CELERY_BROKER_TRANSPORT = f"{__name__}:Transport"

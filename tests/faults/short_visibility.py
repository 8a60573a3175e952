"""Settings of a product whose broker soon delivers again what was not acknowledged, and is told late."""

from typing import Any

from kombu.transport import redis

from zipingest.settings import *  # noqa: F403 - settings are taken over by name
from zipingest.settings import CELERY_BROKER_TRANSPORT_OPTIONS as _USUAL

VISIBILITY_SECONDS = 4
DELIVERED_AGAIN = "a message is delivered again"


class _QoS(redis.QoS):
    def restore_visible(self, start: int = 0, num: int = 10, interval: int = 1) -> None:
        """At each look (kombu's, every ten seconds) and not at each tenth."""
        super().restore_visible(start, num, interval=1)

    def restore_by_tag(self, *arguments: Any, **options: Any) -> None:
        print(DELIVERED_AGAIN, flush=True)
        super().restore_by_tag(*arguments, **options)


class _Channel(redis.Channel):
    QoS = _QoS


class Transport(redis.Transport):
    Channel = _Channel


CELERY_BROKER_TRANSPORT = f"{__name__}:Transport"
CELERY_BROKER_TRANSPORT_OPTIONS = {**_USUAL, "visibility_timeout": VISIBILITY_SECONDS}
# The product acknowledges at once, so that nothing would ever be delivered again.
CELERY_TASK_ACKS_LATE = True

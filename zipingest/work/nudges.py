"""Telling the broker that there is work, without waiting long for a broker that is away."""

import time

import structlog
from celery import current_app
from kombu import pools

log = structlog.get_logger(__name__)

# Left to itself, kombu asks a dead broker again after 2 and after 4 seconds, in the middle of a request.
IMPATIENT = {"max_retries": 1, "interval_start": 0, "socket_timeout": 1, "socket_connect_timeout": 1}
# That long nobody asks a broker that has failed: one request waits for it, not each.
_REST_SECONDS = 5.0


class Nudges:
    """Sends tasks without arguments. What the broker does not take is forgotten: rows tell what is due."""

    def __init__(self) -> None:
        self._rests_until = 0.0

    def send(self, task: str) -> None:
        if time.monotonic() < self._rests_until:
            return
        try:
            self._send(task)
        except Exception as error:  # noqa: BLE001 - whatever the broker has, the row is committed and is found
            self._rests_until = time.monotonic() + _REST_SECONDS
            log.warning("nudge_not_sent", task=task, error=type(error).__name__)

    def _send(self, task: str) -> None:
        broker = current_app.connection_for_write(transport_options=IMPATIENT)
        with pools.connections[broker].acquire(block=True) as connection:
            current_app.send_task(task, connection=connection, retry=False)


nudges = Nudges()

"""Leases of this process are extended while it works."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import structlog
from django.conf import settings
from django.db import close_old_connections, connection

from zipingest.work.rows import Lease, LeaseLost

log = structlog.get_logger(__name__)


class Heartbeat:
    """Extends the leases this process works on, from one thread, until each is given back."""

    def __init__(self) -> None:
        self._leases: set[Lease] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @contextmanager
    def keeping(self, leases: Sequence[Lease]) -> Iterator[None]:
        with self._lock:
            self._leases.update(leases)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._beat, name="lease-heartbeat", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                self._leases.difference_update(leases)

    def _beat(self) -> None:
        """Beat while there is a lease to keep: an idle process holds neither thread nor connection."""
        try:
            while leases := self._after_a_pause():
                for lease in leases:
                    self._extend(lease)
        finally:
            connection.close()

    def _after_a_pause(self) -> list[Lease]:
        """The leases held a third of a lease later; where there is none, the thread's place is free."""
        time.sleep(settings.WORK_LEASE_SECONDS / 3)
        with self._lock:
            if not self._leases:
                self._thread = None
            return list(self._leases)

    def _extend(self, lease: Lease) -> None:
        try:
            # Whatever goes wrong with a connection, the other leases are kept by this thread too.
            close_old_connections()
            lease.extend()
        except LeaseLost:
            with self._lock:
                self._leases.discard(lease)
        except Exception:
            log.exception("lease_not_extended", kind=lease.model.__name__, pk=lease.pk)


heartbeat = Heartbeat()

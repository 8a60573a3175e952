"""A switch that speaks ARI, and the product set to dial through it."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Self

import pytest
from django.db import connection

from calls.dialer.models import ENDED, Contact
from calls.dialer.services import following
from calls.telephony.asterisk import Asterisk, events
from calls.telephony.port import Event
from tests.support import ari, dialling
from tests.support.ari import Switch


@pytest.fixture(autouse=True)
def _soon_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_TICK_SECONDS", 0.02)


def use(settings: Any, switch: Switch) -> None:
    settings.TELEPHONY_PROVIDER = "asterisk"
    settings.ARI_URL, settings.ARI_APP, settings.ARI_ENDPOINT = switch.url, ari.APP, ari.ENDPOINT
    settings.ARI_USER, settings.ARI_PASSWORD = ari.USER, ari.PASSWORD


@pytest.fixture
def switch(settings: Any) -> Iterator[Switch]:
    with Switch() as running:
        use(settings, running)
        yield running


class Follower:
    """The provider's events, taken in by a thread of their own and noted by the test, which has its rows."""

    def __init__(self, switch: Switch) -> None:
        self.told: list[Event] = []
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        switch.wait_for_follower()

    def note(self, seconds: float = 5) -> Event:
        """Write down the next one."""
        event = self._events.get(timeout=seconds)
        self.told.append(event)
        following.note(event)
        return event

    def note_until(self, done: Callable[[], bool], seconds: float = 10) -> None:
        """Dial, and write down what happens."""
        ends = time.monotonic() + seconds
        while not done():
            dialling.dial_all()
            assert time.monotonic() < ends, f"did not come about; told: {self.told}"
            try:
                self.note(0.05)
            except queue.Empty:
                continue

    def note_ends_of(self, *contacts: Contact) -> None:
        found = Contact.objects.filter(pk__in=[one.pk for one in contacts])
        self.note_until(lambda: not found.exclude(status__in=ENDED).exists())
        for one in contacts:
            one.refresh_from_db()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(5)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        try:
            for event in Asterisk().events(self._stop):
                self._events.put(event)
        finally:
            connection.close()


@pytest.fixture
def follower(switch: Switch) -> Iterator[Follower]:
    with Follower(switch) as running:
        yield running

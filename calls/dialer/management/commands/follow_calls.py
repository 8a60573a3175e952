"""Follows the telephony provider's events until it is stopped.

One is enough: of two at once each notes the same, and Asterisk gives its events to the last that came.
"""

import signal
import threading
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from calls import telephony
from calls.dialer.services import following


class Command(BaseCommand):
    help = "Note what happens to calls as their provider tells it, until Ctrl-C or SIGTERM."

    def handle(self, **_: Any) -> None:
        provider = telephony.configured()
        if provider is None:
            raise CommandError("there is nobody to follow: set TELEPHONY_PROVIDER")
        stop = threading.Event()

        def end(number: int, frame: FrameType | None) -> None:
            stop.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)
        following.follow(provider, stop)

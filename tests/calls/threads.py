"""Something done by somebody else at the same time."""

import threading
from collections.abc import Callable

from django.db import connections


def in_a_thread(act: Callable[[], object]) -> tuple[threading.Thread, list[object]]:
    """The thread that does it on connections of its own, and the list that what it returns goes into."""
    results: list[object] = []

    def run() -> None:
        try:
            results.append(act())
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread, results

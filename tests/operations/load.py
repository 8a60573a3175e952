"""Requests that come in while programs are restarted."""

import threading
import time
from collections import Counter
from collections.abc import Callable

import requests


class Load:
    """Each of these requests again and again, one after the other, in a thread of its own."""

    def __init__(self, *asks: Callable[[], int | str]) -> None:
        self._running = False
        self._answers: Counter[int | str] = Counter()
        self._threads = [threading.Thread(target=self._ask, args=(ask,), daemon=True) for ask in asks]

    def start(self) -> None:
        self._running = True
        for thread in self._threads:
            thread.start()

    def stop(self) -> Counter[int | str]:
        """How often each answer came."""
        self._running = False
        for thread in self._threads:
            thread.join()
        return self._answers

    def _ask(self, ask: Callable[[], int | str]) -> None:
        while self._running:
            try:
                self._answers[ask()] += 1
            except requests.RequestException as error:
                self._answers[type(error).__name__] += 1
            time.sleep(0.3)

"""The end of an exchange, whatever the server does."""

import heapq
import os
import socket
import threading
import time
from contextlib import suppress
from typing import Self

from partners.outbound.errors import DeadlineExceeded


class Deadline:
    """The end of an exchange: then its socket is shut down, and whatever waits on it returns.

    Timeouts of single reads cannot do that: a server that sends one byte a second meets all of them.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._began = time.monotonic()
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        _watch.over(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._hold(None)

    def __lt__(self, other: Self) -> bool:
        return self.ends < other.ends

    @property
    def ends(self) -> float:
        return self._began + self.seconds

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._began

    @property
    def expired(self) -> bool:
        return self.elapsed >= self.seconds

    def check(self) -> None:
        if self.expired:
            raise DeadlineExceeded(self.seconds)

    def at_most(self, seconds: float) -> float:
        """`seconds`, or what is left of the deadline where that is less. Raises `DeadlineExceeded`."""
        self.check()
        return max(min(seconds, self.seconds - self.elapsed), 0.001)

    def watch(self, sock: socket.socket) -> None:
        # A duplicate, because TLS takes the descriptor over and leaves `sock` empty. By its number, because a
        # socket in TLS cannot duplicate itself.
        self._hold(socket.socket(fileno=os.dup(sock.fileno())))
        if self.expired:
            self.shut_down()

    def shut_down(self) -> None:
        with self._lock, suppress(OSError):
            if self._socket is not None:
                self._socket.shutdown(socket.SHUT_RDWR)

    def _hold(self, sock: socket.socket | None) -> None:
        with self._lock:
            if self._socket is not None:
                self._socket.close()
            self._socket = sock


class _Watch:
    """One thread for all deadlines of the process: a thread for each costs as much as a short exchange.

    A deadline stays until its time even where its exchange is long over: it holds no socket any more.
    """

    def __init__(self) -> None:
        self._deadlines: list[Deadline] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def over(self, deadline: Deadline) -> None:
        with self._changed:
            heapq.heappush(self._deadlines, deadline)
            if self._deadlines[0] is deadline:
                self._changed.notify()
            # None is alive in a process that has just been forked.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="outbound-deadlines", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            self._next().shut_down()

    def _next(self) -> Deadline:
        """The first deadline, once its time has come."""
        with self._changed:
            while not self._deadlines or not self._deadlines[0].expired:
                left = self._deadlines[0].ends - time.monotonic() if self._deadlines else None
                self._changed.wait(left)
            return heapq.heappop(self._deadlines)


_watch = _Watch()

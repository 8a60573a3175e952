"""A TCP proxy that passes on what it gets, or does what a bad day does to it."""

import ctypes
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from urllib.parse import urlsplit

_libc = ctypes.CDLL(None)
_CHUNK = 256 * 1024
_UNAVAILABLE = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/xml\r\nContent-Length: 63\r\n"
    b"Connection: close\r\n\r\n<Error><Code>SlowDown</Code><Message>Later</Message></Error>   "
)


class Weather(StrEnum):
    """What becomes of a connection: see `FaultProxy`."""

    FAIR = "fair"
    UNAVAILABLE = "503"
    SLOW = "slow"
    CUT = "cut"
    DOWN = "down"
    LATE = "late"
    RESET = "reset"


class FaultProxy:
    """In front of the server at `url`; `weather` holds for what happens from now on.

    UNAVAILABLE answers 503 to what should be HTTP. SLOW passes on `slow_bytes` a second each way of each
    connection. CUT passes on the first `cut_after` bytes of what a client sends over a connection and then
    resets it, so a request ends within its body; RESET does so with the answer, after `reset_after` bytes.
    LATE lets whatever a client sends arrive `late_seconds` later. DOWN refuses connections.

    `spoilt` counts how often each of them did so. Of DOWN the proxy knows nothing: nobody reaches it then.
    """

    def __init__(
        self,
        url: str,
        *,
        slow_bytes: int = 20_000,
        cut_after: int = 1500,
        reset_after: int = 20,
        late_seconds: float = 5,
    ) -> None:
        self._parts = urlsplit(url)
        self._slow_bytes = slow_bytes
        self._cut_after = cut_after
        self._reset_after = reset_after
        self._late_seconds = late_seconds
        self.weather = Weather.FAIR
        self.spoilt: dict[Weather, int] = dict.fromkeys(Weather, 0)
        self._open: set[socket.socket] = set()
        self._port = 0
        self._listener = self._listen()

    @property
    def url(self) -> str:
        """The server's, by way of the proxy."""
        account = f"{self._parts.username}@" if self._parts.username else ""
        return self._parts._replace(netloc=f"{account}127.0.0.1:{self._port}").geturl()

    def close(self) -> None:
        self._refuse_all()
        self._reset_all()

    def change(self, weather: Weather, *, keep_open: bool = False) -> None:
        """From now on. What is open ends, as a peer may end it, unless it is to meet this weather too."""
        was_down, self.weather = self.weather == Weather.DOWN, weather
        if weather == Weather.DOWN:
            self._refuse_all()
        elif was_down:
            self._listener = self._listen()
        if not keep_open:
            self._reset_all()

    def _listen(self) -> socket.socket:
        """A listener, always on the same port, and the thread that serves it."""
        listener = socket.create_server(("127.0.0.1", self._port), backlog=64)
        self._port = listener.getsockname()[1]
        threading.Thread(target=self._run, args=(listener,), daemon=True).start()
        return listener

    def _run(self, listener: socket.socket) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _refuse_all(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _reset_all(self) -> None:
        for connection in list(self._open):
            _reset(connection)

    def _serve(self, client: socket.socket) -> None:
        if self.weather == Weather.UNAVAILABLE:
            self._refuse(client)
            return
        with suppress(OSError), socket.create_connection(self._upstream, timeout=10) as upstream:
            upstream.settimeout(None)
            for each in (client, upstream):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open |= {client, upstream}
            answers = self._until(self._reset_after, Weather.RESET)
            back = threading.Thread(target=self._pass_on, args=(upstream, client, answers), daemon=True)
            back.start()
            self._pass_on(client, upstream, self._until(self._cut_after, Weather.CUT), late=True)
            back.join()
            self._open -= {client, upstream}
        client.close()

    @property
    def _upstream(self) -> tuple[str | None, int | None]:
        return self._parts.hostname, self._parts.port

    def _refuse(self, client: socket.socket) -> None:
        self.spoilt[Weather.UNAVAILABLE] += 1
        with client, suppress(OSError):
            client.settimeout(2)
            client.recv(_CHUNK)
            client.sendall(_UNAVAILABLE)
            client.shutdown(socket.SHUT_WR)
            while client.recv(_CHUNK):  # else the rest of a body would reset the answer
                pass

    def _until(self, most: int, weather: Weather) -> Callable[[int], int]:
        """How many of so many more bytes are passed on: all, until `most` have been in that weather."""
        left = most

        def passed(count: int) -> int:
            nonlocal left
            if self.weather != weather:
                return count
            rest, left = max(min(count, left), 0), left - count
            self.spoilt[weather] += rest < count
            return rest

        return passed

    def _pass_on(
        self,
        source: socket.socket,
        target: socket.socket,
        passed: Callable[[int], int],
        *,
        late: bool = False,
    ) -> None:
        with suppress(OSError):
            while data := source.recv(_CHUNK):
                if late and self.weather == Weather.LATE:
                    self.spoilt[Weather.LATE] += 1
                    time.sleep(self._late_seconds)
                count = passed(len(data))
                for piece in self._pieces(data[:count]):
                    target.sendall(piece)
                if count < len(data):
                    break
            else:
                target.shutdown(socket.SHUT_WR)
                return
        _reset(source)
        _reset(target)

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        step = self._slow_bytes // 10 if self.weather == Weather.SLOW else len(data)
        for start in range(0, len(data), step or 1):
            yield data[start : start + step]
            if self.weather == Weather.SLOW:
                self.spoilt[Weather.SLOW] += 1
                time.sleep(0.1)


@contextmanager
def fault_proxy(url: str, **faults: float) -> Iterator[FaultProxy]:
    """`faults`: how much of each, as `FaultProxy` takes them."""
    proxy = FaultProxy(url, **faults)
    try:
        yield proxy
    finally:
        proxy.close()


def _reset(connection: socket.socket) -> None:
    """End it with RST at once, and wake whoever waits for it."""
    with suppress(OSError):
        # A close waits for whoever reads, a shutdown says FIN; dissolving it (connect(2)) does neither.
        _libc.connect(connection.fileno(), bytes(16), 16)
    connection.close()

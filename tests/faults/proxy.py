"""A TCP proxy that passes on what it gets, or does what a bad day does to it."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from urllib.parse import urlsplit

_CHUNK = 16 * 1024
_UNAVAILABLE = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/xml\r\nContent-Length: 63\r\n"
    b"Connection: close\r\n\r\n<Error><Code>SlowDown</Code><Message>Later</Message></Error>   "
)


class Weather(StrEnum):
    """What becomes of a connection: an answer 503, a trickle, an end in the middle of what is sent."""

    FAIR = "fair"
    UNAVAILABLE = "503"
    SLOW = "slow"
    CUT = "cut"


class FaultProxy:
    """In front of the HTTP server at `url`; `weather` holds for what happens from now on.

    SLOW passes on `slow_bytes` a second each way. CUT passes on the first `cut_after` bytes of what a client
    sends over a connection and then resets it, so a request ends within its body.
    """

    def __init__(self, url: str, *, slow_bytes: int = 20_000, cut_after: int = 1500) -> None:
        parts = urlsplit(url)
        self._upstream = (parts.hostname, parts.port)
        self._slow_bytes = slow_bytes
        self._cut_after = cut_after
        self.weather = Weather.FAIR
        self.spoilt: dict[Weather, int] = dict.fromkeys(Weather, 0)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._open: set[socket.socket] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def run(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._open):
            _reset(connection)

    def change(self, weather: Weather) -> None:
        """From now on; a connection that was kept open in other weather ends, as one kept by a peer may."""
        self.weather = weather
        for connection in list(self._open):
            _reset(connection)

    def _serve(self, client: socket.socket) -> None:
        self.spoilt[self.weather] += 1
        if self.weather == Weather.UNAVAILABLE:
            self._refuse(client)
            return
        with suppress(OSError), socket.create_connection(self._upstream, timeout=10) as upstream:
            upstream.settimeout(None)
            self._open |= {client, upstream}
            back = threading.Thread(target=self._pass_on, args=(upstream, client, _forever), daemon=True)
            back.start()
            self._pass_on(client, upstream, self._until_cut())
            back.join()
            self._open -= {client, upstream}
        client.close()

    def _refuse(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            client.settimeout(2)
            client.recv(_CHUNK)
            client.sendall(_UNAVAILABLE)
            client.shutdown(socket.SHUT_WR)
            while client.recv(_CHUNK):  # else the rest of a body would reset the answer
                pass

    def _until_cut(self) -> Callable[[int], bool]:
        """Whether, after so many more bytes, the connection goes on."""
        left = self._cut_after

        def goes_on(count: int) -> bool:
            nonlocal left
            left -= count
            return self.weather != Weather.CUT or left > 0

        return goes_on

    def _pass_on(self, source: socket.socket, target: socket.socket, goes_on: Callable[[int], bool]) -> None:
        with suppress(OSError):
            while data := source.recv(_CHUNK):
                if not goes_on(len(data)):
                    target.sendall(data[: self._cut_after // 2])
                    break
                for piece in self._pieces(data):
                    target.sendall(piece)
            else:
                target.shutdown(socket.SHUT_WR)
                return
        _reset(source)
        _reset(target)

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        step = self._slow_bytes // 10 if self.weather == Weather.SLOW else len(data)
        for start in range(0, len(data), step):
            yield data[start : start + step]
            if self.weather == Weather.SLOW:
                time.sleep(0.1)


@contextmanager
def fault_proxy(url: str) -> Iterator[FaultProxy]:
    proxy = FaultProxy(url)
    threading.Thread(target=proxy.run, daemon=True).start()
    try:
        yield proxy
    finally:
        proxy.close()


def _forever(_: int) -> bool:
    return True


def _reset(connection: socket.socket) -> None:
    """End it with RST, and wake whoever waits for it."""
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()

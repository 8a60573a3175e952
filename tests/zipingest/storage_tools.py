"""What the tests of storage do again and again, and a relay to watch or break an S3 connection."""

import io
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from zipingest.storage import Storage

MIB = 1024 * 1024
KEY = "recordings/7d0f/1-1.wav"
WAV = "audio/wav"


def put(storage: Storage, key: str, data: bytes) -> None:
    storage.put(key, io.BytesIO(data), content_type=WAV)


def read(storage: Storage, key: str, start: int = 0, stop: int | None = None) -> bytes:
    with storage.open_range(key, start, stop) as stream:
        return stream.read()


def keys(storage: Storage, prefix: str = "") -> list[str]:
    return sorted(found.key for found in storage.list(prefix))


def pattern(size: int, seed: int = 0) -> bytes:
    """Bytes that no shift by less than a prime number of them leaves the same."""
    block = bytes((seed + number) % 251 for number in range(251))
    return (block * (size // 251 + 1))[:size]


def in_threads(*actions: Callable[[], object]) -> None:
    """Runs all at once, and passes on the first exception of any."""
    errors: list[Exception] = []

    def run(action: Callable[[], object]) -> None:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - it is raised again below
            errors.append(error)

    threads = [threading.Thread(target=run, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    if errors:
        raise errors[0]


def file_position(path: Path) -> int:
    """Where the one open descriptor of ``path`` in this process stands."""
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            if link.readlink() == path:
                info = Path("/proc/self/fdinfo", link.name).read_text()
                return int(info.split()[1])
    raise AssertionError(f"{path} is not open")


@contextmanager
def relay(endpoint_url: str, at_most: int | None = None) -> Iterator[tuple[str, Callable[[], int]]]:
    """An endpoint that passes one connection on, counts the answer's bytes, and breaks off ``at_most`` on."""
    target = urlsplit(endpoint_url)
    moved = 0

    def serve() -> None:
        nonlocal moved
        client, _ = listener.accept()
        with client, socket.create_connection((target.hostname, target.port)) as server:
            threading.Thread(target=pump, args=(client, server), daemon=True).start()
            while (at_most is None or moved < at_most) and (data := server.recv(65536)):
                moved += len(data)  # first, as the answer's reader may ask at once
                client.sendall(data)
            client.shutdown(socket.SHUT_RDWR)

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_RDWR)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", lambda: moved


@contextmanager
def answering(body: bytes) -> Iterator[str]:
    """The URL of a server that answers its one GET with 200 and ``body``, whatever is asked."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Not among the output of the tests."""

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"

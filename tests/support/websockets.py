"""The server's side of a WebSocket (RFC 6455): its handshake, and frames of less than 64 KiB."""

import base64
import hashlib
import socket
import struct
import threading
from email.message import Message
from typing import BinaryIO

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def is_upgrade(headers: Message) -> bool:
    return headers.get("Upgrade", "").lower() == "websocket" and "Sec-WebSocket-Key" in headers


def accept(headers: Message) -> dict[str, str]:
    """The headers of a 101."""
    digest = hashlib.sha1(f"{headers['Sec-WebSocket-Key']}{_GUID}".encode()).digest()
    answer = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Accept": base64.b64encode(digest).decode(),
    }
    if "Sec-WebSocket-Protocol" in headers:
        answer["Sec-WebSocket-Protocol"] = headers["Sec-WebSocket-Protocol"].split(",")[0].strip()
    return answer


class ServerSocket:
    """A connection after its handshake; what it may not do any more raises OSError."""

    def __init__(self, connection: socket.socket, reader: BinaryIO) -> None:
        self._connection, self._reader = connection, reader
        self._sending = threading.Lock()

    def send(self, payload: bytes, opcode: int = TEXT) -> None:
        length = (
            struct.pack("!B", len(payload)) if len(payload) < 126 else struct.pack("!BH", 126, len(payload))
        )
        with self._sending:
            self._connection.sendall(bytes([0x80 | opcode]) + length + payload)

    def receive(self) -> tuple[int, bytes]:
        first, second = self._exactly(2)
        assert second & 0x80, "a client masks"
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", self._exactly(2))
        mask = self._exactly(4)
        masked = self._exactly(length)
        return first & 0x0F, bytes(byte ^ mask[place % 4] for place, byte in enumerate(masked))

    def cut(self) -> None:
        """End it without a word."""
        self._connection.shutdown(socket.SHUT_RDWR)

    def _exactly(self, size: int) -> bytes:
        data = self._reader.read(size)
        if len(data) < size:
            raise ConnectionResetError
        return data

"""A real SFTP server on loopback: ``rclone serve sftp``, with a host key and a user's key made for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.support import rclone

USER = "recorder"
PASSWORD = "loopback password"


@dataclass(frozen=True)
class SftpServer:
    """``endpoint`` is host:port, ``host_key`` a known_hosts line; files are served from ``data``.

    Either a user with a password, or where ``private_key`` (PEM) is not empty a user with that key.
    """

    endpoint: str
    host_key: str
    data: Path
    user: str = USER
    password: str = PASSWORD
    private_key: str = ""


@contextmanager
def sftp_server(folder: Path, *, by_key: bool = False) -> Iterator[SftpServer]:
    """Runs until the block ends, on a port the kernel chooses; everything it writes is below ``folder``."""
    data = folder / "data"
    data.mkdir(parents=True)
    host_key, user_key = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    (folder / "host_key").write_text(private_pem(host_key))
    (folder / "authorized_keys").write_text(public_line(user_key))
    (folder / "host_key").chmod(0o600)
    allowed = (
        [f"--authorized-keys={folder / 'authorized_keys'}"]
        if by_key
        else [f"--user={USER}", f"--pass={PASSWORD}"]
    )
    options = [f"--key={folder / 'host_key'}", *allowed]
    with rclone.serving("sftp", options, data=data, started="SFTP server listening on ") as endpoint:
        key = private_pem(user_key) if by_key else ""
        yield SftpServer(endpoint, public_line(host_key), data, private_key=key)


def private_pem(key: Ed25519PrivateKey) -> str:
    form = serialization.PrivateFormat.OpenSSH
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def public_line(key: Ed25519PrivateKey) -> str:
    form = serialization.PublicFormat.OpenSSH
    return key.public_key().public_bytes(serialization.Encoding.OpenSSH, form).decode()

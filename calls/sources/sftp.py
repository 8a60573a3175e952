"""SFTP (draft-ietf-secsh-filexfer-02) over a connection that the one outbound client has opened and judged.

The server must show the host key that is configured; keys, agents and known hosts of this machine are not
asked.
"""

import posixpath
import stat
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from typing import BinaryIO

import paramiko
from django.conf import settings

from calls.models import DirectAccess
from calls.sources.base import Received, secret_of
from calls.sources.ssh_keys import PROOFS, HostKeys, host_keys, private_key
from calls.sources.stores import Beginning
from partners import outbound
from partners.outbound import (
    Deadline,
    Download,
    NetworkFault,
    OutboundError,
    TooLarge,
    Truncated,
    in_plain_words,
)

DEFAULT_PORT = 22

_PIECE_BYTES = 64 * 1024
# Asked for ahead of what is read, so that a distant server's file does not take a round trip per 32 KiB.
_AHEAD_BYTES = 4 * 1024 * 1024
# What the library raises at a server that breaks off or breaks the protocol.
_FAULTS = (paramiko.SSHException, paramiko.SFTPError, EOFError, OSError, ValueError, LookupError, TypeError)


class HostKeyMismatch(OutboundError):
    """The server is not the one that was configured, or its key has been changed."""

    permanent = True

    def __init__(self) -> None:
        super().__init__("the server's host key is not the one that is configured; nothing was sent")


class AccessDenied(OutboundError):
    """The user, the secret, or the user's rights."""

    permanent = True


class NoSuchFile(OutboundError):
    """There is no file of this name, or it is a folder."""

    permanent = True

    def __init__(self) -> None:
        super().__init__("there is no such file on the server")


class Sftp:
    """A base path with a leading slash counts from the server's root, another from where the user arrives."""

    def path(self, base_path: str, filename: str) -> str:
        return posixpath.join(base_path, filename)

    def download(self, access: DirectAccess, path: str, to: BinaryIO) -> Download:
        received = Received(to)
        with closing(_pieces(access, path)) as pieces:
            for piece in pieces:
                received.write(piece)
        return received.download(f"sftp:{path}")

    def peek(self, access: DirectAccess, path: str, *, max_bytes: int, deadline_seconds: float) -> Beginning:
        with _session(access, deadline_seconds) as session:
            file, size = _opened(session, path)
            return Beginning(file.read(max_bytes), size)

    def has_files(self, access: DirectAccess, path: str, *, deadline_seconds: float) -> bool:
        with _session(access, deadline_seconds) as session:
            return next(session.listdir_iter(path or ".", read_aheads=1), None) is not None


def _pieces(access: DirectAccess, path: str) -> Generator[bytes]:
    with _session(access, settings.FETCH_DEADLINE_SECONDS) as session:
        file, size = _opened(session, path)
        if size > settings.FETCH_MAX_BYTES:
            raise TooLarge(settings.FETCH_MAX_BYTES)
        for start in range(0, size, _AHEAD_BYTES):
            end = min(start + _AHEAD_BYTES, size)
            file.prefetch(end)
            yield from _between(file, start, end)


def _between(file: paramiko.SFTPFile, position: int, end: int) -> Iterator[bytes]:
    while position < end:
        piece = file.read(min(_PIECE_BYTES, end - position))
        if not piece:
            raise Truncated
        position += len(piece)
        yield piece


def _opened(session: paramiko.SFTPClient, path: str) -> tuple[paramiko.SFTPFile, int]:
    """The file and its size. It is not closed by itself: its session ends with it."""
    file = session.open(path, "rb")
    facts = file.stat()
    if facts.st_mode is not None and stat.S_ISDIR(facts.st_mode):
        raise NoSuchFile
    if facts.st_size is None:
        raise NetworkFault("the server does not say how large the file is")
    return file, facts.st_size


# --- Sessions ---------------------------------------------------------------------------------------------
@contextmanager
def _session(access: DirectAccess, deadline_seconds: float) -> Iterator[paramiko.SFTPClient]:
    deadline = Deadline(deadline_seconds)
    with deadline, in_plain_words(deadline, errors=_FAULTS, explained=_explained):
        known = host_keys(access)
        sock = outbound.connect(access.endpoint, default_port=DEFAULT_PORT, deadline=deadline)
        with closing(sock), closing(paramiko.Transport(sock)) as transport:
            _limit(transport)
            _greet(transport, known)
            _sign_in(transport, access)
            yield _sftp(transport)


def _limit(transport: paramiko.Transport) -> None:
    """No step may be silent for longer than the answer of any other server."""
    seconds = settings.OUTBOUND_READ_SECONDS
    transport.banner_timeout = transport.handshake_timeout = seconds
    transport.auth_timeout = transport.channel_timeout = seconds


def _greet(transport: paramiko.Transport, known: HostKeys) -> None:
    """Agree on keys with the server, which must prove one of ``known``. Raises `HostKeyMismatch`."""
    proofs = [proof for name in PROOFS for proof in PROOFS[name] if name in {key[0] for key in known}]
    transport.get_security_options().key_types = tuple(proofs)
    try:
        transport.start_client()
    except paramiko.ssh_exception.IncompatiblePeer as error:
        # It has a key, of another type.
        if "host key" in str(error):
            raise HostKeyMismatch from None
        raise NetworkFault("the server and we have no cipher in common") from None
    shown = transport.get_remote_server_key()
    if (shown.get_name(), shown.asbytes()) not in known:
        raise HostKeyMismatch


def _sign_in(transport: paramiko.Transport, access: DirectAccess) -> None:
    secret = secret_of(access)
    try:
        if "PRIVATE KEY-----" in secret:
            transport.auth_publickey(access.account, private_key(secret))
        else:
            transport.auth_password(access.account, secret)
    except paramiko.AuthenticationException as error:
        # The library says so of a connection that broke off, too.
        if not transport.is_active() or "timeout" in str(error).lower():
            raise NetworkFault("the server broke off while we signed in") from None
        raise AccessDenied("the server does not accept the user or the secret") from None
    if not transport.is_authenticated():
        raise AccessDenied("the server asks for more than the secret")


def _sftp(transport: paramiko.Transport) -> paramiko.SFTPClient:
    channel = transport.open_session(timeout=settings.OUTBOUND_READ_SECONDS)
    channel.settimeout(settings.OUTBOUND_READ_SECONDS)
    channel.invoke_subsystem("sftp")
    return paramiko.SFTPClient(channel)


def _explained(error: Exception) -> OutboundError:
    if isinstance(error, FileNotFoundError):
        return NoSuchFile()
    if isinstance(error, PermissionError):
        return AccessDenied("the server does not let the user read the file")
    if isinstance(error, TimeoutError):
        return NetworkFault("the server fell silent")
    if isinstance(error, paramiko.SSHException | EOFError | ConnectionError):
        return NetworkFault("the connection was cut, or the server does not speak SFTP")
    return NetworkFault("the server could not hand the file out")

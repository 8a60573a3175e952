"""The keys of SFTP as they are configured: the server's, and where an account has one its own."""

import base64
import io
import itertools

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from calls.models import DirectAccess
from calls.sources.stores import SecretUnusable

# As they stand in a known_hosts line, and how a server may prove to have the key.
PROOFS = {
    "ssh-ed25519": ("ssh-ed25519",),
    "ecdsa-sha2-nistp256": ("ecdsa-sha2-nistp256",),
    "ecdsa-sha2-nistp384": ("ecdsa-sha2-nistp384",),
    "ecdsa-sha2-nistp521": ("ecdsa-sha2-nistp521",),
    "ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256"),
}

HostKeys = set[tuple[str, bytes]]


def host_keys(access: DirectAccess) -> HostKeys:
    """Those of known_hosts lines, with or without their host. Raises `SecretUnusable` where there is none."""
    found = {key for line in access.host_key.splitlines() if (key := _host_key(line.split()))}
    if not found:
        raise SecretUnusable(f"the host key that is configured is none of {', '.join(PROOFS)}")
    return found


def _host_key(words: list[str]) -> tuple[str, bytes] | None:
    for name, key in itertools.pairwise(words):
        if name in PROOFS:
            try:
                return name, base64.b64decode(key, validate=True)
            except ValueError:
                return None
    return None


def private_key(pem: str) -> paramiko.PKey:
    """A key of any of the forms in PEM. Raises `SecretUnusable`."""
    try:
        loaded = _loaded(pem.strip().encode() + b"\n")
        # The one form that all of the library's classes read.
        text = loaded.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        ).decode()
        return _class_of(loaded).from_private_key(io.StringIO(text))
    except (ValueError, TypeError, UnsupportedAlgorithm, paramiko.SSHException):
        raise SecretUnusable(
            "the private key cannot be read; an RSA, ECDSA or Ed25519 key in PEM, without a passphrase, can"
        ) from None


_Loaded = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def _loaded(pem: bytes) -> _Loaded:
    own_form = b"BEGIN OPENSSH" in pem
    load = serialization.load_ssh_private_key if own_form else serialization.load_pem_private_key
    key = load(pem, password=None)
    if not isinstance(key, _Loaded):
        raise TypeError(type(key).__name__)
    return key


def _class_of(key: _Loaded) -> type[paramiko.PKey]:
    if isinstance(key, rsa.RSAPrivateKey):
        return paramiko.RSAKey
    return paramiko.ECDSAKey if isinstance(key, ec.EllipticCurvePrivateKey) else paramiko.Ed25519Key

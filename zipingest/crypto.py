"""Encryption at rest of the secrets we must be able to read again (webhook secrets, later source accounts).

The keys stand outside the database (``settings.ENCRYPTION_KEYS``, newest first): everything is written with
the first and read with any, so a key is rotated by putting a new one in front.
"""

import base64
import hashlib

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings


def encrypt(plain: str) -> str:
    return _cipher().encrypt(plain.encode()).decode()


def decrypt(sealed: str) -> str:
    """The text that was encrypted; ``cryptography.fernet.InvalidToken`` when no key of ours fits."""
    return _cipher().decrypt(sealed.encode()).decode()


def _cipher() -> MultiFernet:
    return MultiFernet([Fernet(_stretched(key)) for key in settings.ENCRYPTION_KEYS])


def _stretched(key: str) -> bytes:
    return base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest())

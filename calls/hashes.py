"""Keyed hashes of identifiers: what must be recognised again and must not be readable.

HMAC-SHA256 under the peppers of the API keys, which the database does not hold. As with keys, a pepper that
is replaced stays configured for as long as what was hashed with it is to be found.
"""

from partners import credentials


def keyed_hash(kind: str, value: str) -> str:
    """``<pepper's version>:<digest>`` of the identifier under the newest pepper."""
    return possible_hashes(kind, value)[0]


def possible_hashes(kind: str, value: str) -> list[str]:
    """What :func:`keyed_hash` may have made of it, a hash per pepper, the newest first."""
    kept = credentials.digests(f"identifier:{kind}:{value}")
    return [f"{each.pepper_version}:{each.digest}" for each in kept]

"""Whether the store holds what the rows name: each object there, with the size and SHA-256 of its row."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from django.db.models import QuerySet

from calls.models import Recording
from zipingest.storage import ObjectMissing, default_storage
from zipingest.work import WorkState

_PORTION = 500
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Named:
    """An object as a row has it: ``sha256`` is hexadecimal; where it is empty only the size is known."""

    recording: int
    key: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Verified:
    """``trouble`` is empty where the object is as its row says."""

    object: Named
    trouble: str


def verify(*, sizes_only: bool) -> Iterator[Verified]:
    """Every object of a stored recording, and what is wrong with it; they are read as streams.

    Whoever is purged or fetched anew meanwhile is not in trouble. Raises zipingest.storage.StorageError.
    """
    look = partial(_trouble, sizes_only=sizes_only)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for portion in _portions():
            for named, trouble in zip(portion, pool.map(look, portion), strict=True):
                yield Verified(named, trouble if trouble and _is_named(named) else "")


def _trouble(named: Named, *, sizes_only: bool) -> str:
    stored = default_storage().stat(named.key)
    if stored is None:
        return "missing"
    if stored.bytes != named.bytes:
        return f"has {stored.bytes} bytes instead of {named.bytes}"
    if sizes_only or not named.sha256:
        return ""
    return _difference(named)


def _difference(named: Named) -> str:
    digest = hashlib.sha256()
    try:
        with default_storage().open_range(named.key) as stream:
            for chunk in stream:
                digest.update(chunk)
    except ObjectMissing:
        return "missing"
    return "" if digest.hexdigest() == named.sha256 else "differs from its SHA-256"


def _portions() -> Iterator[list[Named]]:
    """The objects of all stored recordings in the order of their rows, some hundred at a time."""
    last = 0
    while rows := list(_stored().filter(pk__gt=last).order_by("pk")[:_PORTION]):
        yield [named for row in rows for named in _named(row)]
        last = rows[-1].pk


def _named(row: Recording) -> Iterator[Named]:
    if row.key:
        yield Named(row.pk, row.key, row.bytes or 0, row.sha256)
    if row.original_key:
        yield Named(row.pk, row.original_key, row.original_bytes or 0, row.original_sha256)


def _is_named(named: Named) -> bool:
    """Whether its row, read again, still names it."""
    row = _stored().filter(pk=named.recording).first()
    return row is not None and named in _named(row)


def _stored() -> QuerySet[Recording]:
    facts = ("key", "bytes", "sha256", "original_key", "original_bytes", "original_sha256")
    return Recording.objects.filter(state=WorkState.DONE, purged_at__isnull=True).only(*facts)

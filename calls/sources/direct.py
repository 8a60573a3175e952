"""Direct access: a recording that a request names by its file alone, in the one store of its account.

Its ``source_url`` is ``<kind of store>:<filename>``. Whatever the filename says,
it stays below the base path.
"""

import unicodedata
from dataclasses import replace
from typing import BinaryIO
from urllib.parse import quote

from calls.models import DirectAccess, Recording, StoreKind
from calls.sources.azure import Azure
from calls.sources.s3 import S3
from calls.sources.sftp import Sftp
from calls.sources.stores import Store
from partners.outbound import Download, OutboundError

# As it stands in a URL. S3 and Azure name objects with as many bytes; and a signed URL stays under 2048.
MAX_PATH_CHARACTERS = 1024

STORES: dict[str, Store] = {StoreKind.S3: S3(), StoreKind.AZURE: Azure(), StoreKind.SFTP: Sftp()}


class UnsafePath(ValueError):
    """A filename that is not taken; its text says why."""


class NoAccess(OutboundError):
    """The account has no direct access, or none of the kind the recording was taken in for."""

    permanent = True

    def __init__(self, kind: str) -> None:
        super().__init__(f"the account's direct access of the kind {kind} is not set up any more")


class PathRefused(OutboundError):
    """The recording's filename is not one that we look for."""

    permanent = True


class Direct:
    def fetch(self, recording: Recording, to: BinaryIO) -> Download:
        kind, _, filename = recording.source_url.partition(":")
        access = DirectAccess.objects.filter(sub_tenant=recording.sub_tenant_id, kind=kind).first()
        if access is None:
            raise NoAccess(kind)
        download = STORES[kind].download(access, path_for(access, filename), to)
        # Where it was signed for, nobody needs to know.
        return replace(download, final_url=recording.source_url)


def address(access: DirectAccess, filename: str) -> str:
    """The ``source_url`` of the file. Raises `UnsafePath`."""
    _check(access, filename)
    return f"{access.kind}:{filename}"


def path_for(access: DirectAccess, filename: str) -> str:
    """How the store names the file. Raises `PathRefused`."""
    try:
        return _check(access, filename)
    except UnsafePath as error:
        raise PathRefused(f"the filename {error}") from None


def _check(access: DirectAccess, filename: str) -> str:
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in filename):
        raise UnsafePath("holds a control character")
    if "\\" in filename:
        raise UnsafePath("holds a backslash")
    if filename.startswith("/"):
        raise UnsafePath("is an absolute path")
    if any(part in ("", ".", "..") for part in filename.split("/")):
        raise UnsafePath("is empty, or has a part that is empty, . or ..")
    path = STORES[access.kind].path(access.base_path, filename)
    if len(quote(path)) > MAX_PATH_CHARACTERS:
        raise UnsafePath(f"is longer than {MAX_PATH_CHARACTERS} characters, with its folder and as in a URL")
    return path

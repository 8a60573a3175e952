"""Where recordings are kept: one port, on the local file system or on S3 (see docs/architecture.md)."""

import os
from functools import lru_cache
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from zipingest import env
from zipingest.storage.base import (
    ByteStream,
    ObjectMissing,
    ObjectStat,
    Storage,
    StorageError,
    StoredObject,
    Writer,
)
from zipingest.storage.local import LocalStorage
from zipingest.storage.s3 import S3Storage

__all__ = [
    "ByteStream",
    "LocalStorage",
    "ObjectMissing",
    "ObjectStat",
    "S3Storage",
    "Storage",
    "StorageError",
    "StoredObject",
    "Writer",
    "default_storage",
    "storage_from_url",
]

_S3_OPTIONS = {"endpoint_url", "region"}
_FORMS = "file:///path or s3://bucket/prefix?endpoint_url=…&region=…"


def storage_from_url(url: str) -> Storage:
    """The store of ``file:///path`` or ``s3://bucket/prefix?endpoint_url=…&region=…``; nothing is contacted.

    S3 credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or their ``_FILE``), else from
    boto3's own chain. Anything else raises ImproperlyConfigured, which never repeats the URL.
    """
    try:
        parts = urlsplit(url)
        if parts.scheme == "file":
            return _local(parts)
        if parts.scheme == "s3":
            return _s3(parts)
    except ValueError:
        # What it says may quote a secret that stands in the wrong place.
        raise ImproperlyConfigured(f"STORAGE_URL is malformed: write {_FORMS}") from None
    raise ImproperlyConfigured(f"STORAGE_URL must be {_FORMS}")


def default_storage() -> Storage:
    """The store that STORAGE_URL names, one per process."""
    return _storage_at(settings.STORAGE_URL)


_storage_at = lru_cache(maxsize=4)(storage_from_url)
# Connections must not be shared with a parent process.
os.register_at_fork(after_in_child=_storage_at.cache_clear)


def _local(parts: SplitResult) -> LocalStorage:
    if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        raise ImproperlyConfigured("STORAGE_URL: a file URL needs an absolute path, as in file:///var/blobs")
    if parts.query or parts.fragment:
        raise ImproperlyConfigured("STORAGE_URL: write ? and # in a file URL's path as %3F and %23")
    return LocalStorage(Path(unquote(parts.path)))


def _s3(parts: SplitResult) -> S3Storage:
    if not parts.netloc or any(sign in parts.netloc for sign in "@:"):
        raise ImproperlyConfigured(
            "STORAGE_URL: an S3 URL names a bucket and no credentials, as in s3://bucket/prefix; "
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    options, (access_key, secret_key) = _options(parts.query), _credentials()
    return S3Storage(
        parts.netloc,
        prefix=unquote(parts.path).strip("/"),
        endpoint_url=_endpoint(options.get("endpoint_url")),
        region=options.get("region"),
        access_key=access_key,
        secret_key=secret_key,
    )


def _credentials() -> tuple[str | None, str | None]:
    """Both or none: boto3 sends half a pair to the store, which can only refuse it."""
    access_key, secret_key = env.text("AWS_ACCESS_KEY_ID"), env.text("AWS_SECRET_ACCESS_KEY")
    if bool(access_key) != bool(secret_key):
        raise ImproperlyConfigured("set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither")
    return access_key or None, secret_key or None


def _options(query: str) -> dict[str, str]:
    options = parse_qs(query, keep_blank_values=True, strict_parsing=bool(query))
    if set(options) - _S3_OPTIONS or any(len(values) > 1 or not values[0] for values in options.values()):
        raise ImproperlyConfigured("STORAGE_URL: an S3 URL takes endpoint_url and region, each once")
    return {name: values[0] for name, values in options.items()}


def _endpoint(url: str | None) -> str | None:
    if url is None:
        return None
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ImproperlyConfigured(
            "STORAGE_URL: endpoint_url must be an http or https URL without credentials"
        )
    return url

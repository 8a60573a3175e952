"""Backups: a dump of the database, and beside it a mirror of the store that keeps what was removed.

Below the destination, a folder or a remote of rclone's:

    databases/<stamp>.dump      pg_dump's custom format
    databases/<stamp>.json      written last: without it the backup is not whole
    objects/<key>               what the store held at the last backup
    removed/<stamp>/<key>       what that backup found gone from the store

The database comes first. An object is stored before the row that names it is committed, and is never written
again, so whatever the dump names is in the store when the mirror begins; only what is deleted on purpose in
between can be missing. The other way round, calls that came in meanwhile would have lost their audio.

A restore goes the other way: first the objects, which takes long and goes on where it was cut short, and last
the database, all at once. So until its end the database is empty, and the same command can be run again.
"""

import hashlib
import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from django.db import connection
from django.db.backends.postgresql.client import DatabaseClient

from zipingest.storage import LocalStorage, S3Storage, default_storage
from zipingest.storage.base import PARTIAL_FOLDER

_STAMP = "%Y%m%dT%H%M%SZ"
_WHOLE = re.compile(r"(\d{8}T\d{6}Z)\.json")
_REMOTE = "zipingest"
# https://rclone.org/docs/#exit-code
_RCLONE_NO_FOLDER = 3
Say = Callable[[str], None]


class BackupFailed(Exception):
    """The backup or restore did not come to its end; the text says why."""


class _NoSuchFolder(BackupFailed):
    pass


@dataclass(frozen=True, kw_only=True)
class Dump:
    """A whole backup's dump: ``stamp`` is when it began (UTC), ``sha256`` is hexadecimal."""

    stamp: str
    bytes: int
    sha256: str


def back_up(*, to: str, now: datetime, keep: timedelta, say: Say) -> Dump:
    """Make a backup below ``to`` and forget those older than ``keep``; raises BackupFailed."""
    _need_postgresql()
    if not _tables():
        raise BackupFailed("the database has no tables: is a restore under way?")
    stamp = now.strftime(_STAMP)
    with TemporaryDirectory(prefix="zipingest-backup-") as folder:
        dump = _dump_database(Path(folder), stamp)
        say(f"Database dumped: {dump.bytes:,} bytes")
        _rclone("copy", folder, f"{to}/databases")
        _mirror_store(to, stamp)
        say("Store mirrored")
        Path(folder, f"{stamp}.json").write_text(json.dumps(asdict(dump)))
        _rclone("copy", folder, f"{to}/databases", "--include=*.json")
    for forgotten in _forget(to, before=(now - keep).strftime(_STAMP)):
        say(f"Forgotten: {forgotten}")
    return dump


def restore(*, source: str, stamp: str | None, say: Say) -> Dump:
    """Fill the store and an empty database from the newest backup, or the one of ``stamp``.

    What the store holds already stays, and is not copied again. Raises BackupFailed, and the database is
    empty then: the same call goes on where this one ended. Meanwhile nothing else may use either, as
    tidying deletes objects that no row names.
    """
    _need_postgresql()
    if _tables():
        raise BackupFailed("the database has tables already: restore into an empty one")
    stamp = _chosen(source, stamp)
    with TemporaryDirectory(prefix="zipingest-restore-") as folder:
        _rclone("copy", f"{source}/databases", folder, f"--include=/{stamp}.*")
        dump = _read_whole(Path(folder), stamp)
        _restore_store(source, stamp)
        say("Store restored")
        _restore_database(Path(folder, f"{stamp}.dump"))
    say(f"Database of {stamp} restored")
    return dump


# --- Database ---------------------------------------------------------------------------------------------
def _need_postgresql() -> None:
    if connection.vendor != "postgresql":
        raise BackupFailed("this is for PostgreSQL; of the embedded stack stop it and copy its data folder")


def _tables() -> list[str]:
    tables = connection.introspection.table_names()
    # What follows may take hours, and a connection that is idle so long may be cut.
    connection.close()
    return tables


def _dump_database(folder: Path, stamp: str) -> Dump:
    path = folder / f"{stamp}.dump"
    _postgresql("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={path}")
    return Dump(stamp=stamp, bytes=path.stat().st_size, sha256=_sha256(path))


def _restore_database(path: Path) -> None:
    # All or nothing: after a failure the database is as empty as before.
    _postgresql("pg_restore", "--no-owner", "--no-privileges", "--single-transaction", str(path))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _postgresql(program: str, *arguments: str) -> None:
    (_, *target, name), environment = DatabaseClient.settings_to_cmd_args_env(connection.settings_dict, [])
    _run([program, *target, f"--dbname={name}", *arguments], environment or {})


# --- Store ------------------------------------------------------------------------------------------------
def _mirror_store(to: str, stamp: str) -> None:
    """Objects never change under their key, so their size tells whether one is there already."""
    kept = f"--backup-dir={to}/removed/{stamp}"
    _rclone("sync", _store_path(), f"{to}/objects", "--size-only", kept, f"--exclude=/{PARTIAL_FOLDER}/**")


def _restore_store(source: str, stamp: str) -> None:
    # What the dump names and later backups found removed comes back too.
    later = [name for name in _list(source, "removed", "--dirs-only") if name.rstrip("/") >= stamp]
    # The mirror of a store without objects is no folder.
    mirror = [name for name in _list(source, "", "--dirs-only") if name == "objects/"]
    for folder in [*mirror, *(f"removed/{name}" for name in later)]:
        _rclone("copy", f"{source}/{folder}", _store_path(), "--size-only")


def _store_path() -> str:
    store = default_storage()
    if isinstance(store, S3Storage):
        return f"{_REMOTE}:{store.bucket}/{store.prefix}".rstrip("/")
    assert isinstance(store, LocalStorage)
    store.root.mkdir(parents=True, exist_ok=True)
    return str(store.root)


def _store_environment() -> dict[str, str]:
    """An S3 store as a remote of rclone's, named zipingest; so its keys are in no command line."""
    store = default_storage()
    if not isinstance(store, S3Storage):
        return {}
    remote = {
        "type": "s3",
        "provider": "Other" if store.endpoint_url else "AWS",
        "endpoint": store.endpoint_url,
        "region": store.region,
        "no_check_bucket": "true",
        "env_auth": None if store.access_key else "true",
        "access_key_id": store.access_key,
        "secret_access_key": store.secret_key,
    }
    return {f"RCLONE_CONFIG_{_REMOTE}_{name}".upper(): value for name, value in remote.items() if value}


# --- Backups ----------------------------------------------------------------------------------------------
def _whole_backups(source: str) -> list[str]:
    """The stamps of all whole ones, the oldest first."""
    found = map(_WHOLE.fullmatch, _list(source, "databases", "--files-only"))
    return sorted(match[1] for match in found if match)


def _chosen(source: str, stamp: str | None) -> str:
    whole = _whole_backups(source)
    if not whole or (stamp and stamp not in whole):
        there = ", ".join(whole) or "none"
        raise BackupFailed(f"no whole backup {stamp or ''} at {source}; there: {there}")
    return stamp or whole[-1]


def _read_whole(folder: Path, stamp: str) -> Dump:
    dump = Dump(**json.loads((folder / f"{stamp}.json").read_text()))
    path = folder / f"{stamp}.dump"
    if not path.exists() or _sha256(path) != dump.sha256:
        raise BackupFailed(f"the dump of {stamp} is missing or damaged: its SHA-256 is not what was noted")
    # Read by the program that is to restore it, before hours of copying.
    _run(["pg_restore", "--list", str(path)], {})
    return dump


def _forget(to: str, *, before: str) -> list[str]:
    """Delete dumps older than ``before``, and what was removed before the oldest that stays; their names."""
    old = [name for name in _list(to, "databases", "--files-only") if name.partition(".")[0] < before]
    for name in old:
        _rclone("deletefile", f"{to}/databases/{name}")
    oldest = min(_whole_backups(to))
    gone = [name for name in _list(to, "removed", "--dirs-only") if name.rstrip("/") < oldest]
    for name in gone:
        _rclone("purge", f"{to}/removed/{name.rstrip('/')}")
    return [*old, *(f"removed/{name}" for name in gone)]


def _list(place: str, folder: str, kind: str) -> list[str]:
    """The names in one of a backup's folders; empty where there is no such folder yet."""
    try:
        return sorted(_rclone("lsf", f"{place}/{folder}", kind).split())
    except _NoSuchFolder:
        return []


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# --- Programs ---------------------------------------------------------------------------------------------
def _rclone(command: str, *arguments: str) -> str:
    return _run(["rclone", command, *arguments], _store_environment(), absent=_RCLONE_NO_FOLDER)


def _run(command: Sequence[str], environment: Mapping[str, str], *, absent: int | None = None) -> str:
    """What the program prints; raises BackupFailed with its last words."""
    try:
        done = subprocess.run(  # noqa: S603 - programs of ours by name, no shell
            command,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
    except FileNotFoundError as error:
        raise BackupFailed(f"{command[0]} is not installed") from error
    if done.returncode:
        kind = _NoSuchFolder if done.returncode == absent else BackupFailed
        raise kind(f"{command[0]} failed: {done.stderr.strip()[-2000:]}")
    return done.stdout

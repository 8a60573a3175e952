"""The product's settings for a test session: everything of its own in one temporary folder.

Each pytest-xdist worker has its own data folder, database and Redis database number; processes that tests
start inherit the same environment. The variables must stand before the product's settings read them.
"""

import os
import tempfile
from pathlib import Path
from urllib.parse import urlsplit


def _worker_number() -> int:
    """0 where pytest runs alone (or leads), 1 for worker gw0, and so on."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    return int(worker.removeprefix("gw")) + 1 if worker else 0


def _use_services(number: int) -> None:
    if os.environ.get("TEST_DATABASE") == "postgresql":
        os.environ["REDIS_URL"] = urlsplit(os.environ["REDIS_URL"])._replace(path=f"/{number}").geturl()
        return
    # A developer's own services are not for tests, which empty what they use.
    for name in ("DATABASE_URL", "DATABASE_URL_FILE", "REDIS_URL", "REDIS_URL_FILE", "STORAGE_URL"):
        os.environ.pop(name, None)


def _prepare_environment() -> None:
    number = _worker_number()
    if "TEST_SESSION_DIR" not in os.environ:  # an xdist worker inherits its leader's
        os.environ["TEST_SESSION_DIR"] = tempfile.mkdtemp(prefix="zipingest-tests-")
    data = Path(os.environ["TEST_SESSION_DIR"], f"data-{number}")
    (data / "static").mkdir(parents=True, exist_ok=True)
    os.environ["ZIPINGEST_DATA_DIR"] = str(data)
    os.environ["ZIPINGEST_ENV"] = "development"
    os.environ["ZIPINGEST_ALLOW_LOOPBACK"] = "True"
    # What carries calls, a test says itself.
    os.environ["TELEPHONY_PROVIDER"] = ""
    _use_services(number)


_prepare_environment()

from zipingest.settings import *  # noqa: E402, F403 - the point of this module, and only now possible
from zipingest.settings import DATA_DIR, DATABASES  # noqa: E402 - after the environment, as above

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A file, because processes that tests start must see the same database.
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}

# Hashing a password slowly is the product's business; a test only needs it to fit.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

"""What every test stands on: its own database, cache and broker, and Debian's tools where one needs them."""

import os
import shutil
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import xdist
from django.core.cache import cache
from django.db import connection
from django.test import TransactionTestCase

from partners import quota
from tests.support import flushing
from zipingest.management.commands.run_stack import broker_folders

# Debian packages whose command has another name.
COMMANDS = {"p7zip-full": "7z", "nodejs": "node", "nginx-light": "nginx", "prometheus": "promtool"}


def pytest_configure(config: pytest.Config) -> None:
    if os.environ["DJANGO_SETTINGS_MODULE"] != "tests.settings":
        raise pytest.UsageError("tests empty what they use: run them with --ds=tests.settings")


def pytest_sessionstart(session: pytest.Session) -> None:
    # Processes that tests start run the product's own settings; workers of ours still need the test settings.
    if not xdist.is_xdist_controller(session):
        os.environ["DJANGO_SETTINGS_MODULE"] = "zipingest.settings"


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput") and "TEST_SESSION_DIR" in os.environ:
        shutil.rmtree(os.environ["TEST_SESSION_DIR"], ignore_errors=True)


# --- Debian's tools ---------------------------------------------------------------------------------------
@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    packages = [package for marker in item.iter_markers("needs_apt") for package in marker.args]
    missing = [package for package in packages if shutil.which(COMMANDS.get(package, package)) is None]
    if missing:
        pytest.skip(f"needs Debian's {' '.join(missing)}: apt-get install -y {' '.join(missing)}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _forbidden_skips(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for test in _forbidden_skips(config):
        terminalreporter.write_line(f"ERROR: skipped, which CI does not accept: {test}")


def _forbidden_skips(config: pytest.Config) -> list[str]:
    """What was skipped, where CI=true; on a worker nothing, as its leader sees it all."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") != "true" or reporter is None or hasattr(config, "workerinput"):
        return []
    return [report.nodeid for report in reporter.stats.get("skipped", [])]


# --- Fresh state ------------------------------------------------------------------------------------------
TransactionTestCase._fixture_teardown = flushing.delete_rows


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """The test database, named in DATABASE_URL too: processes that tests start see the same one."""
    before = os.environ.get("DATABASE_URL")
    os.environ["DATABASE_URL"] = _database_url()
    yield
    os.environ.pop("DATABASE_URL")
    if before:
        os.environ["DATABASE_URL"] = before


def _database_url() -> str:
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()


@pytest.fixture(autouse=True)
def _fresh_cache_and_broker() -> None:
    quota.reset()
    cache.clear()  # with Redis this empties the worker's whole database, so the broker too
    for folder in broker_folders():
        folder.mkdir(parents=True, exist_ok=True)
        for message in folder.glob("*.msg"):
            message.unlink(missing_ok=True)

"""Misconfiguration as numbered system checks that say what to set."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured

from zipingest import checks

PRODUCTION = {
    "PRODUCTION": True,
    "SECOND_FACTOR": True,
    "ALLOW_LOOPBACK": False,
    "DATABASE_URL": "postgresql://db/zipingest",
    "REDIS_URL": "redis://cache:6379/0",
    "ALLOWED_HOSTS": ["calls.example.com"],
}
# Number: settings that are wrong, what the message must name.
WRONG = {
    "E002": ({"API_KEY_PEPPERS": []}, "API_KEY_PEPPER"),
    "E003": ({"ENCRYPTION_KEYS": []}, "ENCRYPTION_KEY"),
    "E004": ({"API_KEY_PEPPERS": ["1:good", "no version"]}, "version:secret"),
    "E005": ({**PRODUCTION, "ALLOW_LOOPBACK": True}, "ZIPINGEST_ALLOW_LOOPBACK"),
    "E006": ({**PRODUCTION, "DATABASE_URL": "sqlite:////data/db.sqlite3"}, "DATABASE_URL"),
    "E007": ({**PRODUCTION, "REDIS_URL": ""}, "REDIS_URL"),
    "E008": ({**PRODUCTION, "ALLOWED_HOSTS": []}, "ALLOWED_HOSTS"),
    "E009": ({"OUTBOUND_CA_FILE": "/missing.pem"}, "OUTBOUND_CA_FILE"),
    "W001": ({**PRODUCTION, "SECOND_FACTOR": False}, "SECOND_FACTOR"),
    "E010": ({"OUTBOUND_TRUSTED": ["minio.internal:9000", "minio.internal"]}, "host:port"),
}


def ours() -> dict[str, str]:
    """Number and message of what our checks have to say."""
    found = [each for each in run_checks() if str(each.id).startswith("zipingest.")]
    return {str(each.id).removeprefix("zipingest."): each.msg for each in found}


def apply(settings, changes):
    for name, value in changes.items():
        setattr(settings, name, value)


def test_development_as_it_comes_has_nothing_wrong():
    assert ours() == {}


def test_a_whole_production_configuration_has_nothing_wrong(settings):
    apply(settings, PRODUCTION)
    assert ours() == {}


@pytest.mark.parametrize("number", WRONG)
def test_a_wrong_setting_is_one_message_that_names_it(settings, number):
    changes, named = WRONG[number]
    apply(settings, changes)
    found = ours()
    assert list(found) == [number]
    assert named in found[number]


def test_every_number_is_tested():
    source = Path(checks.__file__).read_text()
    assert set(re.findall(r"\b[EW]\d{3}\b", source)) == {"E001", *WRONG}


def test_a_missing_secret_key_is_named_before_anything_else(settings):
    """E001, or Django's own words: it hands out no empty SECRET_KEY, not even to a check."""
    settings.SECRET_KEY = ""
    try:
        said = ours()["E001"]
    except ImproperlyConfigured as error:
        said = str(error)
    assert "SECRET_KEY" in said


def test_names_served_are_named(settings):
    apply(settings, {**PRODUCTION, "ALLOWED_HOSTS": ["calls.example.com", "*"]})
    assert list(ours()) == ["E008"]


@pytest.mark.parametrize("pepper", ["", "secret", ":secret", "1:", "one:secret", "²:secret", "-1:secret"])
def test_a_pepper_without_number_or_secret_is_an_error(settings, pepper):
    settings.API_KEY_PEPPERS = [pepper]
    assert list(ours()) == ["E004"]


@pytest.mark.parametrize("url", ["postgres://db/zipingest", "postgresql://db/zipingest"])
def test_both_spellings_of_postgresql_will_do(settings, url):
    apply(settings, {**PRODUCTION, "DATABASE_URL": url})
    assert ours() == {}


def test_production_with_nothing_set_does_not_pass_the_check(tmp_path):
    """As an operator meets it: a real process, and the numbers in what it prints."""
    environment = {"PATH": os.environ["PATH"], "ZIPINGEST_ENV": "production"}
    environment["ZIPINGEST_DATA_DIR"] = str(tmp_path)
    command = [sys.executable, "manage.py", "check"]
    root = Path(checks.__file__).parent.parent
    ended = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode != 0
    assert "SECRET_KEY" in ended.stderr


@pytest.mark.parametrize("pair", ["", ":80", "host:", "host:http", "http://host:80", "::1:80", "host:80:81"])
def test_a_trusted_pair_is_one_host_and_one_port(settings, pair):
    settings.OUTBOUND_TRUSTED = ["minio.internal:9000", "10.0.0.1:22", "[fd12::1]:443"]
    assert ours() == {}
    settings.OUTBOUND_TRUSTED = [pair]
    assert list(ours()) == ["E010"]

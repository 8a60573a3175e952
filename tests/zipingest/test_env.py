"""The one reader of the environment: strict, and it names the variable that is wrong."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.exceptions import ImproperlyConfigured

from zipingest import env

NAME = "ZIPINGEST_TEST_VALUE"


@pytest.fixture
def given(monkeypatch, tmp_path):
    """Sets the variable to a value, in the way the parameter says."""

    def directly(value: str) -> None:
        monkeypatch.setenv(NAME, value)

    def by_file(value: str) -> None:
        path = tmp_path / "value"
        path.write_text(value + "\n")
        monkeypatch.setenv(f"{NAME}_FILE", str(path))

    monkeypatch.delenv(NAME, raising=False)
    return {"directly": directly, "by file": by_file}


@pytest.fixture(params=["directly", "by file"])
def set_to(request, given):
    return given[request.param]


def refused(read, *words):
    with pytest.raises(ImproperlyConfigured) as caught:
        read()
    for word in (NAME, *words):
        assert word in str(caught.value)


# --- Text -------------------------------------------------------------------------------------------------
def test_text_is_taken_as_it_is(set_to):
    set_to("some text = with signs")
    assert env.text(NAME) == "some text = with signs"


def test_an_unset_variable_has_its_default():
    assert env.text(NAME, "default") == "default"
    assert env.text(NAME) == ""


def test_the_variable_stands_before_its_file(given):
    given["by file"]("from the file")
    given["directly"]("from the environment")
    assert env.text(NAME) == "from the environment"


def test_an_empty_variable_is_empty_and_not_the_default(given):
    given["directly"]("")
    assert env.text(NAME, "default") == ""


def test_the_end_of_a_files_line_is_not_part_of_it(given):
    given["by file"]("  secret  ")
    assert env.text(NAME) == "secret"


def test_a_file_that_cannot_be_read_stops_the_start(monkeypatch, tmp_path):
    missing = str(tmp_path / "missing")
    monkeypatch.setenv(f"{NAME}_FILE", missing)
    refused(lambda: env.text(NAME), f"{NAME}_FILE", missing, "No such file")


# --- Booleans, numbers, choices ---------------------------------------------------------------------------
@pytest.mark.parametrize(("value", "means"), [("True", True), ("False", False)])
def test_a_boolean_is_true_or_false(set_to, value, means):
    set_to(value)
    assert env.boolean(NAME, default=not means) is means


@pytest.mark.parametrize("value", ["", "true", "false", "1", "0", "yes", "on", "TRUE", " True "])
def test_any_other_boolean_stops_the_start(given, value):
    given["directly"](value)
    refused(lambda: env.boolean(NAME, default=True), "must be True or False", repr(value))


@pytest.mark.parametrize("default", [True, False])
def test_an_unset_boolean_has_its_default(default):
    assert env.boolean(NAME, default=default) is default


@pytest.mark.parametrize(("value", "means"), [("0", 0), ("7", 7), ("007", 7)])
def test_a_number_is_a_whole_number(set_to, value, means):
    set_to(value)
    assert env.integer(NAME, 1) == means


@pytest.mark.parametrize("value", ["", "-1", "+1", "1.5", "1e3", "1_000", " 1", "٣", "²", "ten"])
def test_any_other_number_stops_the_start(given, value):
    given["directly"](value)
    refused(lambda: env.integer(NAME, 1), "whole number", repr(value))


def test_a_number_below_the_least_stops_the_start(given):
    given["directly"]("4")
    refused(lambda: env.integer(NAME, 9, minimum=5), "at least 5")
    assert env.integer(NAME, 9, minimum=4) == 4


@pytest.mark.parametrize(("value", "means"), [("80,443", (80, 443)), (" 80 , 443 ,", (80, 443)), ("", ())])
def test_numbers_are_separated_by_commas(set_to, value, means):
    set_to(value)
    assert env.integers(NAME, "1") == means


@pytest.mark.parametrize("value", ["80;443", "80 443", "80,x", "-1", "1.5", "²"])
def test_any_other_list_of_numbers_stops_the_start(given, value):
    given["directly"](value)
    refused(lambda: env.integers(NAME, "1"), "separated by commas", repr(value))


def test_words_are_separated_by_commas(set_to):
    set_to("a.example, b.example,,")
    assert env.words(NAME, "default") == ["a.example", "b.example"]


def test_a_choice_is_one_of_its_options(set_to):
    set_to("production")
    assert env.choice(NAME, "development", ("development", "production")) == "production"


@pytest.mark.parametrize("value", ["", "Production", "prod"])
def test_any_other_choice_stops_the_start(given, value):
    given["directly"](value)
    refused(lambda: env.choice(NAME, "a", ("a", "production")), "one of a, production", repr(value))


# --- Secrets ----------------------------------------------------------------------------------------------
def test_a_secret_of_the_environment_is_used_and_none_is_made(set_to, tmp_path):
    set_to("given")
    assert env.secret(NAME, folder=tmp_path / "secrets") == "given"
    assert not (tmp_path / "secrets").exists()


def test_without_one_a_secret_is_made_once_and_kept(tmp_path):
    first = env.secret(NAME, folder=tmp_path / "secrets")
    assert len(first) >= 60
    assert env.secret(NAME, folder=tmp_path / "secrets") == first
    assert env.secret("ANOTHER", folder=tmp_path / "secrets") != first


def test_only_its_owner_can_read_a_made_secret(tmp_path):
    env.secret(NAME, folder=tmp_path / "secrets")
    (path,) = (tmp_path / "secrets").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_processes_that_start_at_once_end_with_one_secret(tmp_path):
    """Forked, because drafts are told apart by process."""

    def made(_: int) -> str:
        receiver, sender = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(sender, env.secret(NAME, folder=tmp_path / "secrets").encode())
            os._exit(0)
        os.close(sender)
        with os.fdopen(receiver) as pipe:
            text = pipe.read()
        os.waitpid(child, 0)
        return text

    with ThreadPoolExecutor(6) as pool:
        secrets = set(pool.map(made, range(6)))
    assert len(secrets) == 1
    assert [path.name for path in (tmp_path / "secrets").iterdir()] == [NAME.lower()]


def test_without_a_folder_an_unset_secret_stays_empty():
    assert env.secret(NAME, folder=None) == ""

"""docs/operations.md says what the code does: every variable with its default, every unit, every step."""

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.operations.following import ONLINE, Following
from tests.operations.page import PAGE, steps

ROOT = PAGE.parents[1]
UNITS = ROOT / "deploy" / "systemd"
# Read by others: gunicorn.
OTHERS = {"WEB_CONCURRENCY": "1"}
_ROW = re.compile(r"^\| `([A-Z_]+)` \| (.*?) \| .* \|$", re.MULTILINE)
_PRODUCT = ("zipingest", "partners", "calls", "exports")


def written() -> dict[str, str]:
    """The variables of the page's table, each with its default."""
    return dict(_ROW.findall(PAGE.read_text()))


def read() -> Iterator[tuple[str, str | None]]:
    """Every variable that the product reads, with its default where that is plain."""
    for room in _PRODUCT:
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and re.match(r"env\.[a-z]+$", ast.unparse(node.func)):
                    yield _variable(node)


def _variable(node: ast.Call) -> tuple[str, str | None]:
    named = {keyword.arg: keyword.value for keyword in node.keywords}
    default = node.args[1] if len(node.args) > 1 else named.get("default")
    if default is None:
        return ast.literal_eval(node.args[0]), "" if "folder" not in named else None
    try:
        return ast.literal_eval(node.args[0]), str(eval(ast.unparse(default), {"__builtins__": {}}))
    except NameError:  # made of other settings: the page says it in words
        return ast.literal_eval(node.args[0]), None


def test_every_variable_stands_on_the_page_and_no_other() -> None:
    assert set(written()) == {name for name, _ in read()} | set(OTHERS)


def test_defaults_on_the_page_are_those_of_the_code() -> None:
    plain = {name: default for name, default in read() if default is not None} | OTHERS
    assert {name: written()[name].strip("`") for name in plain} == plain


def test_every_step_is_named_once_and_what_is_done_around_steps_belongs_to_one() -> None:
    names = [step.name.replace("-", "_") for step in steps()]
    assert len(set(names)) == len(names) > 10
    around = {name.split("_", 1)[1] for name in vars(Following) if name.startswith(("before_", "after_"))}
    assert around <= set(names)
    assert {name.replace("-", "_") for name in ONLINE} <= set(names)


def test_the_environment_of_the_page_sets_variables_of_the_table_only() -> None:
    (commands,) = (step.commands for step in steps() if step.name == "environment")
    names = re.findall(r"^([A-Z_]+)=", commands, re.MULTILINE)
    assert {re.sub(r"_FILE$", "", name) for name in names} <= set(written())


def test_units_run_programs_that_exist_and_the_target_wants_units_that_exist() -> None:
    programs = (ROOT / "zipingest" / "management" / "commands" / "run_stack.py").read_text()
    for unit in UNITS.glob("*.service"):
        for program in re.findall(r"--exec ([a-z]+)", unit.read_text()):
            assert f'"{program}"' in programs
    wanted = re.findall(r"zipingest-[a-z@1-9]+\.[a-z]+", (UNITS / "zipingest.target").read_text())
    assert wanted
    assert all((UNITS / re.sub(r"@\d", "@", name)).exists() for name in wanted)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs Debian's systemd")
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    folder = tmp_path / "units"
    shutil.copytree(UNITS, folder)
    for unit in folder.glob("*.service"):  # the program is not installed here
        unit.write_text(unit.read_text().replace("/opt/zipingest/current/.venv/bin/python", "/bin/true"))
    names = [path.name.replace("@.", "@1.") for path in folder.iterdir() if path.is_file()]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *sorted(names)],
        env={"SYSTEMD_UNIT_PATH": f"{folder}:", "PATH": "/usr/bin:/bin"}, capture_output=True, text=True,
    )  # fmt: skip
    assert "zipingest" not in done.stderr

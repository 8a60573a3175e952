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
from tests.operations.systemctl import units

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


def enabled_by_the_page() -> list[str]:
    """The units that step 7 enables, with their suffixes."""
    (commands,) = (step.commands for step in steps() if step.name == "services")
    names = re.findall(r"zipingest[-a-z]*(?:@\d|\.[a-z]+)?", commands.partition("systemctl enable")[2])
    return [name if "." in name else f"{name}.service" for name in names]


def test_services_run_programs_that_exist_from_the_folder_of_the_release() -> None:
    programs = (ROOT / "zipingest" / "management" / "commands" / "run_stack.py").read_text()
    for unit in UNITS.glob("*.service"):
        (command,) = re.findall(r"^ExecStart=(.*)", unit.read_text(), re.MULTILINE)
        assert command.startswith("/usr/bin/env .venv/bin/python manage.py "), unit.name
        assert all(f'"{program}"' in programs for program in re.findall(r"--exec ([a-z]+)", command))


def test_every_unit_can_be_enabled_for_the_target_and_stops_with_it() -> None:
    shared = (UNITS / "zipingest-.service.d" / "common.conf").read_text()
    for unit in UNITS.glob("zipingest-*.*"):
        if unit.is_file():
            text = unit.read_text() + (shared if unit.suffix == ".service" else "")
            assert "\nPartOf=zipingest.target\n" in text, unit.name
            by_timer = unit.suffix == ".service" and unit.with_suffix(".timer").exists()
            assert ("[Install]\nWantedBy=zipingest.target\n" in text) is not by_timer, unit.name


def test_the_stand_in_for_systemctl_enables_what_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "etc/systemd/system"
    shutil.copytree(UNITS, folder)
    monkeypatch.setattr(units, "UNITS", folder)
    for name in enabled_by_the_page():
        units.enable(name)
    assert wanted(folder) == set(enabled_by_the_page())
    with pytest.raises(units.Refused, match="no \\[Install\\] section"):
        units.enable("zipingest-backup.service")


@pytest.mark.skipif(shutil.which("systemctl") is None, reason="needs Debian's systemd")
def test_what_the_page_enables_is_started_with_the_machine(tmp_path: Path) -> None:
    folder = tmp_path / "etc/systemd/system"
    shutil.copytree(UNITS, folder)
    command = ["systemctl", f"--root={tmp_path}", "enable", *enabled_by_the_page()]
    subprocess.run(command, check=True, capture_output=True)
    assert wanted(folder) == set(enabled_by_the_page())


def wanted(folder: Path) -> set[str]:
    """Of the product's target and, for itself, of the machine's."""
    ours = {link.name for link in (folder / "zipingest.target.wants").iterdir()}
    return ours | {link.name for link in (folder / "multi-user.target.wants").iterdir()}


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs Debian's systemd")
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    folder = tmp_path / "units"
    shutil.copytree(UNITS, folder)
    names = [path.name.replace("@.", "@1.") for path in folder.iterdir() if path.is_file()]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *sorted(names)],
        env={"SYSTEMD_UNIT_PATH": f"{folder}:", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert "zipingest" not in done.stderr

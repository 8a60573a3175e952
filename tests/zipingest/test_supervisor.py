"""The supervisor, with real little programs: sleepers, crashers and one that ignores SIGTERM."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# Processes that are started, waited for and killed.
pytestmark = pytest.mark.slow

# Supervises the programs given as JSON: {name: command}; as from a terminal, also where nohup runs the tests.
DRIVER = """
import functools, json, signal, sys
from zipingest.supervisor import Program, Supervisor

signal.signal(signal.SIGHUP, signal.SIG_DFL)
programs = [Program(name, command) for name, command in json.loads(sys.argv[2]).items()]
say = functools.partial(print, flush=True)
sys.exit(Supervisor(programs, say=say, grace=float(sys.argv[1]), backoff=0.1, longest_backoff=0.4).run())
"""
IMPORTS = "import os, pathlib, signal, subprocess, sys, time; "
NOTE_PID = "pathlib.Path({path!r}).open('a').write(f'{{os.getpid()}}\\n'); "
SLEEPER = IMPORTS + NOTE_PID + "time.sleep(60)"
CRASHER = IMPORTS + NOTE_PID + "sys.exit(3)"
IGNORER = IMPORTS + "signal.signal(signal.SIGTERM, signal.SIG_IGN); " + NOTE_PID + "time.sleep(60)"
FINISHER = (
    IMPORTS
    + "finish = lambda *_: (time.sleep(0.5), pathlib.Path({path!r} + '.done').touch(), sys.exit()); "
    + "signal.signal(signal.SIGTERM, finish); "
    + NOTE_PID
    + "time.sleep(60)"
)
PARENT = (
    IMPORTS
    + "child = subprocess.Popen(['sleep', '60']); "
    + "pathlib.Path({path!r} + '.child').write_text(str(child.pid)); "
    + NOTE_PID
    + "time.sleep(60)"
)


def python(source: str, note: Path) -> list[str]:
    return [sys.executable, "-c", source.format(path=str(note))]


class Stack:
    """A supervisor in a process of its own, over programs that each note their process ids in a file."""

    def __init__(self, folder: Path, grace: float, programs: dict[str, str]) -> None:
        self._folder = folder
        commands = {name: python(code, folder / name) for name, code in programs.items()}
        self.process = subprocess.Popen(
            [sys.executable, "-c", DRIVER, str(grace), json.dumps(commands)],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        wait_until(lambda: all(self.pids(name) for name in programs))

    def pids(self, name: str) -> list[int]:
        path = self._folder / name
        return [int(line) for line in path.read_text().splitlines()] if path.exists() else []

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        self.process.send_signal(number)
        output, _ = self.process.communicate(timeout=20)
        return self.process.returncode, output


Starter = Callable[..., Stack]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    stacks: list[Stack] = []

    def starter(grace: float = 10.0, **programs: str) -> Stack:
        stacks.append(Stack(tmp_path, grace, programs))
        return stacks[-1]

    yield starter
    for stack in stacks:
        stack.process.kill()
        stack.process.communicate()


def wait_until(condition: Callable[[], object], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_ends_every_program_in_order_when_told_to_stop(start: Starter, number: signal.Signals) -> None:
    stack = start(first=SLEEPER, second=SLEEPER)
    code, output = stack.stop(number)
    assert code == 0
    assert output.splitlines()[-1] == "Stopped"
    assert not any(is_running(pid) for name in ("first", "second") for pid in stack.pids(name))


def test_it_lets_a_program_finish_its_work(start: Starter, tmp_path: Path) -> None:
    stack = start(finisher=FINISHER)
    code, _ = stack.stop()
    assert code == 0
    assert (tmp_path / "finisher.done").exists()


def test_it_kills_who_ignores_sigterm_after_the_grace(start: Starter) -> None:
    stack = start(grace=0.5, stubborn=IGNORER)
    code, output = stack.stop()
    assert code == 1
    assert "stubborn: killed" in output
    assert not is_running(stack.pids("stubborn")[0])


def test_it_kills_at_once_on_a_second_ctrl_c(start: Starter) -> None:
    stack = start(grace=60, stubborn=IGNORER)
    stack.process.send_signal(signal.SIGINT)
    assert_said(stack, "Stopping")
    began = time.monotonic()
    code, _ = stack.stop(signal.SIGINT)
    assert (code, is_running(stack.pids("stubborn")[0])) == (1, False)
    assert time.monotonic() - began < 10


def test_it_takes_a_second_sigterm_for_the_first(start: Starter, tmp_path: Path) -> None:
    stack = start(finisher=FINISHER)
    stack.process.send_signal(signal.SIGTERM)
    assert_said(stack, "Stopping")
    code, _ = stack.stop(signal.SIGTERM)
    assert code == 0
    assert (tmp_path / "finisher.done").exists()


def assert_said(stack: Stack, text: str) -> None:
    assert stack.process.stdout is not None
    assert any(text in line for line in iter(stack.process.stdout.readline, ""))


def test_it_restarts_a_killed_program_and_says_so(start: Starter) -> None:
    stack = start(worker=SLEEPER)
    os.kill(stack.pids("worker")[0], signal.SIGKILL)
    wait_until(lambda: len(stack.pids("worker")) == 2)
    code, output = stack.stop()
    assert code == 0
    assert "worker: ended unasked (Killed, signal 9), starts again in 0.1 s" in output


def test_it_waits_longer_for_each_early_death_up_to_a_limit(start: Starter) -> None:
    stack = start(crasher=CRASHER)
    wait_until(lambda: len(stack.pids("crasher")) == 5)
    _, output = stack.stop()
    waits = [line.split()[-2] for line in output.splitlines() if "exit code 3" in line]
    assert waits[:4] == ["0.1", "0.2", "0.4", "0.4"]


def test_a_crasher_leaves_the_others_alone(start: Starter) -> None:
    stack = start(crasher=CRASHER, sleeper=SLEEPER)
    wait_until(lambda: len(stack.pids("crasher")) == 3)
    assert len(stack.pids("sleeper")) == 1


def test_it_kills_what_a_dead_program_left_behind(start: Starter, tmp_path: Path) -> None:
    stack = start(parent=PARENT)
    orphan = int((tmp_path / "parent.child").read_text())
    os.kill(stack.pids("parent")[0], signal.SIGKILL)
    wait_until(lambda: not is_running(orphan))


def test_programs_die_with_a_killed_supervisor(start: Starter) -> None:
    stack = start(sleeper=SLEEPER, stubborn=IGNORER)
    stack.process.kill()
    wait_until(lambda: not any(is_running(stack.pids(name)[0]) for name in ("sleeper", "stubborn")))


def test_a_terminals_ctrl_c_reaches_programs_only_through_the_supervisor(start: Starter) -> None:
    stack = start(sleeper=SLEEPER)
    assert os.getpgid(stack.pids("sleeper")[0]) != os.getpgid(stack.process.pid)
    os.killpg(stack.process.pid, signal.SIGINT)
    output, _ = stack.process.communicate(timeout=20)
    assert stack.process.returncode == 0
    assert "ended unasked" not in output


def test_a_program_that_cannot_start_ends_the_others_too(tmp_path: Path) -> None:
    note = tmp_path / "sleeper"
    commands = {"sleeper": python(SLEEPER, note), "missing": ["/does/not/exist"]}
    driver = [sys.executable, "-c", DRIVER, "5", json.dumps(commands)]
    result = subprocess.run(driver, capture_output=True, text=True, timeout=20)
    assert (result.returncode, "/does/not/exist" in result.stderr) == (1, True)
    assert not note.exists() or not is_running(int(note.read_text()))

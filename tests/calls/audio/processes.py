"""Looking at the audio helpers this process has started, through /proc."""

import os
import time
from collections.abc import Callable
from pathlib import Path


def helper_pids() -> set[int]:
    """The living audio helpers whose parent is this very process."""
    return {pid for pid in _children(os.getpid()) if b"helper.conversation" in _command(pid)}


def helpers_at(source: Path) -> set[int]:
    """Those of them that have the file open."""
    return {pid for pid in helper_pids() if str(source) in _open_files(pid)}


def gone(pid: int) -> bool:
    """Whether a process has ended; a zombie nobody has waited for yet has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def cpu_seconds(pid: int) -> float:
    """User and system time a process has used, proc(5)."""
    ticks = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def peak_memory(pid: int) -> int:
    """The most memory a process has had resident, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def until(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Wait for a condition; whether it came true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.01)
    return condition()


def _children(pid: int) -> set[int]:
    lists = [_read(file) for file in Path(f"/proc/{pid}/task").glob("*/children")]
    return {int(child) for text in lists for child in text.split()}


def _open_files(pid: int) -> list[str]:
    try:
        return [os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def _read(file: Path) -> str:
    """Of a thread that has ended meanwhile, nothing."""
    try:
        return file.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""

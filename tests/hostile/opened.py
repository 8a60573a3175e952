"""What audio helpers opened: by strace's record of them, and by a file that notices."""

import ctypes
import os
import re
from pathlib import Path

_EXECUTED = re.compile(r"^(\d+) +execve\(.*\bhelper\.conversation\b")
_STARTED = re.compile(r"^(\d+) +(?:<\.\.\. )?(?:clone3?|v?fork)\b.* = (\d+)")
_OPENED = re.compile(r'^(\d+) +(open|openat|openat2|creat)\([^"]*"([^"]*)"')
_CALLED = re.compile(r"^(\d+) +(socket|connect)\((.*)")

_libc = ctypes.CDLL(None, use_errno=True)
_IN_OPEN = 0x20


def strace(record: Path) -> list[str]:
    """The command to put before another whose helpers are to be watched."""
    calls = "trace=open,openat,openat2,creat,socket,connect,execve,clone,clone3,fork,vfork"
    return ["strace", "-f", "--seccomp-bpf", "-qq", "-s", "4096", "-e", calls, "-o", str(record)]


def opened_by_helpers(record: Path, folder: Path) -> tuple[int, list[str]]:
    """How many files below `folder` helpers opened, and each socket and other file asked for since the first.

    What a helper opens before its first job is Python's own, and nothing from outside has been read yet.
    """
    helpers: set[str] = set()
    at_work: set[str] = set()
    jobs, others = 0, []
    for line in record.read_text(errors="replace").splitlines():
        if found := _EXECUTED.match(line):
            helpers.add(found[1])
        elif (found := _STARTED.match(line)) and found[1] in helpers:
            helpers.add(found[2])
            at_work.add(found[2])
        elif (found := _CALLED.match(line)) and found[1] in at_work:
            others.append(f"{found[2]}({found[3]}")
        elif (found := _OPENED.match(line)) and found[1] in helpers:
            if found[3].startswith(f"{folder}/"):
                at_work, jobs = at_work | {found[1]}, jobs + 1
            elif found[1] in at_work:
                others.append(found[3])
    return jobs, others


class Noticing:
    """A file that notices when anybody opens it (inotify(7))."""

    def __init__(self, path: Path) -> None:
        self._descriptor = _libc.inotify_init1(os.O_NONBLOCK)
        if _libc.inotify_add_watch(self._descriptor, os.fsencode(path), _IN_OPEN) < 0:
            raise OSError(ctypes.get_errno(), "inotify_add_watch")

    @property
    def was_opened(self) -> bool:
        """Whether it was, since this was last asked."""
        try:
            return bool(os.read(self._descriptor, 65536))
        except BlockingIOError:
            return False

    def close(self) -> None:
        os.close(self._descriptor)

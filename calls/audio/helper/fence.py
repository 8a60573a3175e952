"""The fence around the helper: limits, and a filter of system calls, that hold for good."""

import ctypes
import math
import os
import resource
import signal
import struct
import sys
import tempfile
from typing import Any

from .wav import MAX_WAV_BYTES

OPEN_FILES = 16

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_MODE_FILTER = 2
# Of a machine: how the kernel names it, and the numbers of socket, socketpair, execve, execveat, ptrace,
# process_vm_readv, process_vm_writev, io_uring_setup, pidfd_getfd (asm/unistd.h).
_REFUSED_CALLS = {
    "x86_64": (0xC000003E, (41, 53, 59, 322, 101, 310, 311, 425, 438)),
    "aarch64": (0xC00000B7, (198, 199, 221, 281, 117, 270, 271, 425, 438)),
}


def raise_fence(parent: int, memory_bytes: int) -> None:
    """Limits that hold from here on; nothing from outside has been read yet."""
    limit(resource.RLIMIT_AS, memory_bytes)
    limit(resource.RLIMIT_FSIZE, MAX_WAV_BYTES)
    limit(resource.RLIMIT_NOFILE, OPEN_FILES)
    limit(resource.RLIMIT_CORE, 0)
    if sys.platform == "linux":
        prctl = ctypes.CDLL(None).prctl
        prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)  # no other helper can look into this one
        refuse_calls(prctl)
    if os.getppid() != parent:
        sys.exit("the parent died before it could be watched")
    enter_empty_directory()


def refuse_calls(prctl: Any) -> None:
    """No connection, no other program and no look into another process, even if a decoder is taken over.

    A filter in the kernel answers such system calls with EPERM (seccomp(2)); it holds for good. On other
    machines, and where the kernel has no filters, the other limits stand alone. To a filter the memory of
    another process is a file like others, below /proc; it is the processes themselves that hide there.
    """
    if os.uname().machine not in _REFUSED_CALLS:
        return
    machine, numbers = _REFUSED_CALLS[os.uname().machine]
    load, equal, at_least, answer = 0x20, 0x15, 0x35, 0x06
    end_process, errno_eperm, allow = 0x80000000, 0x00050001, 0x7FFF0000
    steps = [
        (load, 0, 0, 4),  # the machine whose numbers are meant: another one's mean other calls
        (equal, 1, 0, machine),
        (answer, 0, 0, end_process),
        (load, 0, 0, 0),  # the call's number; from 2**30 up x86_64 has all calls a second time
        (at_least, len(numbers) + 1, 0, 0x40000000),
        *((equal, len(numbers) - place, 0, number) for place, number in enumerate(numbers)),
        (answer, 0, 0, allow),
        (answer, 0, 0, errno_eperm),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(code)))
    prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, program, 0, 0)


def limit(kind: int, value: int, *, final: bool = True) -> None:
    """Lower a limit, never beyond what we inherited; a `final` one cannot be raised again."""
    _, hard = resource.getrlimit(kind)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value if final else hard))


def enter_empty_directory() -> None:
    """A directory that is already deleted: a relative name finds nothing there and can create nothing."""
    directory = tempfile.mkdtemp()
    os.chdir(directory)
    os.rmdir(directory)


def grant_cpu(seconds: int) -> None:
    """SIGXCPU, which ends the process even inside FFmpeg, `seconds` of CPU time from now."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    limit(resource.RLIMIT_CPU, math.ceil(usage.ru_utime + usage.ru_stime) + seconds, final=False)

"""Jobs come in, answers go out.

One JSON object per line comes in on standard input (`operation` and the fields of its job), one goes out on
standard output: `{"ready": true}` once at the start, then per job `{"facts": {…}}`, `{"fault": reason}` where
the file is to blame, or `{"os_error": [errno, text]}`. `{"crash": name}` is a last word before the end.
"""

import json
import os
import sys
from types import TracebackType
from typing import Any, BinaryIO

import av

from .fence import grant_cpu, raise_fence
from .jobs import Fault, Normalise, Probe
from .normalising import normalise
from .probing import probe


def main() -> None:
    answers = private_stdout()

    def answer(message: dict[str, Any]) -> None:
        answers.write(json.dumps(message).encode() + b"\n")
        answers.flush()

    def last_word(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
        answer({"crash": kind.__name__})

    sys.excepthook = last_word
    raise_fence(parent=int(sys.argv[1]), memory_bytes=int(sys.argv[2]))
    answer({"ready": True})
    for line in sys.stdin.buffer:
        answer(run(job_of(json.loads(line))))


def private_stdout() -> BinaryIO:
    """Standard output for answers alone: whatever else is printed (by FFmpeg, by Python) goes nowhere."""
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return answers


def job_of(message: dict[str, Any]) -> Normalise | Probe:
    probing = message.pop("operation", "normalise") == "probe"
    return Probe(**message) if probing else Normalise(**message)


def run(job: Normalise | Probe) -> dict[str, Any]:
    grant_cpu(job.cpu_seconds)
    try:
        return {"facts": probe(job) if isinstance(job, Probe) else normalise(job)}
    except Fault as fault:
        return {"fault": str(fault)}
    except MemoryError:
        raise
    except av.FFmpegError:
        return {"fault": f"the {job.label} is damaged and cannot be decoded"}
    except OSError as error:
        return {"os_error": [error.errno, error.strerror]}

"""The command: asks the manager, which the first question starts."""

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

from .manager import DOOR, serve
from .units import Refused, enable


def ask(verb: str, names: list[str]) -> int:
    if not DOOR.exists():
        subprocess.Popen(
            [sys.executable, "-m", __package__, "--serve"], start_new_session=True, stdin=subprocess.DEVNULL
        )
        while not DOOR.exists():
            time.sleep(0.05)
    with socket.socket(socket.AF_UNIX) as door:
        door.connect(str(DOOR))
        with door.makefile("rw") as talk:
            talk.write(json.dumps([verb, *names]) + "\n")
            talk.flush()
            code, lines = json.loads(talk.readline())
    print(*lines, sep="\n", end="\n" if lines else "")
    return code


def main(arguments: list[str]) -> int:
    if arguments == ["--serve"]:
        serve()
    flags = [word for word in arguments if word.startswith("-")]
    verb, *names = [word for word in arguments if word not in flags]
    names = [name if "." in name else f"{name}.service" for name in names]
    if verb == "enable":
        for name in names:
            if not _is_debians(name):
                enable(name)
        if "--now" not in flags:
            return 0
        verb = "start"
    if verb == "daemon-reload":
        return 0
    if verb not in ("start", "stop", "restart", "reload", "is-active"):
        print(f"systemctl {verb} is not done here")
        return 1
    for name in filter(_is_debians, names):
        done = subprocess.run(["service", name.removesuffix(".service"), verb], stdin=subprocess.DEVNULL)
        if done.returncode:
            return done.returncode
    ours = [name for name in names if not _is_debians(name)]
    return ask(verb, ours) if ours else 0


def _is_debians(name: str) -> bool:
    return Path("/etc/init.d", name.removesuffix(".service")).exists()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Refused as refused:
        sys.exit(str(refused))

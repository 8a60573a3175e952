"""The guides as their readers use them: blocks of shell, run one after the other against a running server."""

import re
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

# For one block.
SECONDS = 60
GUIDES = Path(__file__).resolve().parents[2] / "docs/guides"

_BLOCK = re.compile(
    r"^## (?P<heading>[^\n]+)$|^```(?P<language>\w+)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)
_EXPORTED = re.compile(r"\b([A-Z_]+)=")
_STATUS = re.compile(r"^HTTP (\d{3})$", re.MULTILINE)
_END = "-- end of block"


@dataclass(frozen=True)
class Block:
    heading: str
    language: str
    code: str


def blocks(name: str, language: str = "sh") -> Iterator[Block]:
    """Those of a guide in that language, each with the heading that it stands under."""
    heading = ""
    for found in _BLOCK.finditer((GUIDES / f"{name}.md").read_text()):
        heading = found["heading"] or heading
        if found["language"] == language:
            yield Block(heading, language, found["code"])


def exported(block: Block) -> set[str]:
    """The variables that a guide's first block asks its reader to set."""
    return set(_EXPORTED.findall(block.code))


class Shell:
    """A bash in ``folder`` with a guide's variables; what one block sets, the next one has."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self._bash = subprocess.Popen(
            ["bash", "-u"],
            cwd=folder,
            env={"PATH": "/usr/bin:/bin", "HOME": str(folder), **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        # Each request tells its status, wherever its answer goes.
        self.run("""curl() { command curl -sS --write-out '%{stderr}\\nHTTP %{http_code}\\n' "$@"; }""")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bash.kill()
        self._bash.communicate()

    def run(self, code: str) -> str:
        """What the code writes, answers and errors alike."""
        assert self._bash.stdin, "it has a pipe"
        assert self._bash.stdout, "it has a pipe"
        self._bash.stdin.write(f"{code}\necho; echo '{_END}'\n")
        self._bash.stdin.flush()
        said = ""
        with _ended_after(self._bash, SECONDS):
            for line in self._bash.stdout:
                if line == f"{_END}\n":
                    return said
                said += line
        raise AssertionError(f"the block did not come to its end:\n{said}")


@contextmanager
def _ended_after(process: "subprocess.Popen[str]", seconds: float) -> Iterator[None]:
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def follow(name: str, shell: Shell, before: Mapping[str, Callable[[], None]]) -> dict[str, list[int]]:
    """Run the guide's blocks but the first; the statuses of each heading's requests, in their order.

    ``before``: what is to have happened by the time a block under that heading is run.
    """
    statuses: dict[str, list[int]] = {}
    for block in list(blocks(name))[1:]:
        before.get(block.heading, lambda: None)()
        said = shell.run(block.code)
        print(f"--- {block.heading}\n{said}")
        statuses.setdefault(block.heading, []).extend(map(int, _STATUS.findall(said)))
    return {heading: answered for heading, answered in statuses.items() if answered}

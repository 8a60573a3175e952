"""The commands of docs/operations.md: fenced blocks that a comment names, as `<!-- machine: name -->`."""

import re
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operations.md"
_BLOCK = re.compile(r"<!-- machine: ([a-z-]+) -->\n```sh\n(.*?)```\n", re.DOTALL)


@dataclass(frozen=True)
class Step:
    name: str
    commands: str


def steps() -> list[Step]:
    """In the order of the page."""
    return [Step(*match.groups()) for match in _BLOCK.finditer(PAGE.read_text())]

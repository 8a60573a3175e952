"""The exported ZIP, compared with its manifest and with what was stored."""

import csv
import hashlib
import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from demo.checks import Outcome

MANIFEST = "manifest.csv"


@dataclass(frozen=True)
class Entry:
    """A file of the ZIP: its name, its size in bytes, and the SHA-256 of what is in it."""

    name: str
    size: int
    sha256: str


def entries(path: Path) -> list[Entry]:
    """All but the manifest, in the archive's order."""
    with zipfile.ZipFile(path) as archive:
        infos = [info for info in archive.infolist() if info.filename != MANIFEST]
        return [
            Entry(info.filename, info.file_size, hashlib.sha256(archive.read(info)).hexdigest())
            for info in infos
        ]


def of_archive(path: Path, found: Sequence[Entry], outcomes: Sequence[Outcome]) -> Iterator[str]:
    """The differences between the ZIP, its manifest, and the calls as they ended."""
    rows = _manifest(path)
    listed = {row["file"]: row["sha256"] for row in rows if row["status"] == "included"}
    for entry in found:
        if listed.pop(entry.name, None) != entry.sha256:
            yield f"{entry.name} is not what the manifest says"
    for name in listed:
        yield f"the manifest names {name}, which the ZIP does not hold"
    if len(rows) != len(outcomes):
        yield f"the manifest accounts for {len(rows)} calls of {len(outcomes)}"
    stored = [outcome.status["recording"]["sha256"] for outcome in outcomes if outcome.is_stored]
    if sorted(stored) != sorted(entry.sha256 for entry in found):
        yield "the ZIP does not hold exactly the recordings that were stored"


def _manifest(path: Path) -> list[dict[str, str]]:
    with zipfile.ZipFile(path) as archive:
        text = archive.read(MANIFEST).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))

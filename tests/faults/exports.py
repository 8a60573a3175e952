"""Exports ordered from a running product, of recordings that lie in its store."""

import re
from pathlib import Path
from typing import Any

from tests.faults.stack import Stack, session

URL = "/api/telesales/recordings/export-bulk"
# All that tests.support.exportable makes.
PERIOD = {"date_from": "2026-06-01T00:00:00Z", "date_to": "2026-06-30T00:00:00Z"}

_FILL = "from tests.support.exportable import fill; print(fill({count}, {size}))"
_TOKEN = "from tests.support.factories import make_machine; print(make_machine()['Authorization'])"


class Exports:
    """A client of `stack`, whose account has `count` recordings of about `size` bytes, `bytes` together."""

    def __init__(self, stack: Stack, *, count: int, size: int) -> None:
        self.bytes = int(stack.run(_FILL.format(count=count, size=size)))
        self._stack = stack
        self._client = session()
        self._client.headers["Authorization"] = stack.run(_TOKEN).strip()

    def order(self) -> str:
        """The id of a new export of all there is."""
        answer = self._client.post(f"{self._stack.url}{URL}", json=PERIOD, timeout=60)
        answer.raise_for_status()
        return str(answer.json()["data"]["job_id"])

    def get(self, job: str) -> dict[str, Any]:
        answer = self._client.get(f"{self._stack.url}{URL}/{job}", timeout=60)
        answer.raise_for_status()
        return dict(answer.json()["data"])

    def download(self, job: str, target: Path) -> None:
        with self._client.get(f"{self._stack.url}{URL}/{job}/download", timeout=60, stream=True) as answer:
            answer.raise_for_status()
            with target.open("wb") as file:
                for chunk in answer.iter_content(1024 * 1024):
                    file.write(chunk)

    def delete(self, job: str) -> None:
        self._client.delete(f"{self._stack.url}{URL}/{job}", timeout=60).raise_for_status()

    def peak_megabytes(self) -> float:
        """The most memory the packer has ever had."""
        status = Path(f"/proc/{self._stack.processes['packer'].pid}/status").read_text()
        found = re.search(r"VmHWM:\s*(\d+) kB", status)
        if found is None:
            raise RuntimeError("the kernel tells no peak memory")
        return int(found[1]) * 1024 / 1e6

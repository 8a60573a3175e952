"""Plays a supervisor: signs in, exports the day's recordings as one ZIP, and asks whatever else is asked."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

from demo.stack import DemoFailed, own_session

EXPORTS = "/api/telesales/recordings/export-bulk"
# The day on which the demo's calls were held.
DAY = {"date_from": "2023-01-01T00:00:00Z", "date_to": "2023-01-01T23:59:59Z"}
_POLL_SECONDS = 0.5


class Supervisor:
    """``url`` is the stack's; sign in first."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = own_session()

    def sign_in(self, username: str, password: str) -> None:
        answer = self._session.post(
            f"{self._url}/api/auth/login",
            json={"username": username, "password": password, "device_name": "demo"},
            timeout=30,
        )
        if answer.status_code != 200:
            raise DemoFailed(f"signing in was answered {answer.status_code} {answer.text[:300]}")
        self._session.headers["Authorization"] = f"Bearer {answer.json()['token']}"

    def order(self) -> dict[str, Any]:
        """The job of the day's export."""
        answer = self._session.post(f"{self._url}{EXPORTS}", json=DAY, timeout=30)
        if answer.status_code != 201:
            raise DemoFailed(f"the export was answered {answer.status_code} {answer.text[:300]}")
        job: dict[str, Any] = answer.json()["data"]
        return job

    def follow(self, job_id: str) -> Iterator[dict[str, Any]]:
        """The job's state again and again, the last one being where it ended."""
        while True:
            job = self.ask(f"{EXPORTS}/{job_id}").json()["data"]
            yield job
            if job["status"] not in ("queued", "running"):
                return
            time.sleep(_POLL_SECONDS)

    def download(self, job: dict[str, Any], to: Path) -> Path:
        if job["status"] != "ready":
            raise DemoFailed(f"the export ended as {job}")
        path = to / f"recordings-{job['job_id']}.zip"
        with self.ask(job["download_url"], stream=True) as answer, path.open("wb") as file:
            for block in answer.iter_content(1024 * 1024):
                file.write(block)
        return path

    def post(self, path: str, body: Any = None) -> dict[str, Any]:
        """The data of the answer."""
        answer = self._session.post(f"{self._url}{path}", json=body, timeout=30)
        if not answer.ok:
            raise DemoFailed(f"POST {path} was answered {answer.status_code} {answer.text[:300]}")
        data: dict[str, Any] = answer.json()["data"]
        return data

    def ask(self, path: str, **options: Any) -> requests.Response:
        answer = self._session.get(f"{self._url}{path}", timeout=30, **options)
        if answer.status_code != 200:
            raise DemoFailed(f"GET {path} was answered {answer.status_code} {answer.text[:300]}")
        return answer

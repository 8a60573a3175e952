"""One request at each door of the running product, all of them at once, and what each was answered."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests

from tests.faults.stack import BATCH_CALL, Partner, Stack, item, session, wait_until

# Longer than anything may take.
PATIENCE_SECONDS = 90
RECORDINGS = "/api/telesales/recordings"
EXPORTS = f"{RECORDINGS}/export-bulk"
# All that `item` makes.
PERIOD = {"date_from": "2023-01-01T00:00:00Z", "date_to": "2023-01-31T00:00:00Z"}
# The keys of an error on each surface; a page has none.
ENVELOPES = {
    "ingest": {"success", "message"},
    "network": {"errors"},
    "dialer": {"message", "status", "code", "errorMessage", "data"},
    **{door: {"message"} for door in ("stream", "order", "download")},
}

_PACKED = "SELECT count(*) FROM exports_exportjob WHERE state = 'done'"
_PREPARE = """
import json
from django.test import Client
from tests.support import factories, network
from tests.support.dialer_api import DialerClient
owner = factories.provisioned("partner", "t", "s", rate_limit=100_000)
dialer, browser = DialerClient(owner), Client()
browser.force_login(factories.person(sub_tenant=owner.sub_tenant))
print(json.dumps({
    "partner": [owner.issued.key.key_id, owner.issued.secret],
    "network": network.networked().token,
    "dialer": dialer.headers["x-api-key"],
    "number": dialer.number().public_id,
    "member": factories.make_machine(sub_tenant=owner.sub_tenant)["Authorization"],
    "session": browser.cookies["sessionid"].value,
}))
"""


@dataclass(frozen=True)
class Said:
    """`status` in words: "cut" where the answer broke off, "hung" where none came in PATIENCE_SECONDS."""

    status: str
    seconds: float
    text: str = ""


class Doors:
    """What is asked, `name` makes unique; `recording` and `callback` are the partner's URLs.

    Before all can be asked there must be a stored recording and a packed export: `prepare` them.
    """

    def __init__(self, stack: Stack, *, recording: str, callback: str) -> None:
        self._stack = stack
        self._recording = recording
        self._callback = callback
        self._known = json.loads(stack.run(_PREPARE))
        self.partner = Partner(stack.url, *self._known["partner"])
        self._uuid = self._job = ""
        self._doors: dict[str, Callable[[str], requests.Response]] = {
            "ingest": self._ingest,
            "network": self._network,
            "dialer": self._dialer,
            "stream": self._stream,
            "order": self._order,
            "download": self._download,
            "page": self._page,
            "healthz": lambda _: self._get("/healthz"),
            "readyz": lambda _: self._get("/readyz"),
        }

    def prepare(self) -> None:
        self.partner.ingest([self.item("first")])
        self._stack.wait_until_fetched(seconds=60)
        ((self._uuid,),) = self._stack.rows("SELECT uuid::text FROM calls_call")
        self._job = self.order()
        wait_until(lambda: self._stack.rows(_PACKED) == [(1,)], seconds=60, what="the export is packed")

    def item(self, id: str) -> dict[str, Any]:
        return item(id, self._recording, self._callback)

    def order(self) -> str:
        """The id of a new export."""
        answer = self._order("")
        answer.raise_for_status()
        return str(answer.json()["data"]["job_id"])

    def zip_of(self, job: str) -> bytes:
        answer = self._get(f"{EXPORTS}/{job}/download", member=True)
        answer.raise_for_status()
        return answer.content

    def ask(self, door: str, name: str) -> Said:
        began = time.monotonic()
        try:
            answer = self._doors[door](name)
        except requests.Timeout:
            return Said("hung", time.monotonic() - began)
        except requests.RequestException as error:
            return Said("cut", time.monotonic() - began, type(error).__name__)
        return Said(_status(door, answer), time.monotonic() - began, answer.text[:2000])

    @contextmanager
    def asked(self, name: str) -> Iterator[dict[str, Said]]:
        """Every door while the block runs; the answers are all there after it."""
        answers: dict[str, Said] = {}
        with ThreadPoolExecutor(len(self._doors)) as pool:
            asked = {door: pool.submit(self.ask, door, name) for door in self._doors}
            yield answers
        answers.update({door: said.result() for door, said in asked.items()})

    # --- Each of them -------------------------------------------------------------------------------------
    def _ingest(self, name: str) -> requests.Response:
        return self._post(BATCH_CALL, {"data": [self.item(name)]}, dict(self.partner.session.headers))

    def _network(self, name: str) -> requests.Response:
        call = {
            "external_call_unique_id": f"network-{name}",
            "start_time": "2022-03-25 09:31:29",
            "destination_phone_number": 9093900003,
            "calling_phone_number": 8779257384,
            "advertiser_campaign_id_from_network": 86,
            "call_direction": "inbound",
            "recording_url": self._recording,
        }
        headers = {"Authorization": self._known["network"]}
        return self._post("/api/2022-03-01/calls.json", {"call": call}, headers)

    def _dialer(self, name: str) -> requests.Response:
        body = {"batchName": name, "callingNumbers": [self._known["number"]]}
        return self._post("/api/call/createBatch", body, {"x-api-key": self._known["dialer"]})

    def _stream(self, _: str) -> requests.Response:
        return self._get(f"{RECORDINGS}/{self._uuid}", member=True)

    def _order(self, _: str) -> requests.Response:
        return self._post(EXPORTS, PERIOD, {"Authorization": self._known["member"]})

    def _download(self, _: str) -> requests.Response:
        return self._get(f"{EXPORTS}/{self._job}/download", member=True)

    def _page(self, _: str) -> requests.Response:
        headers = {"Cookie": f"sessionid={self._known['session']}", "Accept": "text/html"}
        url = f"{self._stack.url}/library"
        return session().get(url, headers=headers, timeout=PATIENCE_SECONDS, allow_redirects=False)

    def _get(self, path: str, *, member: bool = False) -> requests.Response:
        headers = {"Authorization": self._known["member"]} if member else {}
        return session().get(f"{self._stack.url}{path}", headers=headers, timeout=PATIENCE_SECONDS)

    def _post(self, path: str, body: Any, headers: dict[str, str]) -> requests.Response:
        url = f"{self._stack.url}{path}"
        return session().post(url, json=body, headers=headers, timeout=PATIENCE_SECONDS)


def _status(door: str, answer: requests.Response) -> str:
    if door != "readyz":
        return str(answer.status_code)
    away = [part for part, said in answer.json().items() if part != "status" and said != "ok"]
    return ":".join([str(answer.status_code), *away])

"""Contacts dialled by the simulator: a batch is made, its contacts come twice, and nobody is called twice."""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import requests

from demo.partner import SUB_TENANT, TENANT
from demo.stack import DemoFailed, Product, own_session

# By the simulator's rule the last four digits say what happens.
EXPECTED = {
    "12125551004": "completed",
    "13105552005": "completed",
    "14155553006": "completed",
    "16175550001": "no-answer",
    "17025550002": "busy",
}
_POLL_SECONDS = 0.3
_FIRST_BYTES = b"RIFF"


@dataclass(frozen=True)
class Dialled:
    """``contacts`` as batch-details tells them in the end; ``again``: the answer to the same request again.

    ``recordings`` are the first bytes of what each answered call's address gave.
    """

    added: dict[str, Any]
    again: dict[str, Any]
    contacts: Sequence[dict[str, Any]]
    recordings: Sequence[bytes]


def make(product: Product, partner: str) -> tuple[str, str]:
    """The account's key, and the id of its calling number."""
    given = {"tenant": TENANT, "sub_tenant": SUB_TENANT, "partner": partner}
    program = f"from demo import accounts; accounts.make_dialer({json.dumps(given)!r})"
    key, number = product.manage("shell", "--verbosity=0", "-c", program).split()
    return key, number


def play(url: str, key: str, number: str) -> Dialled:
    """Make a batch, add the contacts twice, and wait until their calls have ended and are stored."""
    client = _Client(url, key)
    # At any hour, so that the demo can be played at any.
    hours = {"start": "00:00", "end": "00:00"}
    wanted = {"batchName": "Renewals", "callingNumbers": [number], "callingHour": hours}
    batch = client.post("createBatch", wanted)["data"]
    records = [{"phoneNumber": phone, "account_id": f"ACC-{phone[-4:]}"} for phone in EXPECTED]
    added, again = (client.post("addCallsToBatch", {"batchId": batch, "call_data": records}) for _ in "12")
    contacts = client.ended(batch)
    answered = [log["recordingUrl"] for one in contacts for log in one["phoneLogs"] if log["recordingUrl"]]
    return Dialled(added, again, contacts, [client.recording(address) for address in answered])


def of_dialled(dialled: Dialled) -> Iterator[str]:
    """What is not as it should be."""
    if dialled.added["data"]["added"] != len(EXPECTED) or dialled.again["data"] != dialled.added["data"]:
        yield f"the contacts were answered {dialled.added} and, sent again, {dialled.again}"
    for contact in dialled.contacts:
        expected = EXPECTED[contact["phoneNumber"].removeprefix("+")]
        if contact["status"] != expected:
            yield f"{contact['phoneNumber']} is {contact['status']}, not {expected}"
        if len(contact["phoneLogs"]) != 1:
            yield f"{contact['phoneNumber']} was called {len(contact['phoneLogs'])} times"
    stored = dialled.recordings.count(_FIRST_BYTES)
    if stored != list(EXPECTED.values()).count("completed"):
        yield f"{stored} recordings of dialled calls can be had"


class _Client:
    """An automation's."""

    def __init__(self, url: str, key: str) -> None:
        self._base = f"{url}/api/call"
        self._session = own_session()
        self._session.headers["x-api-key"] = key

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self._session.post(f"{self._base}/{path}", json=body, timeout=30)
        if not answer.ok:
            raise DemoFailed(f"{path} was answered {answer.status_code} {answer.text[:300]}")
        told: dict[str, Any] = answer.json()
        return told

    def ended(self, batch: str) -> list[dict[str, Any]]:
        """The batch's contacts once each has come to its end."""
        while True:
            answer = self._session.get(f"{self._base}/batch-details/{batch}", timeout=10)
            contacts: list[dict[str, Any]] = answer.json()["data"]["data"]
            if all(contact["status"] in EXPECTED.values() for contact in contacts):
                return contacts
            time.sleep(_POLL_SECONDS)

    def recording(self, address: str) -> bytes:
        """How the stored recording begins, once it is stored."""
        while True:
            answer = self._session.get(address, headers={"Range": "bytes=0-3"}, timeout=10)
            if answer.status_code != requests.codes.not_found:
                return answer.content
            time.sleep(_POLL_SECONDS)

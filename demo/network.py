"""A call of a network: its recording lies on an SFTP server, and a signal is reported of it afterwards."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import requests

from demo.partner import SUB_TENANT, TENANT
from demo.stack import DemoFailed, Product, own_session
from demo.supervisor import Supervisor
from tests.support import audio
from tests.support.sftp import SftpServer

CALLS = "/api/2022-03-01/calls.json"
TRANSACTIONS = "/api/2018-02-01/transactions.json"
SIGNAL, FIELD, CAMPAIGN = "Sale", "account_type", "86"
FILENAME = "2026/outbound-1.wav"
# Hz; in an outbound call the agent comes first.
AGENT, CUSTOMER = 440, 880

_POLL_SECONDS = 0.2
# The share of a channel's energy at its tone.
_MIN_TONE = 0.9
_CALL: dict[str, Any] = {
    "call": {
        "external_call_unique_id": "network-1",
        "start_time": "2022-03-25 09:31:29",
        "destination_phone_number": 9093900003,
        "calling_phone_number": 8779257384,
        "advertiser_campaign_id_from_network": int(CAMPAIGN),
        "call_direction": "outbound",
        "recording_filename": FILENAME,
    },
    "signals": [{"name": SIGNAL, "value": "yes"}],
    "custom_data": [{"name": FIELD, "value": "gold"}],
}


@dataclass(frozen=True)
class NetworkCall:
    """``codes``: statuses of the call posted, posted again, and posted with another start."""

    codes: tuple[int, int, int]
    status: dict[str, Any]
    corrected: dict[str, Any]
    wav: bytes


def make(product: Product, server: SftpServer, partner: str) -> str:
    """The network's token. Its recording is on the server from now on."""
    recording = server.data / FILENAME
    recording.parent.mkdir(parents=True)
    recording.write_bytes(audio.wav(3.0, channels=2, tones=(AGENT, CUSTOMER)))
    given = {
        "tenant": TENANT,
        "sub_tenant": SUB_TENANT,
        "partner": partner,
        "campaign": CAMPAIGN,
        "signal": SIGNAL,
        "field": FIELD,
        "endpoint": server.endpoint,
        "host_key": server.host_key,
        "user": server.user,
        "password": server.password,
    }
    program = f"from demo import accounts; accounts.make_network({json.dumps(given)!r})"
    return product.manage("shell", "--verbosity=0", "-c", program).strip()


def play(url: str, token: str, supervisor: Supervisor) -> NetworkCall:
    """Post the call three times, wait for its recording, correct its signal, and listen to it."""
    client = _Client(url, token)
    first, again = client.post(CALLS, _CALL), client.post(CALLS, _CALL)
    other = client.post(CALLS, {**_CALL, "call": {**_CALL["call"], "start_time": "1460404800"}})
    if first.status_code != 201:
        raise DemoFailed(f"the network's call was not taken: {first.status_code} {first.text[:300]}")
    cuid = first.json()["cuid"]
    status = client.ended(cuid)
    sale = {"name": SIGNAL, "revenue": "125.50"}
    corrected = client.post(TRANSACTIONS, {"search": {"transaction_id": cuid}, "signals": [sale]}).json()
    wav = supervisor.ask(f"/api/telesales/recordings/{UUID(cuid)}/download").content
    return NetworkCall((first.status_code, again.status_code, other.status_code), status, corrected, wav)


def of_network(call: NetworkCall) -> Iterator[str]:
    """What is not as it should be."""
    if call.codes != (201, 202, 409):
        yield f"the network's call, the same again and another of its id were answered {call.codes}"
    if call.status["state"] != "completed":
        yield f"the network's call is {call.status['state']}: {call.status['error']}"
    if min(audio.level(call.wav, 0, CUSTOMER), audio.level(call.wav, 1, AGENT)) < _MIN_TONE:
        yield "in the network's outbound call the caller is not on the first channel"
    signals = call.corrected.get("signals", [{}])
    if signals[0].get("revenue") != "125.50" or not signals[0].get("corrects_transaction_id"):
        yield f"the signal was not corrected: {call.corrected}"


class _Client:
    """A network's."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._session = own_session()
        self._session.headers["Authorization"] = token

    def post(self, path: str, body: dict[str, Any]) -> requests.Response:
        return self._session.post(f"{self._url}{path}", json=body, timeout=10)

    def ended(self, cuid: str) -> dict[str, Any]:
        """The call's status once it has ended, one way or the other."""
        while True:
            answer = self._session.get(f"{self._url}/api/2022-03-01/calls/{cuid}.json", timeout=10)
            status: dict[str, Any] = answer.json()
            if status["state"] in ("completed", "failed"):
                return status
            time.sleep(_POLL_SECONDS)

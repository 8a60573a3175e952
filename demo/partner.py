"""The partner's side: a server with recordings that takes callbacks, and a client of the API."""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from standardwebhooks import Webhook, WebhookVerificationError

from demo.calls import DemoCall
from demo.stack import DemoFailed, own_session
from tests.support.partner_server import PartnerServer, Received

POLL_SECONDS = 0.7  # with the other requests well below the quota of 120 a minute
TENANT, SUB_TENANT = "demo-tenant", "demo-sub-tenant"
METADATA = {"campaign": "Q1 Outreach", "source": "Website", "attempt": 1}


class Partner:
    """``keys`` as create_partner prints them; ``server`` serves the recordings and takes the callbacks."""

    def __init__(self, url: str, keys: Mapping[str, str], server: PartnerServer) -> None:
        self.base = f"{url}/api/v1/partner"
        self.server = server
        self.headers = {
            "x-api-key": keys["key"],
            "x-api-secret": keys["secret"],
            "x-tenant-id": keys["tenant"],
            "x-sub-tenant-id": keys["sub_tenant"],
        }
        self._webhook = Webhook(keys["webhook_secret"])
        self._origin = url
        self._session = own_session()
        self._session.headers.update(self.headers)

    def serve(self, calls: Sequence[DemoCall]) -> None:
        for call in calls:
            if call.stumbles:
                self.server.serve(call.recording_path, status=503, times=1)
            self.server.serve(
                call.recording_path, call.body, status=call.status, content_type=call.content_type
            )
            if call.callback_stumbles:
                self.server.serve(call.callback_path, status=503, times=1)
            self.server.serve(call.callback_path, status=204)

    def post_batch(self, calls: Sequence[DemoCall]) -> requests.Response:
        body = {"data": [self._item(number, call) for number, call in enumerate(calls, start=1)]}
        return self._request("POST", "/ingest/batch-call", body)

    def put_disposition(self, customer: str, code: str) -> requests.Response:
        body = {"customer_id": customer, "disposition_status": code}
        return self._request("PUT", "/ingest/disposition-status", body)

    def follow(self, location: str) -> Iterator[dict[str, Any]]:
        """The batch's status again and again, until its calls have ended and so have their callbacks."""
        while True:
            response = self._session.get(f"{self._origin}{location}", timeout=10)
            if response.status_code != 200:
                raise DemoFailed(f"{location} answered {response.status_code}: {response.text[:300]}")
            batch: dict[str, Any] = response.json()["data"]
            yield batch
            if all(has_ended(call) for call in batch["calls"]):
                return
            time.sleep(POLL_SECONDS)

    def downloads(self, call: DemoCall) -> int:
        return self.server.count(call.recording_path)

    def callbacks(self, call: DemoCall) -> list[Received]:
        return self.server.received(call.callback_path)

    def signature_is_valid(self, callback: Received) -> bool:
        try:
            self._webhook.verify(callback.body, dict(callback.headers.items()))
        except WebhookVerificationError:
            return False
        return True

    def _request(self, method: str, path: str, body: dict[str, Any]) -> requests.Response:
        return self._session.request(method, f"{self.base}{path}", json=body, timeout=30)

    def _item(self, number: int, call: DemoCall) -> dict[str, Any]:
        """The partner documents' example, for ``call``."""
        start = datetime(2023, 1, 1, 10, tzinfo=UTC) + timedelta(minutes=number)
        return {
            "call": {
                "id": call.id,
                "recording_url": self.server.url(call.recording_path),
                "start_time": _utc(start),
                "end_time": _utc(start + timedelta(seconds=30)),
                "contact_number": f"+1415555{number:04}",
            },
            "agent": {"id": f"agent-{number % 3}", "email": "agent@example.com", "name": "John Doe"},
            "customer": {
                "id": f"customer-{number}",
                "name": f"Jane Smith {number}",
                "email": f"customer-{number}@example.com",
                "disposition_status": "new",
            },
            "industry": "Technology",
            "function": "Sales",
            "callback_url": self.server.url(call.callback_path),
            "metadata": METADATA,
            "custom_fields": [{"internal_name": "language", "value": "en"}],
        }


def has_ended(call: Mapping[str, Any]) -> bool:
    """Whether a call of the batch's status has come to its end, and its callback too."""
    callback = call["callback"]
    call_ended = call["state"] in ("completed", "failed")
    return call_ended and (callback is None or callback["state"] in ("delivered", "failed"))


def _utc(value: datetime) -> str:
    return value.strftime("%Y-%m-%dT%H:%M:%SZ")

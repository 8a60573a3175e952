"""A network whose surface can be tried: its switches on, a campaign, a bound key, and a client."""

import json
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from calls.models import Call, Campaign, CampaignType, CustomField, Network, SignalName
from partners import keys
from partners.keys import IssuedKey
from partners.models import Partner, SubTenant
from tests.support import factories

CALLS = "/api/2022-03-01/calls.json"
TRANSACTIONS = "/api/2018-02-01/transactions.json"
RECORDING_URL = "https://recordings.example.com/10002.wav"


@dataclass(frozen=True)
class Networked:
    """An account that is a network, and a key of a partner's that is bound to it."""

    partner: Partner
    sub_tenant: SubTenant
    network: Network
    campaign: Campaign
    issued: IssuedKey

    @property
    def token(self) -> str:
        return self.issued.single


def networked(sub_tenant: str = "network1", *, rate_limit: int = 100_000, **switches: Any) -> Networked:
    """A new partner of a network with the document's campaign; ``switches`` are those of the network."""
    provisioned = factories.provisioned(sub_tenant=sub_tenant, rate_limit=rate_limit)
    account = provisioned.sub_tenant
    network, _ = Network.objects.update_or_create(
        sub_tenant=account, defaults={"ingestion_enabled": True, **switches}
    )
    campaign, _ = Campaign.objects.get_or_create(
        sub_tenant=account,
        external_id="86",
        defaults={"name": "External", "type": CampaignType.EXTERNAL_ONLY, "signal_ai": True},
    )
    issued = keys.issue(partner=provisioned.partner, sub_tenant=account)
    return Networked(provisioned.partner, account, network, campaign, issued)


def with_names(network: Networked, *signals: str, fields: tuple[str, ...] = ()) -> Networked:
    """``network``, which now knows these signals and fields of custom data."""
    for name in signals:
        SignalName.objects.create(sub_tenant=network.sub_tenant, name=name)
    for name in fields:
        CustomField.objects.create(sub_tenant=network.sub_tenant, name=name)
    return network


def call_body(external_id: str = "10002", /, **changes: Any) -> dict[str, Any]:
    """The body of the seed's example; ``changes`` replace keys of its ``call``, ``...`` takes one away.

    ``signals``, ``custom_data`` and ``oauth_token`` stand beside the call.
    """
    beside = {
        name: changes.pop(name) for name in ("signals", "custom_data", "oauth_token") if name in changes
    }
    call: dict[str, Any] = {
        "external_call_unique_id": external_id,
        "start_time": "2022-03-25 09:31:29",
        "destination_phone_number": 9093900003,
        "calling_phone_number": 8779257384,
        "advertiser_campaign_id_from_network": 86,
        "call_direction": "inbound",
        "recording_url": RECORDING_URL,
        **changes,
    }
    return {"call": {name: value for name, value in call.items() if value is not ...}, **beside}


class NetworkClient:
    """Requests with the token in ``Authorization``, as it is; ``token=None`` shows none.

    An unexpected error answers with 500 instead of being raised, as it does on a real server.
    """

    def __init__(self, token: str | None) -> None:
        self.token = token
        self._client = Client(raise_request_exception=False)

    def post_call(self, *args: str, **changes: Any) -> HttpResponse:
        """POST :func:`call_body` of the arguments."""
        return self.post(call_body(*args, **changes))

    def post(self, body: Any, path: str = CALLS, **headers: str) -> HttpResponse:
        return self.request("POST", path, body, **headers)

    def put(self, body: Any, path: str = CALLS, **headers: str) -> HttpResponse:
        return self.request("PUT", path, body, **headers)

    def get(self, path: str, **headers: str) -> HttpResponse:
        return self._client.get(path, headers=self._headers(headers))

    def status(self, cuid: str) -> HttpResponse:
        return self.get(status_path(cuid))

    def retry(self, cuid: str, body: Any = b"") -> HttpResponse:
        return self.post(body, retry_path(cuid))

    def request(
        self,
        method: str,
        path: str,
        body: Any = b"",
        *,
        content_type: str = "application/json",
        **headers: str,
    ) -> HttpResponse:
        """Bytes as they are, anything else as JSON; no bytes with Content-Length 0."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {"Content-Length": str(len(data))} | self._headers(headers)
        return self._client.generic(method, path, data, content_type, headers=given)

    def _headers(self, headers: dict[str, str]) -> dict[str, str]:
        shown = {"Authorization": self.token} if self.token is not None else {}
        return shown | {name.replace("_", "-"): value for name, value in headers.items()}


def status_path(cuid: str) -> str:
    return f"/api/2022-03-01/calls/{cuid}.json"


def retry_path(cuid: str) -> str:
    return f"/api/2022-03-01/calls/{cuid}/retry.json"


def call_of(answer: HttpResponse) -> Call:
    """The call that was answered with a cuid, with its recording."""
    assert answer.status_code in (200, 201, 202), answer.content
    return Call.objects.select_related("recording").get(uuid=answer.json()["cuid"])


def error(answer: HttpResponse) -> tuple[int, str, str]:
    """Status, class and text of a refusal, which is nothing else."""
    body = answer.json()
    assert set(body) == {"errors"}, body
    assert set(body["errors"]) == {"class", "invalid_data"}, body
    return answer.status_code, body["errors"]["class"], body["errors"]["invalid_data"]


def statements(queries: CaptureQueriesContext) -> int:
    """How many there were, besides savepoints and the clock of the one database that is asked for it."""
    return sum(sql["sql"].startswith(('SELECT "', "SELECT 1", "INSERT", "UPDATE")) for sql in queries)

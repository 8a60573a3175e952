"""The dialer surface from outside: a client with an account's key, its numbers and agent."""

import json
from typing import Any

from django.db import connection
from django.http import HttpResponse
from django.test import Client

from calls.dialer.models import Batch, CallingNumber, VoiceAgent
from partners import keys
from partners.provisioning import Provisioned
from tests.support import factories

BASE = "/api/call"
NUMBER = "+12025550100"
VARIABLES = [{"key": "account_id", "required": True, "type": "string"}]
SEED_RECORDS = [
    {
        "phoneNumber": "12125551001",
        "name": "Sarah Johnson",
        "account_id": "ACC-1001",
        "custom_field_1": "value1",
        "priority": "high",
    },
    {
        "phoneNumber": "13105552002",
        "name": "Michael Chen",
        "account_id": "ACC-1002",
        "category": "support",
    },
]


class DialerClient:
    """Requests with a key of the account; ``headers`` of a request come instead of it.

    An unexpected error answers with 500 instead of being raised, as it does on a real server.
    """

    def __init__(self, provisioned: Provisioned, **options: Any) -> None:
        self.provisioned = provisioned
        sub_tenant = provisioned.sub_tenant
        issued = keys.issue(partner=provisioned.partner, sub_tenant=sub_tenant, **options)
        self.headers = {"x-api-key": issued.single}
        self._client = Client(raise_request_exception=False)

    def get(self, path: str, query: Any = None, **headers: str) -> HttpResponse:
        return self._client.get(f"{BASE}/{path}", query, headers=self.headers | _named(headers))

    def post(self, path: str, body: Any, *, headers: dict[str, str] | None = None) -> HttpResponse:
        """POST ``body``: bytes as they are, anything else as JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = self.headers if headers is None else headers
        return self._client.post(f"{BASE}/{path}", data, "application/json", headers=given)

    def delete(self, path: str) -> HttpResponse:
        return self._client.delete(f"{BASE}/{path}", headers=self.headers)

    def upload(self, file: Any, **fields: Any) -> HttpResponse:
        form = {"batchName": "Uploaded", "callingNumbers": self.number().public_id, "file": file, **fields}
        given = {name: value for name, value in form.items() if value is not None}
        return self._client.post(f"{BASE}/upload", given, headers=self.headers)

    def add(self, batch_id: str, *records: Any) -> HttpResponse:
        return self.post("addCallsToBatch", {"batchId": batch_id, "call_data": list(records)})

    # --- What the account has -----------------------------------------------------------------------------
    def number(self, phone: str = NUMBER, variables: Any = (), name: str = "Ava") -> CallingNumber:
        """The account's number, with an agent that takes these variables where it is new."""
        account = self.provisioned.sub_tenant
        agent, _ = VoiceAgent.objects.get_or_create(
            sub_tenant=account, name=name, defaults={"variables": list(variables)}
        )
        found, _ = CallingNumber.objects.get_or_create(
            sub_tenant=account, phone=phone, defaults={"agent": agent}
        )
        return found

    def batch(self, **fields: Any) -> Batch:
        """A batch of the account's, made by the surface."""
        body = {"batchName": "Renewals", "callingNumbers": [self.number().public_id], **fields}
        answer = self.post("createBatch", body)
        assert answer.status_code == 201, answer.content
        return Batch.objects.get(public_id=answer.json()["data"])


def data(answer: HttpResponse, status: int = 200) -> Any:
    """What an answer without an error holds."""
    assert answer.status_code == status, answer.content
    body = answer.json()
    assert list(body) == ["message", "status", "code", "errorMessage", "data"]
    assert (body["status"], body["code"], body["errorMessage"]) == (True, status, "")
    return body["data"]


def refused(answer: HttpResponse, status: int) -> tuple[str, Any]:
    """The text and the data of a refusal in the surface's envelope."""
    assert answer.status_code == status, answer.content
    body = answer.json()
    assert list(body) == ["message", "status", "code", "errorMessage", "data"]
    assert body["message"]
    assert (body["status"], body["code"]) == (False, status)
    return body["errorMessage"], body["data"]


def record(number: int = 0, **fields: Any) -> dict[str, Any]:
    return {"phoneNumber": f"1212{5551000 + number}", **fields}


def refuse_in_database(*phones: str, by: str = "RAISE EXCEPTION 'refused'") -> None:
    """From now on the database itself refuses to insert contacts of these phones.

    ``by``: what PostgreSQL does when one comes.
    """
    listed = ", ".join(f"'{phone}'" for phone in phones)
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(
                "CREATE TRIGGER refuse_phones BEFORE INSERT ON dialer_contact "
                f"WHEN NEW.phone IN ({listed}) BEGIN SELECT RAISE(ABORT, 'refused'); END"
            )
            return
        cursor.execute(
            "CREATE FUNCTION refuse_phones() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF NEW.phone IN ({listed}) THEN {by}; END IF; RETURN NEW; END $$"
        )
        cursor.execute(
            "CREATE TRIGGER refuse_phones BEFORE INSERT ON dialer_contact "
            "FOR EACH ROW EXECUTE FUNCTION refuse_phones()"
        )


def refuse_no_more() -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("DROP TRIGGER refuse_phones")
        else:
            cursor.execute("DROP FUNCTION refuse_phones CASCADE")


def client(
    name: str | None = None, *, sub_tenant: str = "subtenant1", rate_limit: int = 100_000
) -> DialerClient:
    return DialerClient(factories.provisioned(name, sub_tenant=sub_tenant, rate_limit=rate_limit))


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}

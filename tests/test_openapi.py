"""The contract for machines: complete, free of warnings, and what the product really does."""

import re
from collections import Counter
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.test import Client
from pydantic import BaseModel

from calls.api.network import openapi as network
from calls.api.network import openapi_transactions as transactions
from calls.api.network import schemas as network_bodies
from calls.api.network import transactions_schemas as transactions_bodies
from calls.api.partner import schemas as partner_bodies
from calls.api.partner import shapes as partner
from calls.api.telesales import openapi as telesales
from calls.api.telesales import openapi_live as live
from calls.dialer.api import shapes as dialer
from calls.selectors import CALL_STATES
from exports.api import openapi as exports
from partners.api import openapi as members
from tests.support import factories
from tests.support.network import NetworkClient, networked, with_names

MEMBER_PATHS = ("/api/auth/", "/api/telesales/")
DIALER_PATH = "/api/call/"
NETWORK_PATHS = ("/api/2022-03-01/", "/api/2018-02-01/")
# What a recording or a ZIP is answered with.
GIVEN = {200, 206, 304, 401, 403, 404, 410, 412, 416, 429, 500, 503}
# POST and PUT are one.
NETWORK_CREATE = {201, 202, 400, 401, 403, 409, 411, 413, 415, 429, 500}
NETWORK_REPORT = {200, 201, 400, 401, 403, 404, 411, 413, 415, 429, 500}

OPERATIONS = {
    ("post", "/api/v1/partner/ingest/batch-call"): {200, 400, 401, 403, 411, 413, 415, 422, 429, 500},
    ("put", "/api/v1/partner/ingest/disposition-status"): {
        200, 400, 401, 403, 404, 411, 413, 415, 422, 429, 500,
    },
    ("get", "/api/v1/partner/ingest/calls"): {200, 400, 401, 403, 422, 429, 500},
    ("get", "/api/v1/partner/ingest/calls/{external_id}"): {200, 400, 401, 403, 404, 429, 500},
    ("get", "/api/v1/partner/ingest/calls/{external_id}/recording"): {*GIVEN, 400},
    ("get", "/api/v1/partner/ingest/batches/{uuid}"): {200, 400, 401, 403, 404, 429, 500},
    ("get", "/api/v1/partner/events"): {200, 400, 401, 403, 422, 429, 500},
    ("post", "/api/call/createBatch"): {201, 400, 403, 411, 413, 415, 429, 500},
    ("post", "/api/call/addCallsToBatch"): {200, 207, 400, 403, 404, 411, 413, 415, 429, 500},
    ("post", "/api/call/start-calling"): {200, 400, 403, 404, 411, 413, 415, 429, 500},
    ("post", "/api/call/stop-calling"): {200, 400, 403, 404, 411, 413, 415, 429, 500},
    ("post", "/api/call/upload"): {201, 400, 403, 404, 411, 413, 415, 422, 429, 500},
    ("get", "/api/call/batches"): {200, 400, 403, 429, 500},
    ("get", "/api/call/batches/{user_id}"): {200, 400, 403, 429, 500},
    ("get", "/api/call/batch-details/{batch_id}"): {200, 400, 403, 404, 429, 500},
    ("delete", "/api/call/delete-batch/{batch_id}"): {200, 403, 404, 429, 500},
    ("get", "/api/call/export/csv"): {200, 400, 403, 404, 429, 500},
    ("get", "/api/call/recording/{uuid}"): GIVEN - {401},
    ("post", "/api/auth/login"): {200, 400, 401, 411, 413, 415, 422, 429, 500},
    ("get", "/api/auth/me"): {200, 401, 403, 429, 500},
    ("post", "/api/auth/logout"): {204, 401, 403, 429, 500},
    ("get", "/api/telesales/recordings"): {200, 401, 403, 422, 429, 500},
    ("get", "/api/telesales/recordings/{uuid}"): GIVEN,
    ("get", "/api/telesales/recordings/{uuid}/download"): GIVEN,
    ("get", "/api/telesales/calls"): {200, 401, 403, 422, 429, 500},
    ("post", "/api/telesales/calls"): {200, 201, 400, 401, 403, 411, 413, 415, 422, 429, 500, 503},
    ("get", "/api/telesales/calls/{uuid}"): {200, 401, 403, 404, 429, 500},
    ("post", "/api/telesales/calls/{uuid}/hangup"): {
        200, 400, 401, 403, 404, 409, 411, 413, 415, 422, 429, 500, 503,
    },
    ("post", "/api/telesales/calls/{uuid}/disposition"): {
        200, 400, 401, 403, 404, 411, 413, 415, 422, 429, 500,
    },
    ("post", "/api/telesales/calls/{uuid}/recording/pause"): {200, 401, 403, 404, 409, 429, 500},
    ("post", "/api/telesales/calls/{uuid}/recording/resume"): {200, 401, 403, 404, 409, 429, 500},
    ("get", "/api/telesales/dispositions"): {200, 401, 403, 422, 429, 500},
    ("post", "/api/telesales/dispositions"): {201, 400, 401, 403, 411, 413, 415, 422, 429, 500},
    ("put", "/api/telesales/dispositions/{id}"): {
        200, 400, 401, 403, 404, 411, 413, 415, 422, 429, 500,
    },
    ("delete", "/api/telesales/dispositions/{id}"): {204, 401, 403, 404, 409, 429, 500},
    ("post", "/api/telesales/recordings/export-bulk"): {201, 400, 401, 403, 411, 413, 415, 422, 429, 500},
    ("get", "/api/telesales/recordings/export-bulk"): {200, 401, 403, 422, 429, 500},
    ("get", "/api/telesales/recordings/export-bulk/{job_id}"): {200, 401, 403, 404, 429, 500},
    ("delete", "/api/telesales/recordings/export-bulk/{job_id}"): {204, 401, 403, 404, 429, 500},
    ("get", "/api/telesales/recordings/export-bulk/{job_id}/download"): {*GIVEN, 409},
    ("post", "/api/2022-03-01/calls.json"): NETWORK_CREATE,
    ("put", "/api/2022-03-01/calls.json"): NETWORK_CREATE,
    ("get", "/api/2022-03-01/calls/{cuid}.json"): {200, 400, 401, 403, 404, 429, 500},
    ("post", "/api/2022-03-01/calls/{cuid}/retry.json"): {
        202, 400, 401, 403, 404, 409, 411, 413, 415, 429, 500,
    },
    ("post", "/api/2018-02-01/transactions.json"): NETWORK_REPORT,
    ("put", "/api/2018-02-01/transactions.json"): NETWORK_REPORT,
}  # fmt: skip # a table: its rows stay on a line each


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return Client().get("/api/schema", {"format": "json"}).json()


def operations(document: dict[str, Any]) -> dict[tuple[str, str], Any]:
    return {
        (method, path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def of_partners(document: dict[str, Any]) -> list[Any]:
    """The operations of the partner surface."""
    return [found for (_, path), found in operations(document).items() if path.startswith("/api/v1/partner/")]


# --- The document -----------------------------------------------------------------------------------------
def test_the_document_is_made_without_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("spectacular", fail_on_warn=True, validate=True)
    assert "Warning" not in capsys.readouterr().err


def test_it_names_every_operation_and_every_status(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    found = {
        operation: set(map(int, content["responses"])) for operation, content in operations(document).items()
    }
    assert found == OPERATIONS


def test_it_names_the_headers_of_a_request(document: dict[str, Any]) -> None:
    schemes = document["components"]["securitySchemes"]
    assert {schemes[name]["name"] for name in ("apiKey", "apiSecret")} == {"x-api-key", "x-api-secret"}
    for operation in of_partners(document):
        assert operation["security"] == [{"apiKey": [], "apiSecret": []}]
        headers = [p for p in operation["parameters"] if p["in"] == "header"]
        required = {p["name"] for p in headers if p.get("required")}
        assert required == {"x-tenant-id", "x-sub-tenant-id"}


def test_it_names_how_a_member_signs_in(document: dict[str, Any]) -> None:
    schemes = document["components"]["securitySchemes"]
    assert schemes["bearerToken"] == {"type": "http", "scheme": "bearer"}
    assert (schemes["session"]["in"], schemes["session"]["name"]) == ("cookie", settings.SESSION_COOKIE_NAME)
    for (_, path), operation in operations(document).items():
        if path == "/api/auth/login":
            assert not any(operation.get("security", []))
        elif path.startswith(MEMBER_PATHS):
            assert operation["security"] == [{"bearerToken": []}, {"session": []}]


def test_it_names_the_key_of_a_workspace(document: dict[str, Any]) -> None:
    schemes = document["components"]["securitySchemes"]
    assert (schemes["workspaceKey"]["in"], schemes["workspaceKey"]["name"]) == ("header", "x-api-key")
    assert schemes["workspaceBearer"] == {"type": "http", "scheme": "bearer"}
    for (_, path), operation in operations(document).items():
        if path.startswith(DIALER_PATH):
            assert operation["security"] == [{"workspaceKey": []}, {"workspaceBearer": []}]


def test_it_names_the_token_of_a_network(document: dict[str, Any]) -> None:
    scheme = document["components"]["securitySchemes"]["oauthToken"]
    assert (scheme["type"], scheme["in"], scheme["name"]) == ("apiKey", "header", "Authorization")
    for (_, path), operation in operations(document).items():
        if path.startswith(NETWORK_PATHS):
            assert operation["security"] == [{"oauthToken": []}]


def test_it_names_the_headers_of_the_answers(document: dict[str, Any]) -> None:
    responses = operations(document)["post", "/api/v1/partner/ingest/batch-call"]["responses"]
    limits = {"X-Request-Id", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"}
    assert set(responses["200"]["headers"]) == limits | {"Location", "X-Duplicates"}
    assert set(responses["429"]["headers"]) == limits | {"Retry-After"}


def test_every_shape_has_a_name_of_its_own() -> None:
    """Of two of one name the document would keep one, and describe the other's answers by it."""
    modules = (
        *(partner, partner_bodies, network, network_bodies, transactions, transactions_bodies),
        *(live, telesales, dialer, exports, members),
    )
    things = [thing for module in modules for thing in vars(module).values()]
    shapes = {thing for thing in things if isinstance(thing, type) and issubclass(thing, BaseModel)}
    names = Counter(shape.__name__ for shape in shapes)
    assert [name for name, count in names.items() if count > 1] == []


def test_the_states_of_the_document_are_the_states_there_are(document: dict[str, Any]) -> None:
    assert document["components"]["schemas"]["CallStatusStateEnum"]["enum"] == list(CALL_STATES)


@pytest.mark.django_db
def test_the_documents_example_is_taken(document: dict[str, Any]) -> None:
    path = "/api/v1/partner/ingest/batch-call"
    content = operations(document)["post", path]["requestBody"]["content"]["application/json"]
    (example,) = content["examples"].values()
    headers = factories.headers(factories.provisioned())
    response = Client().post(path, example["value"], "application/json", headers=headers)
    assert (response.status_code, response.json()) == (200, {"success": True})


@pytest.mark.django_db
def test_the_documents_examples_of_a_networks_call_are_taken(document: dict[str, Any]) -> None:
    path, network = "/api/2022-03-01/calls.json", with_names(networked(), "Sale", fields=("account_type",))
    content = operations(document)["post", path]["requestBody"]["content"]["application/json"]
    for example in content["examples"].values():
        assert NetworkClient(network.token).post(example["value"]).status_code == 201


# --- The pages --------------------------------------------------------------------------------------------
class _References(HTMLParser):
    """Every address that a page loads or links to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {value for name, value in attrs if name in ("src", "href", "action") and value}


def test_the_documentation_loads_nothing_from_outside() -> None:
    response = Client().get("/api/docs")
    page = response.content.decode()
    base = "http://testserver/api/docs"
    references = {urlsplit(urljoin(base, reference)) for reference in _References(page).found}
    assert {reference.netloc for reference in references} == {"testserver"}
    assert "//" not in re.sub(r"^\s*//.*$", "", re.sub(r"<[^>]+>", "", page), flags=re.MULTILINE)
    static = [reference.path for reference in references]
    assert static
    assert all(finders.find(path.removeprefix(f"/{settings.STATIC_URL.strip('/')}/")) for path in static)

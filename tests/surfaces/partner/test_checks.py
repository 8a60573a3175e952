"""Who may ask for what: the statuses and texts of the documents, and the order in which they are decided."""

import json
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from calls.models import Call, IngestBatch
from calls.services import ingest
from partners import keys
from partners.provisioning import Provisioned
from tests.support import factories
from tests.support.api import BATCH_CALL, BATCHES, CALLS, DISPOSITION_STATUS, PartnerClient

UNAUTHORIZED = {"success": False, "message": "Unauthorized"}
FORBIDDEN = {"success": False, "message": "Forbidden"}
NO_TENANT = {"success": False, "message": "Tenant ID is required"}
NO_SUB_TENANT = {"success": False, "message": "Sub-Tenant ID is required"}
NOT_FOUND = {"success": False, "message": "Resource not found"}
MALFORMED = {"success": False, "message": "Malformed request body"}
NOT_AN_OBJECT = {"success": False, "message": "The request body must be a JSON object"}
TOO_DEEP = {"success": False, "message": "The request body is nested too deep"}
NOT_ALLOWED = {"success": False, "message": "Method not allowed"}
NO_LENGTH = {"success": False, "message": "Content-Length is required"}
TOO_LARGE = {"success": False, "message": "Request body is too large"}
WRONG_TYPE = {"success": False, "message": "Unsupported media type"}
BROKEN = {"success": False, "message": "Internal server error"}

FIVE_MB = 5 * 1024 * 1024
DOORS = [("POST", BATCH_CALL), ("PUT", DISPOSITION_STATUS)]


def answer(response: HttpResponse) -> tuple[int, Any]:
    return response.status_code, response.json()


# --- Keys -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("missing", [{"x_api_key": None}, {"x_api_secret": None}, {"x_api_key": ""}])
def test_a_missing_key_or_secret_is_unauthorized(api: PartnerClient, missing: dict[str, Any]) -> None:
    assert answer(api.post_batch(factories.item(), **missing)) == (401, UNAUTHORIZED)


@pytest.mark.parametrize(
    "wrong",
    [
        {"x_api_secret": "zps_wrong"},
        {"x_api_key": "zpk_wrong"},
        {"x_api_key": "ключ".encode().decode("latin-1")},
        {"x_api_secret": "\xff\x80"},
        {"x_api_key": "z" * 8000},
    ],
)
def test_a_wrong_key_or_secret_is_forbidden(api: PartnerClient, wrong: dict[str, Any]) -> None:
    assert answer(api.post_batch(factories.item(), **wrong)) == (403, FORBIDDEN)


def test_the_secret_of_another_key_is_forbidden(api: PartnerClient) -> None:
    other = keys.issue(partner=api.provisioned.partner)
    assert answer(api.post_batch(factories.item(), x_api_secret=other.secret)) == (403, FORBIDDEN)


def test_a_revoked_key_is_forbidden_from_the_next_request_on(api: PartnerClient) -> None:
    assert api.post_batch(factories.item()).status_code == 200
    keys.revoke(key=api.provisioned.issued.key)
    assert answer(api.post_batch(factories.item())) == (403, FORBIDDEN)


def test_an_expired_key_is_forbidden(api: PartnerClient) -> None:
    key = api.provisioned.issued.key
    key.expires_at = timezone.now() - timedelta(seconds=1)
    key.save()
    assert answer(api.post_batch(factories.item())) == (403, FORBIDDEN)


def test_every_key_of_an_inactive_partner_is_forbidden(api: PartnerClient) -> None:
    api.provisioned.partner.is_active = False
    api.provisioned.partner.save()
    assert answer(api.post_batch(factories.item())) == (403, FORBIDDEN)


@pytest.mark.parametrize(("method", "path"), DOORS)
def test_a_key_without_the_scope_to_push_is_forbidden(api: PartnerClient, method: str, path: str) -> None:
    api.provisioned.issued.key.scopes = ["read"]
    api.provisioned.issued.key.save()
    assert answer(api.request(method, path, {})) == (403, FORBIDDEN)


def test_a_key_without_the_scope_to_read_is_forbidden(api: PartnerClient) -> None:
    api.provisioned.issued.key.scopes = ["ingest"]
    api.provisioned.issued.key.save()
    assert answer(api.get(CALLS)) == (403, FORBIDDEN)


def test_the_partner_id_header_of_the_example_is_ignored(api: PartnerClient) -> None:
    assert (
        api.request("POST", BATCH_CALL, {"data": [factories.item()]}, x_partner_id="123").status_code == 200
    )


# --- Tenants ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("given", "body"),
    [
        ({"x_tenant_id": None}, NO_TENANT),
        ({"x_tenant_id": ""}, NO_TENANT),
        ({"x_sub_tenant_id": None}, NO_SUB_TENANT),
        ({"x_sub_tenant_id": ""}, NO_SUB_TENANT),
        ({"x_tenant_id": None, "x_sub_tenant_id": None}, NO_TENANT),
    ],
)
def test_a_missing_tenant_header_is_named(api: PartnerClient, given: dict[str, Any], body: Any) -> None:
    assert answer(api.post_batch(factories.item(), **given)) == (400, body)


@pytest.mark.parametrize(
    "given", [{"x_tenant_id": "nobody"}, {"x_sub_tenant_id": "nothing"}, {"x_sub_tenant_id": "ungranted"}]
)
def test_whether_a_tenant_exists_is_not_disclosed(api: PartnerClient, given: dict[str, Any]) -> None:
    factories.provisioned(name="Partner Two", sub_tenant="ungranted")
    assert answer(api.post_batch(factories.item(), **given)) == (403, FORBIDDEN)


def test_a_key_bound_to_one_sub_tenant_is_forbidden_in_another(api: PartnerClient) -> None:
    elsewhere = factories.provisioned(name="Partner One", sub_tenant="subtenant2")
    bound = keys.issue(partner=elsewhere.partner, sub_tenant=elsewhere.sub_tenant)
    given = {"x_api_key": bound.key.key_id, "x_api_secret": bound.secret}
    assert answer(api.post_batch(factories.item(), **given)) == (403, FORBIDDEN)
    assert api.post_batch(factories.item(), **given, x_sub_tenant_id="subtenant2").status_code == 200


# --- Bodies -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("door", DOORS, ids=["batch-call", "disposition-status"])
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", MALFORMED),
        (b"{", MALFORMED),
        (b'{"data": NaN}', MALFORMED),
        (b'{"data": -Infinity}', MALFORMED),
        (b'{"data": "\x00"}', MALFORMED),
        (b'{"data": "\xff"}', MALFORMED),
        (b'{"data": "\xed\xa0\x80"}', MALFORMED),
        ('{"data": []}'.encode("utf-16"), MALFORMED),
        (b'{"data": ' + b"9" * 5000 + b"}", MALFORMED),
        (b"[" * 100_000, MALFORMED),
        (b'{"data": ' + b"[" * 70 + b"]" * 70 + b"}", TOO_DEEP),
        (b'{"a":' * 70 + b"1" + b"}" * 70, TOO_DEEP),
        (b"[]", NOT_AN_OBJECT),
        (b"null", NOT_AN_OBJECT),
        (b'"text"', NOT_AN_OBJECT),
        (b"1e999", NOT_AN_OBJECT),
    ],
    ids=lambda value: repr(value[:24]) if isinstance(value, bytes) else "",
)
def test_a_body_that_is_no_json_object_is_refused(
    api: PartnerClient, door: tuple[str, str], body: bytes, expected: Any
) -> None:
    given = api.request(*door, body) if body else _without_content(api, *door, CONTENT_LENGTH="0")
    assert answer(given) == (400, expected)


@pytest.mark.parametrize("door", DOORS, ids=["batch-call", "disposition-status"])
@pytest.mark.parametrize("length", ["", "abc", "-1", "+5", "²"])
def test_a_body_without_a_length_is_refused(api: PartnerClient, door: tuple[str, str], length: str) -> None:
    assert answer(_without_content(api, *door, CONTENT_LENGTH=length)) == (411, NO_LENGTH)


@pytest.mark.parametrize("length", [str(FIVE_MB + 1), "9" * 5000])
def test_a_body_announced_too_large_is_refused(api: PartnerClient, length: str) -> None:
    assert answer(_without_content(api, "POST", BATCH_CALL, CONTENT_LENGTH=length)) == (413, TOO_LARGE)


@pytest.mark.parametrize("door", DOORS, ids=["batch-call", "disposition-status"])
def test_a_body_over_5_mb_is_refused(api: PartnerClient, door: tuple[str, str]) -> None:
    assert answer(api.request(*door, b" " * (FIVE_MB + 1))) == (413, TOO_LARGE)


def test_a_body_of_exactly_5_mb_is_taken(api: PartnerClient) -> None:
    body = b'{"data": [%s]}' % _json(factories.item())
    assert api.post(body.ljust(FIVE_MB)).status_code == 200


@pytest.mark.parametrize("door", DOORS, ids=["batch-call", "disposition-status"])
@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_another_media_type_is_refused(api: PartnerClient, door: tuple[str, str], media_type: str) -> None:
    assert answer(api.request(*door, b"{}", content_type=media_type)) == (415, WRONG_TYPE)


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "Application/JSON"])
def test_json_may_be_announced_with_a_charset(api: PartnerClient, media_type: str) -> None:
    body = {"data": [factories.item()]}
    assert api.request("POST", BATCH_CALL, body, content_type=media_type).status_code == 200


def test_a_byte_order_mark_is_passed_over(api: PartnerClient) -> None:
    assert api.post(b"\xef\xbb\xbf" + _json({"data": [factories.item()]})).status_code == 200


# --- Paths and methods ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "path", ["", "ingest", "ingest/batch-call/", "ingest/calls/", "ingest/calls/%00", "x"]
)
def test_an_unknown_path_is_not_found_in_the_envelope(api: PartnerClient, path: str) -> None:
    assert answer(api.get(f"/api/v1/partner/{path}")) == (404, NOT_FOUND)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", BATCH_CALL, "POST"),
        ("PUT", BATCH_CALL, "POST"),
        ("OPTIONS", BATCH_CALL, "POST"),
        ("POST", DISPOSITION_STATUS, "PUT"),
        ("PATCH", DISPOSITION_STATUS, "PUT"),
        ("POST", CALLS, "GET, HEAD"),
        ("OPTIONS", CALLS, "GET, HEAD"),
        ("DELETE", f"{CALLS}/call123", "GET, HEAD"),
        ("TRACE", f"{CALLS}/call123", "GET, HEAD"),
        ("PROPFIND", f"{BATCHES}/7f0a2b26-7a0e-4d06-9d5a-2d9df1dd1ddc", "GET, HEAD"),
    ],
)
def test_another_method_is_not_allowed_and_the_right_one_named(
    api: PartnerClient, method: str, path: str, allowed: str
) -> None:
    response = api.request(method, path)
    assert answer(response) == (405, NOT_ALLOWED)
    assert response["Allow"] == allowed


@pytest.mark.django_db
def test_options_tells_a_stranger_nothing() -> None:
    response = Client().options(BATCH_CALL)
    assert answer(response) == (401, UNAUTHORIZED)


# --- Faults of ours ---------------------------------------------------------------------------------------
def test_an_unexpected_error_is_answered_in_the_envelope(
    api: PartnerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(**_: Any) -> None:
        raise ZeroDivisionError("a secret detail")

    monkeypatch.setattr(ingest, "ingest_batch", break_down)
    response = api.post_batch(factories.item(), x_request_id="given-id")
    assert answer(response) == (500, BROKEN)
    assert response["X-Request-Id"] == "given-id"


def test_an_unknown_host_is_refused_in_the_envelope(api: PartnerClient) -> None:
    response = api.get(CALLS, host="evil.example")
    assert answer(response) == (400, {"success": False, "message": "Bad request"})


# --- Order ------------------------------------------------------------------------------------------------
def test_the_checks_come_in_the_documented_order(api: PartnerClient, partner: Provisioned) -> None:
    """One request with everything wrong with it; mended one by one, it meets the next check each time."""
    partner.partner.rate_limit = 1
    partner.partner.save()
    key = partner.issued.key
    key.scopes = []
    key.save()
    wrong: dict[str, Any] = {
        "x_api_key": None,
        "x_api_secret": "wrong",
        "x_tenant_id": None,
        "x_sub_tenant_id": None,
        "content_type": "text/plain",
    }

    def ask() -> tuple[int, str]:
        response = api.request("POST", BATCH_CALL, b"{", **wrong)
        return response.status_code, response.json()["message"]

    assert ask() == (401, "Unauthorized")
    del wrong["x_api_key"]
    assert ask() == (403, "Forbidden")
    del wrong["x_api_secret"]
    assert ask() == (400, "Tenant ID is required")  # spends the quota
    assert ask() == (429, "Rate limit exceeded. Try again in 60 seconds.")
    partner.partner.rate_limit = 100
    partner.partner.save()
    del wrong["x_tenant_id"]
    assert ask() == (400, "Sub-Tenant ID is required")
    wrong["x_sub_tenant_id"] = "unknown"
    assert ask() == (403, "Forbidden")
    del wrong["x_sub_tenant_id"]
    assert ask() == (403, "Forbidden")  # the scope
    key.scopes = ["ingest"]
    key.save()
    assert ask() == (415, "Unsupported media type")
    del wrong["content_type"]
    assert ask() == (400, "Malformed request body")
    assert not Call.objects.exists()
    assert not IngestBatch.objects.exists()


def _without_content(api: PartnerClient, method: str, path: str, **announced: str) -> HttpResponse:
    given = factories.headers(api.provisioned)
    environ: dict[str, Any] = {"CONTENT_TYPE": "application/json", "wsgi.input": BytesIO(), **announced}
    return Client(raise_request_exception=False).generic(method, path, headers=given, **environ)


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()

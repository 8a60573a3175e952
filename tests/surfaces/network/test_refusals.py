"""Every refusal of the network document, word for word, in its order; and what support is left of them."""

from typing import Any

import pytest

from calls.models import AuthMethod, Call, Campaign, CampaignType, Network, RecordingAuth
from partners import keys
from partners.models import Rejection
from partners.models.keys import Scope
from tests.support.network import (
    CALLS,
    NetworkClient,
    Networked,
    call_body,
    error,
    networked,
    retry_path,
    status_path,
)

# As the document prints them.
GOLDEN: dict[str, Any] = {
    "no call": {
        "errors": {"class": "RecordInvalid", "invalid_data": "Validation failed: 'call' is required"}
    },
    "not enabled": {
        "errors": {
            "class": "UnauthorizedOperation",
            "invalid_data": "You do not have permissions to perform the requested operation.",
        }
    },
    "advertiser": {
        "errors": {
            "class": "UnauthorizedAdvertiser",
            "invalid_data": "You do not have access to this advertiser",
        }
    },
    "not external": {
        "errors": {
            "class": "call.advertiser_campaign_id_from_network",
            "invalid_data": "campaign must be for external calls only",
        }
    },
    "not transcribed": {
        "errors": {
            "class": "call.advertiser_campaign_id_from_network",
            "invalid_data": "campaign must have transcription enabled",
        }
    },
    "token": {"errors": {"class": "Unauthorized", "invalid_data": "Invalid or missing oauth token"}},
}


def change(network: Networked, **fields: Any) -> None:
    Campaign.objects.filter(pk=network.campaign.pk).update(**fields)


def test_the_refusals_of_the_document_come_one_after_the_other(
    api: NetworkClient, network: Networked
) -> None:
    """One request that is wrong in every way; each step puts the first thing right."""
    RecordingAuth.objects.create(
        pk=7, sub_tenant=networked("network2").sub_tenant, name="x", method=AuthMethod.BEARER
    )
    unknown = {"signals": [{"name": "x"}], "custom_data": [{"name": "x", "value": 1}]}
    body = call_body(advertiser_campaign_id_from_network=87, recording_auth_config_id=7, **unknown)
    api.token = None
    Network.objects.update(ingestion_enabled=False)

    def refused(status: int, what: str) -> bool:
        answer = api.post(body)
        return (answer.status_code, answer.json()) == (status, GOLDEN[what])

    assert refused(401, "token")
    api.token = network.token
    assert refused(403, "not enabled")
    Network.objects.update(ingestion_enabled=True)
    assert api.post({**body, "call": None}).json() == GOLDEN["no call"]
    assert refused(403, "advertiser")
    change(network, external_id="87", type=CampaignType.STANDARD, signal_ai=False)
    assert refused(403, "not external")
    change(network, type=CampaignType.EXTERNAL_ONLY)
    assert refused(403, "not transcribed")
    change(network, voice_signals=True)
    assert error(api.post(body))[1] == "RecordInvalid"
    del body["call"]["recording_auth_config_id"]
    assert error(api.post(body))[1] == "signals[0].name"
    del body["signals"]
    assert error(api.post(body))[1] == "custom_data[0].name"
    del body["custom_data"]
    assert api.post(body).status_code == 201


def test_a_campaign_of_another_network_is_not_accessible(api: NetworkClient, network: Networked) -> None:
    other = networked("network2")
    change(other, external_id="99")
    answer = api.post_call(advertiser_campaign_id_from_network=99)
    assert (answer.status_code, answer.json()) == (403, GOLDEN["advertiser"])
    answer = api.post_call(advertiser_campaign_id_from_network=str(network.campaign.pk + 1000))
    assert answer.json() == GOLDEN["advertiser"]


@pytest.mark.parametrize(
    "path", [CALLS, status_path("0" * 32), retry_path("0" * 32)], ids=["calls", "status", "retry"]
)
def test_another_version_is_refused_before_anything_else(api: NetworkClient, path: str) -> None:
    for version in ("2018-02-01", "2022-03-02", "1", "2022-03-01x"):
        wrong = path.replace("2022-03-01", version)
        expected = (400, "InvalidVersion", f"API version {version} is not valid for this route")
        assert error(api.request("POST", wrong, b"{")) == expected
        assert error(api.get(wrong)) == expected
    api.token = None
    assert error(api.get(path.replace("2022-03-01", "2019-01-01")))[:2] == (400, "InvalidVersion")


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"null", b"\xff", b'{"call": NaN}'])
def test_what_is_no_json_object_is_a_bad_request(api: NetworkClient, body: bytes) -> None:
    assert error(api.post(body))[:2] == (400, "BadRequest")


def test_other_media_types_lengths_and_methods_have_their_own_answers(api: NetworkClient) -> None:
    assert error(api.request("POST", CALLS, b"call=1", content_type="text/plain"))[:2] == (
        415,
        "UnsupportedMediaType",
    )
    large = b'{"call": "' + b"x" * (5 * 1024 * 1024) + b'"}'
    assert error(api.post(large))[:2] == (413, "PayloadTooLarge")
    chunked = {"Content_Length": "", "Transfer_Encoding": "chunked"}
    assert error(api.post({"call": {}}, **chunked))[:2] == (411, "LengthRequired")
    assert error(api.request("DELETE", CALLS))[:2] == (405, "MethodNotAllowed")
    assert error(api.get(CALLS))[:2] == (405, "MethodNotAllowed")
    assert error(api.get("/api/2022-03-01/nothing.json"))[:2] == (404, "RecordNotFound")


def test_the_quota_of_the_partner_holds(db: None) -> None:
    api = NetworkClient(networked(rate_limit=1).token)
    assert api.post_call().headers["X-RateLimit-Remaining"] == "0"
    answer = api.post_call()
    assert error(answer)[:2] == (429, "RateLimitExceeded")
    assert int(answer.headers["Retry-After"]) > 0


# --- What support sees ------------------------------------------------------------------------------------
def test_a_refusal_is_kept_with_the_key_and_without_a_value(api: NetworkClient, network: Networked) -> None:
    answer = api.post_call(calling_phone_number="planted-0171", **{"pl\0": "planted"})
    kept = Rejection.objects.get()
    assert (kept.status, kept.partner, kept.key_id) == (403, network.partner, network.issued.key.key_id)
    assert kept.message == error(answer)[2][:255]
    assert kept.request_id == answer.headers["X-Request-Id"]
    assert "planted" not in str(kept.__dict__)


@pytest.mark.parametrize("where", ["header", "bearer", "body", "query"])
def test_a_wrong_token_is_kept_with_the_partner_whose_key_it_names(
    api: NetworkClient, network: Networked, where: str
) -> None:
    key_id = network.issued.key.key_id
    wrong = f"{key_id}.zps_planted"
    api.token = {"header": wrong, "bearer": f"bearer {wrong}"}.get(where)
    if where == "query":
        answer = api.get(f"{status_path('0' * 32)}?oauth_token={wrong}")
    else:
        answer = api.post(call_body(**({"oauth_token": wrong} if where == "body" else {})))
    assert answer.json() == GOLDEN["token"]
    kept = Rejection.objects.get()
    assert (kept.status, kept.partner, kept.key_id) == (401, network.partner, key_id)
    assert "planted" not in str(kept.__dict__)


def test_a_key_without_the_scope_may_not_ingest(api: NetworkClient, network: Networked) -> None:
    key = keys.issue(partner=network.partner, sub_tenant=network.sub_tenant, scopes=[Scope.READ])
    api.token = key.single
    assert api.post_call().json() == GOLDEN["not enabled"]
    assert not Call.objects.exists()

"""The quota of a partner and the guard against guessing keys."""

import time

import pytest

from partners import keys
from tests.support import factories
from tests.support.api import CALLS, PartnerClient


def test_the_121st_request_is_refused_before_the_tenant_headers_are_looked_at(api: PartnerClient) -> None:
    started = time.time()
    for left in reversed(range(120)):
        response = api.get(CALLS, x_tenant_id=None)
        assert (response.status_code, response["X-RateLimit-Remaining"]) == (400, str(left))
    response = api.get(CALLS, x_tenant_id=None)
    seconds = int(response["Retry-After"])
    assert response.status_code == 429
    assert response.json() == {
        "success": False,
        "message": f"Rate limit exceeded. Try again in {seconds} seconds.",
    }
    # The first request leaves the window 60 s after it came.
    assert 60 - (time.time() - started) <= seconds <= 60
    assert response["X-RateLimit-Limit"] == "120"
    assert response["X-RateLimit-Remaining"] == "0"
    assert int(response["X-RateLimit-Reset"]) == pytest.approx(started + 60, abs=2)


def test_the_quota_is_the_partners_whatever_key_it_uses(api: PartnerClient) -> None:
    limit(api, 1)
    second = keys.issue(partner=api.provisioned.partner)
    assert api.get(CALLS).status_code == 200
    assert api.get(CALLS, x_api_key=second.key.key_id, x_api_secret=second.secret).status_code == 429


def test_one_partners_requests_do_not_count_for_another(api: PartnerClient) -> None:
    limit(api, 1)
    other = PartnerClient(factories.provisioned(name="Partner Two"))
    assert [api.get(CALLS).status_code for _ in range(2)] == [200, 429]
    assert other.get(CALLS).status_code == 200


def test_a_request_over_the_quota_does_nothing(api: PartnerClient) -> None:
    limit(api, 1)
    api.get(CALLS)
    assert api.post_batch(factories.item()).status_code == 429
    assert not api.provisioned.partner.calls.exists()


def test_guessing_keys_is_limited_per_address(api: PartnerClient, settings: pytest.FixtureRequest) -> None:
    settings.FAILED_AUTHENTICATIONS_PER_MINUTE = 3
    statuses = [api.get(CALLS, x_api_secret="wrong").status_code for _ in range(4)]
    refused = api.get(CALLS, x_api_key=None)
    assert statuses == [403, 403, 403, 429]
    assert refused.status_code == 429
    assert refused.json()["message"] == f"Rate limit exceeded. Try again in {refused['Retry-After']} seconds."
    assert 1 <= int(refused["Retry-After"]) <= 61
    assert api.get(CALLS).status_code == 200  # who shows the right key is not kept out


def limit(api: PartnerClient, requests: int) -> None:
    api.provisioned.partner.rate_limit = requests
    api.provisioned.partner.save()

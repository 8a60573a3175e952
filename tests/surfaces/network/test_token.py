"""The token: where it may stand, and that it is nowhere afterwards."""

import json
from collections.abc import Iterator

import pytest
import structlog
from django.core.cache import cache

from partners.models import Grant
from tests.support.network import CALLS, NetworkClient, Networked, call_body, call_of, retry_path, status_path
from tests.support.stored import everything_stored


@pytest.fixture
def logged() -> Iterator[list[dict[str, object]]]:
    """Every line from now on, with whatever was noted of its request."""
    with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as lines:
        yield lines


def test_it_is_taken_from_header_body_and_query(network: Networked) -> None:
    token, nobody = network.token, NetworkClient(None)
    for number, shown in enumerate((token, f"Bearer {token}", f"bearer  {token} ")):
        assert NetworkClient(shown).post_call(f"header {number}").status_code == 201, number
    assert nobody.post(call_body("body", oauth_token=token)).status_code == 201
    cuid = call_of(nobody.put(call_body("put", oauth_token=token))).uuid.hex
    assert nobody.get(f"{status_path(cuid)}?oauth_token={token}").status_code == 200
    assert nobody.retry(cuid, {"oauth_token": token}).status_code == 409


def test_it_is_taken_from_nowhere_else(network: Networked) -> None:
    token, nobody = network.token, NetworkClient(None)
    assert nobody.post(call_body(), f"{CALLS}?oauth_token={token}").status_code == 401
    assert nobody.post({"call": {**call_body()["call"], "oauth_token": token}}).status_code == 401
    assert nobody.post(call_body(), oauth_token=token).status_code == 401
    for scheme in ("Token", "Basic", "Bearer Bearer"):
        assert NetworkClient(f"{scheme} {token}").post_call().status_code == 401, scheme
    # The header decides, right or wrong.
    assert NetworkClient("wrong").post(call_body(oauth_token=token)).status_code == 401
    for odd in (1, None, [token], {"a": token}, token + "x", token.upper()):
        assert nobody.post(call_body(oauth_token=odd)).status_code == 401, odd
    assert nobody.post(b"").status_code == 401


def test_a_key_that_is_not_bound_or_no_longer_granted_is_no_token(network: Networked) -> None:
    network.issued.key.sub_tenant = None
    network.issued.key.save()
    api = NetworkClient(network.token)
    assert api.post_call().status_code == 401
    network.issued.key.sub_tenant = network.sub_tenant
    network.issued.key.save()
    assert api.post_call().status_code == 201
    Grant.objects.all().delete()
    assert api.post_call().status_code == 401


def test_it_stands_in_no_row_no_answer_and_no_line(
    network: Networked, logged: list[dict[str, object]], capfd: pytest.CaptureFixture[str]
) -> None:
    """Wherever it was shown, also where it should not be, and whatever the answer."""
    secret, nobody = network.issued.secret, NetworkClient(None)
    body = call_body(oauth_token=network.token)
    body["call"]["oauth_token"] = network.token
    body["call"]["more"] = [{"oauth_token": network.token, "kept": "yes"}]
    taken = nobody.post(body)
    call = call_of(taken)
    assert call.extras == {"call.more": [{"kept": "yes"}]}
    body["call"]["call_direction"] = "outbound"
    answers = [taken, nobody.post(body), nobody.post({**body, "call": {"oauth_token": network.token}})]
    answers += [nobody.post(body, path) for path in (retry_path(call.uuid.hex), retry_path("0" * 32))]
    answers += [
        nobody.get(f"{path}?oauth_token={network.token}") for path in (status_path(call.uuid.hex), CALLS)
    ]
    answers += [
        NetworkClient(f"Bearer {network.token}x").post_call(),
        nobody.get(f"{CALLS}?oauth_token={network.token}x"),
    ]
    assert {answer.status_code for answer in answers} == {200, 201, 401, 403, 404, 405, 409}
    held = [everything_stored(), logged, capfd.readouterr(), [answer.content for answer in answers]]
    held += [[dict(answer.headers) for answer in answers], getattr(cache, "_cache", {})]
    assert logged
    assert secret not in json.dumps(held, default=repr)

"""``validate_only``: what would become of a batch, and nothing stored."""

import pytest

from calls.models import Call
from tests.support import audio
from tests.support.api import BATCH_CALL, PartnerClient, data
from tests.support.factories import item
from tests.support.partner_server import PartnerServer

pytestmark = pytest.mark.django_db

VALIDATE = f"{BATCH_CALL}?validate_only=true"


def test_it_says_of_each_recording_what_a_fetch_would_find_and_stores_nothing(api: PartnerClient) -> None:
    with PartnerServer() as server:
        good = server.serve("/good.wav", audio.wav(1.0, channels=2), content_type="audio/wav")
        page = server.serve("/page", b"<html><input type='password'>sign in", content_type="text/html")
        batch = [item("good", call={"recording_url": good}), item("page", call={"recording_url": page})]
        first, second = data(api.request("POST", VALIDATE, {"data": batch}))["items"]

    assert first == {
        "id": "good",
        "reachable": True,
        "format": "wav",
        "channels": 2,
        "duration_seconds": 1.0,
        "url_expires_at": None,
        "problem": None,
    }
    assert second["problem"] == "the URL answered with a sign-in page (text/html), not audio"
    assert not Call.objects.exists()


def test_an_invalid_body_is_refused_before_any_recording_is_looked_at(api: PartnerClient) -> None:
    with PartnerServer() as server:
        url = server.serve("/a.wav", b"")
        refused = item(call={"recording_url": url, "contact_number": "1"})
        answer = api.request("POST", VALIDATE, {"data": [refused]})
        assert (answer.status_code, server.requests) == (422, [])


def test_anything_but_true_or_false_is_refused(api: PartnerClient) -> None:
    answer = api.request("POST", f"{BATCH_CALL}?validate_only=yes", {"data": [item()]})
    assert answer.json()["errors"] == [
        {"field": "validate_only", "message": "validate_only must be a boolean value"}
    ]


def test_false_is_an_ordinary_request(api: PartnerClient) -> None:
    assert api.request("POST", f"{BATCH_CALL}?validate_only=false", {"data": [item()]}).json() == {
        "success": True
    }
    assert Call.objects.count() == 1

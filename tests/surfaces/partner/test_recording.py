"""GET and HEAD /api/v1/partner/ingest/calls/{call id}/recording: a partner plays the own calls."""

import pytest

from calls.models import AccessRecord, Call
from partners.provisioning import Provisioned
from tests.support import audio, factories, recordings
from tests.support.api import PartnerClient

URL = "/api/v1/partner/ingest/calls/call123/recording"
WAV = audio.wav(0.5)


@pytest.fixture
def call(partner: Provisioned) -> Call:
    factories.ingest(partner)
    call = factories.call(partner)
    recordings.store(call, WAV)
    return call


def test_the_recording_comes_whole(api: PartnerClient, call: Call) -> None:
    answer = api.get(URL)

    assert (answer.status_code, answer.getvalue()) == (200, WAV)
    assert (answer["Content-Type"], answer["Accept-Ranges"]) == ("audio/wav", "bytes")
    assert (answer["Content-Length"], answer["Cache-Control"]) == (str(len(WAV)), "private, max-age=3600")
    assert int(answer["X-RateLimit-Remaining"]) < int(answer["X-RateLimit-Limit"])


def test_a_part_comes_as_a_part(partner: Provisioned, call: Call) -> None:
    answer = PartnerClient(partner).get(URL, Range="bytes=-100")

    assert (answer.status_code, answer.getvalue()) == (206, WAV[-100:])


def test_a_head_sends_nothing(api: PartnerClient, call: Call) -> None:
    answer = api.request("HEAD", URL)

    assert (answer.status_code, answer["Content-Length"], answer.content) == (200, str(len(WAV)), b"")
    assert not AccessRecord.objects.exists()


def test_an_id_may_hold_a_slash(api: PartnerClient, partner: Provisioned) -> None:
    factories.ingest(partner, factories.item("2026/06/call 1"))
    recordings.store(factories.call(partner, "2026/06/call 1"), WAV)

    assert api.get("/api/v1/partner/ingest/calls/2026/06/call%201/recording").status_code == 200


def test_a_listen_is_noted_by_the_partners_name(api: PartnerClient, call: Call) -> None:
    for _ in range(2):
        api.get(URL).getvalue()

    (record,) = AccessRecord.objects.all()
    assert (record.actor, record.user, record.kind) == ("Partner One", None, "listen")
    assert (record.call, record.sub_tenant) == (call, call.sub_tenant)


def test_what_was_never_sent_is_not_found(api: PartnerClient) -> None:
    answer = api.get(URL)

    assert (answer.status_code, answer.json()) == (404, {"success": False, "message": "Resource not found"})


def test_what_is_not_stored_yet_is_not_found(api: PartnerClient, partner: Provisioned) -> None:
    factories.ingest(partner)

    answer = api.get(URL)

    assert (answer.status_code, answer.json()) == (404, {"success": False, "message": "Recording not found"})


def test_another_partners_call_is_not_found(call: Call) -> None:
    assert PartnerClient(factories.provisioned()).get(URL).status_code == 404


def test_past_its_window_it_is_gone_unless_held(api: PartnerClient, call: Call) -> None:
    recordings.expire(call)

    answer = api.get(URL)

    assert (answer.status_code, answer.json()) == (
        410,
        {"success": False, "message": "Recording has exceeded the retention window"},
    )
    recordings.hold(call)
    assert api.get(URL).status_code == 200

"""Asterisk as a provider: live calls, its address and password, recordings, and a connection that fails."""

import ssl
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import trustme
from django.core.cache import cache
from structlog.testing import capture_logs

from calls import checks
from calls.models import Call, Pause, PauseHandling, Recording
from calls.services import live as services
from calls.services.live import HangUp
from calls.telephony.asterisk import Asterisk, client, events
from calls.telephony.port import (
    Answered,
    CallState,
    HungUp,
    NotDone,
    NotPossible,
    RecordingReady,
    TelephonyError,
    Unavailable,
    UnknownCall,
)
from partners.outbound import addresses
from tests.support import ari, live
from tests.support.ari import Plan, Switch
from tests.support.partner_server import PartnerServer
from tests.telephony.conftest import Follower, use
from zipingest import work
from zipingest.work import WorkState

NOBODY = "00000000-0000-4000-8000-000000000000"
TALKING = Plan(rings=0, talks=None)


def answered(switch: Switch, follower: Follower) -> str:
    """A call that somebody has answered, and that is recorded."""
    switch.default = TALKING
    call_id = Asterisk().originate(to=live.PHONE)
    follower.note_until(lambda: "set_variable" in switch.names(call_id))
    return call_id


# --- Live calls -------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_the_recording_of_a_paused_call_is_muted_and_its_times_stay_true(
    switch: Switch, follower: Follower
) -> None:
    switch.default = TALKING
    call = live.begin()
    assert call.provider == "asterisk"
    follower.note_until(lambda: "set_variable" in switch.names(call.external_id))

    live.pause(call)
    live.pause(call)
    assert switch.live[call.external_id].muted
    live.resume(call)
    assert not switch.live[call.external_id].muted
    began = time.time()
    services.hang_up(call=call, how=HangUp())

    assert not switch.channels
    assert switch.names(call.external_id).count("mute") == 1
    assert Pause.objects.get().provider_error == ""
    recording = Recording.objects.get()
    assert recording.pause_handling == PauseHandling.SILENCED
    assert 0 < began - recording.started_at.timestamp() < 5
    assert work.run_one(Recording)
    recording.refresh_from_db()
    assert (recording.state, recording.last_error) == (WorkState.DONE, "")


@pytest.mark.django_db
def test_a_live_call_that_the_customer_ends_is_ended_here_too(switch: Switch, follower: Follower) -> None:
    switch.default = TALKING
    call = live.begin()
    follower.note_until(lambda: "set_variable" in switch.names(call.external_id))
    switch.hang_up(call.external_id)
    follower.note_until(lambda: not Call.objects.get().in_progress)
    assert Recording.objects.get().started_at is not None


@pytest.mark.django_db
def test_a_process_that_has_no_memory_of_the_call_reads_the_recordings_beginning_off_it(
    switch: Switch, follower: Follower
) -> None:
    call_id = answered(switch, follower)
    cache.clear()
    assert Asterisk().hangup(call_id).recording_started_at is not None


@pytest.mark.django_db
def test_an_id_that_is_taken_is_the_call_that_was_made(switch: Switch) -> None:
    switch.default = TALKING
    call_id = str(uuid.uuid4())
    assert Asterisk().originate(to=live.PHONE, call_id=call_id) == call_id
    assert Asterisk().originate(to=live.PHONE, call_id=call_id) == call_id
    assert switch.originated == {live.PHONE: 1}


@pytest.mark.parametrize("phone", ["", "100@evil", "+1&app=x", "+12125550001/n", "+49 30 1"])
def test_nothing_but_a_number_decides_whom_asterisk_dials(switch: Switch, phone: str) -> None:
    with pytest.raises(NotDone, match="no telephone number"):
        Asterisk().originate(to=phone)
    assert not switch.asked


@pytest.mark.parametrize("call_id", [NOBODY, "1700000000.12", "", "..", "a/../b", "x" * 200, "a b"])
def test_it_does_not_know_other_calls(switch: Switch, call_id: str) -> None:
    asterisk = Asterisk()
    assert not asterisk.carries(call_id)
    for ask in (asterisk.hangup, asterisk.state):
        with pytest.raises(UnknownCall):
            ask(call_id)
    for switch_ in (asterisk.pause_recording, asterisk.resume_recording):
        with pytest.raises((UnknownCall, NotPossible)):
            switch_(call_id)


@pytest.mark.django_db
def test_a_call_that_rings_is_carried_and_not_answered(switch: Switch) -> None:
    switch.default = Plan(rings=60)
    call_id = Asterisk().originate(to=live.PHONE)
    assert Asterisk().carries(call_id)
    assert Asterisk().state(call_id) == CallState(answered_at=None)
    assert Asterisk().hangup(call_id).recording_started_at is None
    with pytest.raises(UnknownCall):
        Asterisk().state(call_id)


# --- Recordings -------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_recording_is_given_out_whole_and_only_once_it_is_complete(
    switch: Switch, follower: Follower, settings: Any
) -> None:
    call_id = answered(switch, follower)
    with pytest.raises(NotDone, match="still being recorded") as refused:
        list(Asterisk().recording(call_id))
    assert not refused.value.permanent
    switch.hang_up(call_id)
    assert b"".join(Asterisk().recording(call_id)) == switch.stored[call_id]

    settings.FETCH_MAX_BYTES = 1000
    with pytest.raises(NotPossible, match="larger than the allowed 1,000 bytes"):
        list(Asterisk().recording(call_id))
    with pytest.raises(NotPossible, match="no recording"):
        list(Asterisk().recording(NOBODY))


@pytest.mark.django_db
def test_a_recording_that_ended_before_its_call_is_kept(switch: Switch, follower: Follower) -> None:
    call_id = answered(switch, follower)
    switch.finish(switch.live[call_id])
    with capture_logs() as logs:
        assert Asterisk().state(call_id).answered_at is not None
    assert logs == []
    assert (list(switch.live), list(switch.stored)) == ([], [call_id])


# --- Its address ------------------------------------------------------------------------------------------
@pytest.fixture
def secured(settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Switch]:
    """A switch at https://pbx.example.test, with a certificate of an authority of our own."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("pbx.example.test").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setattr(addresses, "lookup", lambda host, port: ["127.0.0.1"])
    settings.OUTBOUND_CA_FILE = str(tmp_path / "ca.pem")
    with Switch(tls=context) as running:
        use(settings, running)
        settings.ARI_URL = running.url.replace("127.0.0.1", "pbx.example.test")
        yield running


@pytest.mark.django_db
def test_everything_goes_over_tls_where_the_address_is_https(secured: Switch, settings: Any) -> None:
    with Follower(secured) as follower:
        call_id = answered(secured, follower)
    secured.hang_up(call_id)
    assert b"".join(Asterisk().recording(call_id)) == secured.stored[call_id]

    settings.OUTBOUND_CA_FILE = ""
    with pytest.raises(Unavailable, match="not from an authority we trust"):
        Asterisk().state(NOBODY)


def test_an_address_of_a_private_network_must_be_trusted(switch: Switch, settings: Any) -> None:
    settings.ALLOW_LOOPBACK = False
    with pytest.raises(Unavailable, match="must start with https"):
        Asterisk().carries(NOBODY)
    settings.OUTBOUND_TRUSTED = [switch.url.split("/")[2]]
    assert not Asterisk().carries(NOBODY)


@pytest.mark.django_db
def test_its_events_lead_nowhere_else(switch: Switch, settings: Any) -> None:
    with PartnerServer() as server:
        elsewhere = switch.url.replace("http", "ws") + "/events?app=elsewhere"
        server.redirect("/ari/events", elsewhere)
        settings.ARI_URL = server.url("/ari")
        stop = threading.Event()
        threading.Timer(1, stop.set).start()
        with pytest.raises(Unavailable, match="was cut"):
            list(events.messages(stop))
    assert not switch.followed


# --- Its password -----------------------------------------------------------------------------------------
def test_a_wrong_password_is_said_and_not_shown(switch: Switch, settings: Any, caplog: Any) -> None:
    settings.ARI_PASSWORD = "wr0ng-one"
    with pytest.raises(TelephonyError, match="ARI_PASSWORD") as refused:
        Asterisk().state(NOBODY)
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    with capture_logs() as logs:
        assert list(Asterisk().events(stop)) == []
    assert {line["event"] for line in logs} == {"events_interrupted"}
    assert "ARI_PASSWORD" in logs[0]["reason"]
    shown = f"{refused.value!r} {refused.value.__cause__!r} {logs} {caplog.text}"
    encoded = client.credentials().headers["Authorization"].split()[1]
    assert settings.ARI_PASSWORD not in shown
    assert encoded not in shown


# --- Its events -------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_what_happens_is_told_in_its_order(switch: Switch, follower: Follower) -> None:
    call_id = Asterisk().originate(to=live.PHONE)
    while not isinstance(follower.note(), HungUp):
        pass
    assert [type(one) for one in follower.told] == [Answered, Answered, RecordingReady, HungUp]
    assert {one.call_id for one in follower.told} == {call_id}


@pytest.mark.django_db
def test_what_is_no_event_is_passed_over(switch: Switch, follower: Follower) -> None:
    for odd in (b'{"type": "StasisStart"}', b'{"type": "Dial"}', b'{"type": null}', b"[1]", b"x", b"{}"):
        switch.tell_raw(odd)
    call_id = Asterisk().originate(to=live.PHONE)
    while not isinstance(event := follower.note(), HungUp):
        pass
    assert event.call_id == call_id


@pytest.mark.django_db
@pytest.mark.parametrize("answers", [True, False])
def test_a_silent_connection_is_pinged_and_given_up_where_nothing_comes_back(
    switch: Switch, settings: Any, answers: bool
) -> None:
    settings.ARI_PING_SECONDS = 0.1
    switch.answers_pings = answers
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    if answers:
        assert list(events.messages(stop)) == []
        assert switch.pings > 2
    else:
        with pytest.raises(Unavailable, match="fell silent"):
            list(events.messages(stop))
        assert switch.pings == 1


@pytest.mark.django_db
def test_who_is_replaced_by_another_follower_says_so(switch: Switch, settings: Any) -> None:
    stop, found = threading.Event(), []

    def first() -> None:
        try:
            list(events.messages(stop))
        except TelephonyError as error:
            found.append(error.reason)

    thread = threading.Thread(target=first)
    thread.start()
    switch.wait_for_follower()
    with Follower(switch):
        thread.join(5)
    assert found == ["somebody else follows the events of the same application (ARI_APP)"]


# --- Its settings -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("changed", "number"),
    [
        ({}, None),
        ({"ARI_PASSWORD": ""}, "calls.E002"),
        ({"ARI_URL": "http://pbx.example.com:8088/ari"}, "calls.E003"),
        ({"ARI_ENDPOINT": "PJSIP/trunk"}, "calls.E004"),
        ({"ARI_ENDPOINT": "PJSIP/{digits}@trunk"}, None),
    ],
)
def test_a_check_says_what_to_set(settings: Any, changed: dict[str, str], number: str | None) -> None:
    settings.TELEPHONY_PROVIDER = "asterisk"
    settings.ARI_URL, settings.ARI_ENDPOINT = "https://pbx.example.com/ari", ari.ENDPOINT
    settings.ARI_USER, settings.ARI_PASSWORD = ari.USER, ari.PASSWORD
    for name, value in changed.items():
        setattr(settings, name, value)
    assert [one.id for one in checks.check_asterisk(None)] == ([number] if number else [])
    settings.OUTBOUND_TRUSTED = ["pbx.example.com:8088"]
    assert "calls.E003" not in [one.id for one in checks.check_asterisk(None)]

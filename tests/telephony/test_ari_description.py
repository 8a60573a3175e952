"""The switch of these tests refuses whatever Asterisk's published description does not have."""

import base64
import re
from typing import Any

import pytest
import requests

from tests.support import ari
from tests.support import ari_description as description
from tests.support.ari import Switch

CHANNEL = "/channels/00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    ("method", "path", "problem"),
    [
        ("POST", "/channels?app=x", "originate: endpoint is missing"),
        ("POST", "/channels?endpoint=a&appargs=x", "originate: no parameter appargs"),
        ("POST", "/channels?endpoint=a&timeout=soon", "originate: timeout=soon is not allowed"),
        ("POST", "/channels?endpoint=a&app=x&context=y", "originate: context besides app"),
        ("POST", "/channels?endpoint=a&endpoint=b", "originate: endpoint given 2 times"),
        ("GET", f"{CHANNEL}?api_key=a:b", "channel: no parameter api_key"),
        ("POST", f"{CHANNEL}/record?name=a&format=wav&ifExists=no", "record: ifExists=no is not allowed"),
        ("DELETE", f"{CHANNEL}?reason=bored", "hangup: reason=bored is not allowed"),
        ("PUT", CHANNEL, f"no operation PUT /ari{CHANNEL}"),
        ("GET", "/recordings/live/a/mute", "no operation GET /ari/recordings/live/a/mute"),
        ("GET", "/events?app=a&subscribeAll=perhaps", "events: subscribeAll=perhaps is not allowed"),
        ("GET", "/events?app=a", "events: asked for without an upgrade to WebSocket"),
    ],
)
def test_a_request_that_is_not_described_is_refused_and_remembered(
    switch: Switch, method: str, path: str, problem: str
) -> None:
    pair = base64.b64encode(f"{ari.USER}:{ari.PASSWORD}".encode()).decode()
    answer = requests.request(
        method, switch.url + path, headers={"Authorization": f"Basic {pair}"}, timeout=5
    )
    assert answer.status_code == 400
    assert switch.problems == [problem]
    with pytest.raises(AssertionError, match=re.escape(problem)):
        switch.__exit__(None)
    switch.problems.clear()


def channel(**changed: Any) -> dict[str, Any]:
    nobody = {"name": "", "number": ""}
    dialplan = {"context": "a", "exten": "s", "priority": 1, "app_name": "", "app_data": ""}
    times = {"creationtime": "2026-01-02T03:04:05.678+0000", "language": "en"}
    named = {"id": "1", "protocol_id": "", "name": "PJSIP/a", "state": "Up", "accountcode": ""}
    return {**named, **times, "caller": nobody, "connected": nobody, "dialplan": dialplan, **changed}


EVENT = {"application": "a", "timestamp": "2026-01-02T03:04:05.678+0000"}


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        ({"type": "StasisStart", "args": [], "channel": channel()}, None),
        ({"type": "StasisStart", "channel": channel()}, "StasisStart: args is missing"),
        ({"type": "ChannelDestroyed", "cause": "16", "cause_txt": "", "channel": channel()}, "is no int"),
        ({"type": "ChannelStateChange", "channel": channel(state="Answered")}, "'Answered' is not allowed"),
        ({"type": "ChannelStateChange", "channel": channel(caller={"name": ""})}, "number is missing"),
        ({"type": "ChannelStateChange", "channel": channel(creationtime="yesterday")}, "is no Date"),
        ({"type": "RecordingFinished", "recording": {"name": "a"}}, "target_uri is missing"),
        ({"type": "StasisEnd", "channel": channel(), "cause": 16}, "StasisEnd: no field cause"),
        ({"type": "Channel"}, "no event Channel"),
    ],
)
def test_an_event_that_is_not_described_is_noticed(event: dict[str, Any], problem: str | None) -> None:
    found = description.problems_of_event(EVENT | event)
    if problem is None:
        assert found == []
    else:
        assert any(problem in one for one in found), found

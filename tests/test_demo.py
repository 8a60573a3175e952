"""The demo is run as a whole by CI; here: that it would notice what is not as it should be."""

import json
import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from demo import checks
from demo.calls import DemoCall, Failed, Stored
from demo.checks import Outcome
from demo.partner import METADATA, Partner
from demo.stack import DemoFailed, Stack
from tests.support import audio
from tests.support.partner_server import PartnerServer, Received

SECRET = "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"
KEYS = {"key": "k", "secret": "s", "tenant": "t", "sub_tenant": "u", "webhook_secret": SECRET}
FACTS = {"duration_seconds": 1.0, "codec": "pcm_s16le", "channels": 2}


def _callback(status: dict[str, Any], /, **changes: Any) -> Received:
    body = {"call_id": status["id"], "status": status["state"], "error": status["error"], "meta": METADATA}
    content = json.dumps({**body, "results": status["recording"], **changes})
    now, headers = datetime.now(UTC), Message()
    headers["webhook-id"] = "msg_1"
    headers["webhook-timestamp"] = str(int(now.timestamp()))
    headers["webhook-signature"] = Webhook(SECRET).sign("msg_1", now, content)
    return Received("POST", "/callbacks/a", {}, headers, content.encode(), 0.0)


@pytest.fixture
def good(tmp_path: Path) -> Outcome:
    """A call that completed in every respect as it should."""
    path = tmp_path / "1-1.wav"
    path.write_bytes(audio.wav(1.0, channels=2, tones=(440, 880)))
    expected = Stored(codec="pcm_s16le", seconds=1.0, tones=(440, 880))
    call = DemoCall(id="a", served="WAV", body=b"", content_type="audio/wav", expected=expected)
    status = {"id": "a", "state": "completed", "error": None, "attempts": 1, "recording": FACTS}
    callbacks = [_callback(status)]
    return Outcome(
        call=call,
        status=status,
        downloads=1,
        callbacks=callbacks,
        signed=[True],
        recordings=[path],
        originals=[tmp_path / "1-1.original"],
    )


def _other_facts(outcome: Outcome, **changes: Any) -> Outcome:
    return replace(outcome, status={**outcome.status, "recording": {**FACTS, **changes}})


def _other_file(outcome: Outcome, content: bytes) -> Outcome:
    outcome.recordings[0].write_bytes(content)
    return outcome


def _twice(outcome: Outcome) -> Outcome:
    return replace(outcome, callbacks=[*outcome.callbacks] * 2, signed=[True, True])


def _told(outcome: Outcome, /, **changes: Any) -> Outcome:
    return replace(outcome, callbacks=[_callback(dict(outcome.status), **changes)])


def _should_fail(outcome: Outcome) -> Outcome:
    return replace(outcome, call=replace(outcome.call, expected=Failed(reason="404")))


def test_it_finds_no_difference_where_there_is_none(good: Outcome) -> None:
    assert list(checks.of_call(good)) == []


@pytest.mark.parametrize(
    ("spoil", "difference"),
    [
        (_should_fail, "the state is completed, not failed"),
        (lambda good: replace(good, status={**good.status, "state": "failed"}), "the state is failed"),
        (lambda good: replace(good, downloads=2), "asked for 2 times, not 1"),
        (lambda good: replace(good, callbacks=[], signed=[]), "0 callbacks arrived, not 1"),
        (_twice, "2 callbacks arrived, not 1"),
        (lambda good: replace(good, signed=[False]), "signature is not valid"),
        (lambda good: _told(good, status="failed"), "the callback's status is 'failed'"),
        (lambda good: _told(good, meta={}), "the callback's meta is {}"),
        (lambda good: _told(good, results=None), "are not the facts of the status answer"),
        (lambda good: _other_facts(good, codec="mp3"), "its codec is given as mp3"),
        (lambda good: _other_facts(good, channels=1), "its channels is given as 1, not 2"),
        (lambda good: _other_facts(good, duration_seconds=2.0), "its duration is given as 2.0 s"),
        (lambda good: replace(good, originals=[]), "kept 0 times"),
        (lambda good: replace(good, recordings=[]), "0 stored files"),
        (lambda good: _other_file(good, b"<html>"), "the stored file is no WAV"),
        (lambda good: _other_file(good, audio.wav(1.0, channels=1)), "not (8000, 16, 2)"),
        (lambda good: _other_file(good, audio.wav(1.0, 16000, 2)), "not (8000, 16, 2)"),
        (lambda good: _other_file(good, audio.wav(2.0, channels=2)), "lasts 2.00 s"),
        (lambda good: _other_file(good, audio.wav(1.0, channels=2, tones=(880, 440))), "channel 0 of"),
    ],
)
def test_it_names_what_differs(good: Outcome, spoil: Callable[[Outcome], Outcome], difference: str) -> None:
    assert difference in "\n".join(checks.of_call(spoil(good)))


def test_it_names_a_failure_with_another_error(good: Outcome) -> None:
    status = {**good.status, "state": "failed", "error": "the server answered 500", "recording": None}
    failed = replace(_should_fail(good), status=status, callbacks=[_callback(status)])
    assert list(checks.of_call(failed)) == ["the error is “the server answered 500”, without “404”"]


def test_it_names_stored_files_that_belong_to_no_call(good: Outcome, tmp_path: Path) -> None:
    (tmp_path / "left-behind.wav").write_bytes(b"")
    (difference,) = checks.of_files(checks.stored_files(tmp_path), [good])
    assert "left-behind.wav" in difference


@pytest.mark.parametrize(("body", "valid"), [(None, True), (b"{}", False)])
def test_it_tells_a_signed_callback_from_a_changed_one(
    good: Outcome, body: bytes | None, *, valid: bool
) -> None:
    callback = good.callbacks[0] if body is None else replace(good.callbacks[0], body=body)
    with PartnerServer() as server:
        assert Partner("http://127.0.0.1", KEYS, server).signature_is_valid(callback) is valid


def test_it_refuses_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(DemoFailed, match=f"port {port} .*choose another"), Stack(port):
            pass

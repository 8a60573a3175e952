"""Structured logs: one request id from the answer to the task's lines, and nothing secret in any line."""

import http.client
import io
import json
import logging
import re
import subprocess
from contextlib import ExitStack, contextmanager

import pytest
import structlog
from django.conf import settings
from django.test import Client

from calls.models import Recording
from partners.models import Delivery
from tests.kills.support import wait_until
from tests.support import audio, factories
from tests.support.api import BATCH_CALL, CALLS
from tests.support.partner_server import PartnerServer
from tests.support.services import free_port
from tests.work.fetching import take_in
from zipingest import logs, work
from zipingest.management.commands.run_stack import make_folders, stack

WAV = audio.wav(0.2)


@pytest.fixture
def lines():
    """What the one handler writes from now on; call it for the lines so far, parsed."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logs.formatter())
    logging.getLogger().addHandler(handler)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    logging.getLogger().removeHandler(handler)


def named(lines, event):
    return [line for line in lines() if line["event"] == event]


# --- The request id ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("given", ["req-1", "A.b_c-1", "x" * 64])
def test_a_well_formed_request_id_is_kept_and_answered(lines, given):
    answer = Client().get("/healthz", headers={"X-Request-Id": given})
    assert answer["X-Request-Id"] == given
    assert [line["request_id"] for line in named(lines, "request")] == [given]


@pytest.mark.parametrize("given", [None, "", "x" * 65, "a b", "a\nb", "ä", '{"a":1}'])
def test_without_a_well_formed_one_the_request_gets_its_own(lines, given):
    headers = {} if given is None else {"X-Request-Id": given}
    answer = Client().get("/healthz", headers=headers)
    assert re.fullmatch("[0-9a-f]{32}", answer["X-Request-Id"])
    assert [line["request_id"] for line in named(lines, "request")] == [answer["X-Request-Id"]]


def test_every_answer_has_one_also_errors(db):
    for path in ("/healthz", "/nowhere", BATCH_CALL):
        assert Client().get(path)["X-Request-Id"]


def test_a_line_says_what_was_asked_and_how_it_ended(lines):
    Client().get("/healthz?query=planted")
    (line,) = named(lines, "request")
    assert (line["method"], line["path"], line["status"], line["level"]) == ("GET", "/healthz", 200, "info")
    assert line["milliseconds"] >= 0
    assert line["timestamp"].endswith("Z")


@pytest.mark.django_db
def test_nothing_of_a_request_stands_in_the_lines_of_the_next(lines):
    partner = factories.provisioned()
    Client().get(CALLS, headers=factories.headers(partner))
    Client().get("/healthz")
    first, second = named(lines, "request")
    assert first["partner"] == partner.partner.name
    assert "partner" not in second


@pytest.mark.django_db
def test_the_lines_of_a_fetch_and_of_its_callback_hold_the_requests_id(lines):
    before = structlog.contextvars.get_contextvars()
    with PartnerServer() as server:
        call = take_in(
            server.serve("/a.wav", WAV), callback_url=server.serve("/hook"), request_id="req-of-the-batch"
        )
        work.run_one(Recording)
        work.run_one(Delivery)
    (stored,), (tried,) = named(lines, "recording_stored"), named(lines, "callback_tried")
    assert stored["request_id"] == tried["request_id"] == "req-of-the-batch"
    assert (stored["call"], tried["webhook_id"]) == (str(call.uuid), f"msg_{call.uuid.hex}_1")
    assert structlog.contextvars.get_contextvars() == before


# --- Form -------------------------------------------------------------------------------------------------
def test_lines_of_libraries_have_the_same_form(lines):
    logging.getLogger("some.library").warning("it said %s", "this")
    (line,) = lines()
    assert (line["event"], line["level"], line["logger"]) == ("it said this", "warning", "some.library")


def test_an_exception_is_in_its_line(lines):
    try:
        raise ValueError("boom")
    except ValueError:
        structlog.get_logger("test").exception("it_failed")
    (line,) = lines()
    assert "ValueError: boom" in line["exception"]


def test_a_line_break_in_a_fact_makes_no_second_line(lines):
    structlog.get_logger("test").warning("fact", value='a\n{"event": "forged"}')
    assert [line["event"] for line in lines()] == ["fact"]


# --- Secrets ----------------------------------------------------------------------------------------------
REQUEST_ID = "req-of-the-batch"
PLANTED = re.compile(r"planted-[a-z-]+")


@contextmanager
def running_stack(log):
    """Web and worker as they run for real, everything they write going to the file ``log``."""
    with ExitStack() as ended:
        for program in stack(bind="127.0.0.1", workers=4):
            if program.name != "beat":
                process = subprocess.Popen(program.command, cwd=program.folder, stdout=log, stderr=log)
                ended.callback(process.wait, 30)
                ended.callback(process.terminate)
        wait_until(_is_healthy)
        yield


def _is_healthy():
    try:
        return _answer("GET", "/healthz") == 200
    except OSError:
        return False


def _answer(method, path, body=b"", headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", settings.PORT, timeout=10)
    connection.request(method, path, body, {"Content-Type": "application/json", **(headers or {})})
    return connection.getresponse().status


def planted_items(server):
    """Calls that end in every way, with something planted wherever a partner can put it."""
    sign_in = b"<html><body>Sign in planted-page</body></html>"
    urls = {
        "stored": server.serve("/stored.wav", WAV),
        "gone": server.serve("/gone.wav", b"planted-answer", status=404),
        "later": server.serve("/later.wav", status=503, headers={"X-Reason": "planted-header"}),
        "refused": f"http://127.0.0.1:{free_port()}/refused.wav",
        "redirected": server.redirect("/redirected.wav", server.url("/gone.wav?sig=planted-redirect")),
        "page": server.serve("/page.wav", sign_in, content_type="text/html"),
        "nonsense": server.serve("/nonsense.wav", b"planted-content"),
    }
    server.serve("/hook", b"planted-thanks", status=500, times=1)
    server.serve("/hook", b"planted-thanks", status=200)
    for id_, url in urls.items():
        yield factories.item(
            id_,
            call={"recording_url": f"{url}?sig=planted-signature"},
            callback_url=server.url("/hook?token=planted-token"),
            customer={"name": "planted-customer", "email": "planted-mail@example.com"},
            metadata={"note": "planted-metadata"},
            industry="planted-extra",
        )


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow  # it starts the whole stack
def test_no_query_string_secret_or_body_is_in_any_line_of_web_or_worker(settings, tmp_path):
    settings.PORT, partner = free_port(), factories.provisioned()
    make_folders()
    headers = {**factories.headers(partner), "X-Request-Id": REQUEST_ID}
    wrong = {**headers, "x-api-secret": "planted-secret", "X-Request-Id": "planted secret id"}
    with PartnerServer() as server, (tmp_path / "log").open("wb") as log, running_stack(log):
        body = json.dumps({"data": list(planted_items(server))}).encode()
        assert _answer("POST", f"{BATCH_CALL}?key=planted-query", body, headers) == 200
        assert _answer("POST", BATCH_CALL, b'{"planted-json', headers) == 400
        assert _answer("POST", BATCH_CALL, body, wrong) == 403
        assert _answer("GET", f"{CALLS}?cursor=planted-cursor", headers=headers) < 500
        assert _answer("GET", "/planted?planted-path-query", headers=headers) == 404
        wait_until(lambda: Recording.objects.filter(attempts__gt=0).count() == 7)
        wait_until(lambda: Delivery.objects.filter(attempts__gt=0).count() == 5)
    written = (tmp_path / "log").read_text()
    assert PLANTED.findall(written) == []
    for secret in (partner.issued.secret, partner.webhook_secret, "whsec_", "zps_", "?"):
        assert secret not in written
    # Celery itself says goodbye in plain text.
    parsed = [json.loads(line) for line in written.splitlines() if line.startswith("{")]
    events = {line["event"] for line in parsed if line.get("request_id") == REQUEST_ID}
    assert {"request", "recording_stored", "recording_not_stored", "callback_tried"} <= events

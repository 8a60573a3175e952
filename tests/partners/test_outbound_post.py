"""Sending a callback: what is sent, and that any answer is an answer."""

import threading

import pytest

from partners.outbound import InvalidUrl, NetworkFault, post
from tests.support.partner_server import PartnerServer


@pytest.fixture
def partner():
    with PartnerServer() as server:
        yield server


def send(url: str, *, body: bytes = b'{"call_id": "1"}', headers=None, deadline: float = 5):
    return post(url, body=body, headers=headers or {}, deadline_seconds=deadline)


def test_it_sends_body_and_headers_as_they_are(partner):
    url = partner.serve("/callback", status=204)
    send(url, body="{ü}".encode(), headers={"Content-Type": "application/json", "webhook-id": "msg_1"})
    (request,) = partner.wait_for("/callback")
    assert (request.method, request.body) == ("POST", "{ü}".encode())
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["webhook-id"] == "msg_1"
    assert request.headers["User-Agent"].startswith("Zipingest/")


@pytest.mark.parametrize("status", [200, 204, 400, 401, 404, 410, 429, 500, 503])
def test_every_status_is_an_answer(partner, status):
    assert send(partner.serve("/callback", status=status)).status == status


def test_the_answer_keeps_the_start_of_the_body_as_text(partner):
    answer = send(partner.serve("/callback", b"\xff<html>" + b"x" * 5000))
    assert answer.body == "\ufffd<html>" + "x" * 1017
    assert 0 < answer.duration_seconds < 5


def test_the_answer_says_when_to_come_back(partner):
    answer = send(partner.serve("/callback", status=503, headers={"Retry-After": "17"}))
    assert (answer.headers["retry-after"], answer.retry_after) == ("17", 17)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_answered_not_followed(partner, status):
    partner.serve("/elsewhere")
    answer = send(partner.redirect("/callback", "/elsewhere", status=status))
    assert answer.status == status
    assert partner.count("/elsewhere") == 0


def test_a_known_status_stands_although_the_body_hangs(partner):
    url = partner.serve("/callback", b"okay", status=200, hold=threading.Event(), hold_after=2)
    answer = send(url, deadline=0.5)
    assert (answer.status, answer.body) == (200, "ok")


def test_answers_come_in_the_order_they_were_programmed(partner):
    partner.serve("/callback", status=500, times=2)
    url = partner.serve("/callback", status=200)
    assert [send(url).status for _ in range(4)] == [500, 500, 200, 200]


def test_a_receiver_that_is_gone_is_a_network_fault():
    with PartnerServer() as gone:
        url = gone.url("/callback")
    with pytest.raises(NetworkFault, match="refused the connection"):
        send(url)


def test_plain_http_is_refused_where_loopback_is_not_allowed(partner, settings):
    settings.ALLOW_LOOPBACK = False
    settings.OUTBOUND_PORTS = (partner.port,)
    with pytest.raises(InvalidUrl, match="must start with https://"):
        send(partner.serve("/callback"))
    assert partner.connections == 0

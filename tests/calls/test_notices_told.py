"""When failure notices are told: gathered, once, and not before the mail server takes them."""

import re
import signal
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as configured
from django.db import connection
from django.test.utils import CaptureQueriesContext
from structlog.testing import capture_logs

from calls.models import Call, Network, Recording
from calls.services import notices, recordings
from tests.calls.networking import fail, failed, mailing, rest, take_in, text_of, untold
from tests.calls.threads import in_a_thread
from tests.kills.support import process
from tests.support.network import Networked, networked
from tests.support.services import free_port
from tests.support.smtp import MailServer
from zipingest import work
from zipingest.work import WorkState

pytestmark = pytest.mark.django_db

ADDRESS = "recordings@network.example"


@pytest.fixture
def network(db: None) -> Networked:
    return networked(notify=ADDRESS)


@pytest.fixture
def mails(settings: Any) -> Iterator[MailServer]:
    with mailing(settings) as running:
        yield running


# --- When it is told --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("oldest", "last_mail", "sent"),
    [
        (timedelta(seconds=50), None, 0),
        (timedelta(minutes=1), None, 1),
        (timedelta(minutes=1), timedelta(minutes=14, seconds=50), 0),
        (timedelta(minutes=1), timedelta(minutes=15), 1),
        (timedelta(seconds=50), timedelta(days=1), 0),
    ],
)
def test_it_gathers_for_a_minute_and_keeps_a_quarter_of_an_hour_between_mails(
    network: Networked, mails: MailServer, oldest: timedelta, last_mail: timedelta | None, sent: int
) -> None:
    failed(network, at=work.database_now())
    failed(network, at=work.database_now() - oldest)
    if last_mail is not None:
        rest(network, last_mail)

    assert [notices.tell(), notices.tell()] == [sent, 0]
    assert len(mails.mails) == sent
    assert len(untold()) == (0 if sent else 2)


def test_an_outage_costs_one_mail_a_quarter_of_an_hour(network: Networked, mails: MailServer) -> None:
    for _ in range(3):
        failed(network, 5)
        notices.tell()
    assert [mail["Subject"] for mail in mails.mails] == ["5 recordings failed"]

    rest(network)
    notices.tell()
    assert [mail["Subject"] for mail in mails.mails] == ["5 recordings failed", "10 recordings failed"]


@pytest.mark.django_db(transaction=True)
def test_of_workers_who_tell_at_once_one_does(
    network: Networked, mails: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed(network, 3)
    open_server, all_have_looked = notices._open_server, threading.Barrier(4, timeout=10)

    def wait_and_open(waiting: int) -> Any:
        all_have_looked.wait()
        return open_server(waiting)

    monkeypatch.setattr(notices, "_open_server", wait_and_open)
    threads = [in_a_thread(notices.tell) for _ in range(4)]
    for thread, _ in threads:
        thread.join()
    assert sum(sent for _, (sent,) in threads) == len(mails.mails) == 1


@pytest.mark.slow  # a process of its own
@pytest.mark.django_db(transaction=True)
def test_a_worker_that_dies_before_it_is_written_down_costs_a_mail_more_and_loses_none(
    network: Networked, mails: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    (call,) = failed(network)
    for name in ("EMAIL_HOST", "EMAIL_PORT"):
        monkeypatch.setenv(name, str(getattr(configured, name)))

    with process([sys.executable, "-m", "tests.calls.dying_teller"]) as doomed:
        assert doomed.wait(60) == -signal.SIGKILL

    assert (len(mails.mails), untold()) == (1, {call})
    assert notices.tell() == 0
    rest(network)
    assert notices.tell() == 1
    assert (len(mails.mails), untold()) == (2, set())


# --- What is not told -------------------------------------------------------------------------------------
def test_what_stands_otherwise_by_now_is_left_out(network: Networked, mails: MailServer) -> None:
    failing, stored, retried, erased = failed(network, 4)
    Recording.objects.filter(call=stored).update(state=WorkState.DONE)
    assert recordings.take_up(call=Call.objects.get(pk=retried.pk))
    Recording.objects.filter(call=erased).update(purged_at=work.database_now())

    notices.tell()

    (mail,) = mails.mails
    assert mail["Subject"] == "1 recording failed"
    assert str(failing.uuid) in text_of(mail)
    assert untold() == set()

    fail(Call.objects.get(pk=retried.pk))  # in the run begun anew
    rest(network)
    notices.tell()
    assert [str(retried.uuid) in text_of(mail) for mail in mails.mails] == [False, True]


def test_who_failed_twice_is_told_of_once_and_by_the_last_reason(
    network: Networked, mails: MailServer
) -> None:
    (call,) = failed(network, reason="the server answered 404 Not Found")
    assert recordings.take_up(call=Call.objects.get(pk=call.pk))
    fail(call, reason="the server answered 410 Gone")

    notices.tell()

    (mail,) = mails.mails
    assert mail["Subject"] == "1 recording failed"
    assert re.findall(r"answered (\d+)", text_of(mail)) == ["410"]
    assert untold() == set()


def test_where_all_was_stored_meanwhile_there_is_no_mail_and_the_next_need_not_wait(
    network: Networked, mails: MailServer
) -> None:
    failed(network, 2)
    Recording.objects.update(state=WorkState.DONE)
    assert (notices.tell(), untold()) == (0, set())

    failed(network)
    assert (notices.tell(), len(mails.mails)) == (1, 1)


def test_an_address_that_was_taken_away_is_not_mailed(network: Networked, mails: MailServer) -> None:
    failed(network)
    Network.objects.update(notify="")
    assert (notices.tell(), mails.mails) == (0, [])


def test_with_nothing_to_tell_it_costs_two_queries(network: Networked, mails: MailServer) -> None:
    take_in(network, "https://recordings.example.com/1.wav")
    with CaptureQueriesContext(connection) as queries:
        assert notices.tell() == 0
    assert len([query for query in queries if "clock_timestamp" not in query["sql"]]) == 2


# --- The mail server --------------------------------------------------------------------------------------
def test_while_the_mail_server_is_away_nothing_is_lost_or_claimed(
    network: Networked, mails: MailServer, settings: Any
) -> None:
    calls = failed(network, 2)
    settings.EMAIL_PORT = free_port()
    with capture_logs() as logs:
        assert notices.tell() == 0
    assert [(line["event"], line["waiting"]) for line in logs] == [("mail_server_away", 1)]
    assert untold() == set(calls)

    settings.EMAIL_PORT = mails.port
    assert (notices.tell(), untold()) == (1, set())


def test_a_refused_mail_is_tried_again_after_a_quarter_and_stops_no_other(
    network: Networked, mails: MailServer
) -> None:
    failed(networked("network0", notify="bad\nBcc: eve@elsewhere.example"))
    failed(networked("network2", notify="other@network.example"))
    refused = set(failed(network))
    mails.refuse.add(ADDRESS)
    with capture_logs() as logs:
        assert notices.tell() == 1
    assert [mail["To"] for mail in mails.mails] == ["other@network.example"]
    assert [line["error"] for line in logs if line["event"] == "failures_not_told"] == [
        "SMTPRecipientsRefused",
        "ValueError",
    ]
    assert untold() > refused

    mails.refuse.clear()
    assert notices.tell() == 0
    rest(network)
    assert notices.tell() == 1
    assert [mail["To"] for mail in mails.mails] == ["other@network.example", ADDRESS]


def test_without_a_mail_server_nothing_is_claimed_and_the_log_says_so_once(
    network: Networked, mails: MailServer, settings: Any
) -> None:
    settings.SENDS_MAIL = False
    calls = failed(network, 2)
    failed(networked("network2", notify="other@network.example"))

    with capture_logs() as logs:
        assert notices.tell() == 0

    assert [(line["event"], line["waiting"]) for line in logs] == [("failures_not_told", 2)]
    assert (mails.mails, untold() >= set(calls)) == ([], True)
    assert not Network.objects.filter(notified_at__isnull=False).exists()

"""Failure notices: owed by the commit that ends a recording, and what the mail about them says."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from calls import tasks
from calls.models import Call, FailureNotice, Recording
from calls.services import notices, recordings
from tests.calls.networking import PHONE, failed, mailing, rest, take_in, text_of, untold
from tests.support import audio, factories
from tests.support.network import Networked, networked
from tests.support.partner_server import PartnerServer
from tests.support.smtp import MailServer
from tests.work.fetching import attempt, engine_with, fetched
from zipingest import work
from zipingest.celery import app
from zipingest.work import WorkState

pytestmark = pytest.mark.django_db

ADDRESS = "recordings@network.example"


@pytest.fixture
def network(db: None) -> Networked:
    return networked(notify=ADDRESS, time_zone="America/Los_Angeles")


@pytest.fixture
def mails(settings: Any) -> Iterator[MailServer]:
    with mailing(settings) as running:
        yield running


@pytest.fixture
def server() -> Iterator[PartnerServer]:
    with PartnerServer() as running:
        yield running


def only_call(network: Networked, url: str) -> Call:
    (call,) = take_in(network, url)
    return call


def owed(call: Call) -> list[tuple[int, str]]:
    return list(FailureNotice.objects.filter(recording__call=call).values_list("run", "reason"))


# --- What is owed -----------------------------------------------------------------------------------------
def test_every_end_without_a_recording_owes_the_network_a_notice(
    network: Networked, server: PartnerServer, settings: Any
) -> None:
    gone = only_call(network, server.serve("/gone", status=404))
    mono = only_call(network, server.serve("/mono.wav", audio.wav(0.1)))
    lost = only_call(network, server.serve("/lost.wav", audio.wav(0.1)))
    bomb = only_call(network, server.serve("/bomb.mp4", audio.mp4_bomb()))
    Recording.objects.filter(call=lost).update(expiries=11)
    Recording.objects.filter(call=bomb).update(crashes=2)

    with engine_with(settings, AUDIO_MEMORY_BYTES=400 * 1024**2):
        while work.run_one(Recording):
            pass

    assert Recording.objects.get(call=bomb).state == WorkState.POISON
    assert owed(gone) == [(1, "the server answered 404 Not Found")]
    assert owed(mono) == [(1, "the recording is mono; one with the two sides on two channels is needed")]
    assert owed(lost) == [(1, "given up: 11 attempts were lost without an outcome")]
    assert owed(bomb) == [(1, "decoding ran out of memory")]
    assert untold() == {gone, mono, lost, bomb}
    assert FailureNotice.objects.filter(sub_tenant=network.sub_tenant).count() == 4


def test_nothing_is_owed_before_the_end_nor_to_who_did_not_ask(
    network: Networked, server: PartnerServer
) -> None:
    gone = server.serve("/gone", status=404)
    attempt(only_call(network, server.serve("/later", status=503)))
    attempt(only_call(network, server.serve("/a.wav", audio.wav(0.1, channels=2))))
    attempt(only_call(networked("silent"), gone))
    fetched(gone, partner=factories.provisioned(sub_tenant="network1"))

    assert Recording.objects.filter(state=WorkState.FAILED).count() == 2
    assert not FailureNotice.objects.exists()


def test_a_run_begun_anew_owes_one_of_its_own(network: Networked, server: PartnerServer) -> None:
    call = only_call(network, server.serve("/gone", status=404))
    attempt(call)
    recordings.take_up(call=Call.objects.get(pk=call.pk), url=server.serve("/refused", status=403))
    attempt(call)

    assert owed(call) == [(1, "the server answered 404 Not Found"), (2, "the server answered 403 Forbidden")]


def test_a_failure_and_its_notice_are_one_commit(network: Networked, server: PartnerServer) -> None:
    call = only_call(network, server.serve("/gone", status=404))
    taken = {"recording": call.recording, "run": 1, "sub_tenant": network.sub_tenant}
    FailureNotice.objects.create(**taken, failed_at=work.database_now())

    recording = attempt(call)  # its notice cannot be written: another has the place

    assert (recording.state, recording.last_error) == (WorkState.DUE, "internal error (IntegrityError)")
    assert not recording.tried.exists()


def test_on_the_way_to_failing_it_costs_two_queries(network: Networked) -> None:
    (call,) = failed(network)
    recording = Recording.objects.select_related("call").get(call=call)
    FailureNotice.objects.all().delete()

    with CaptureQueriesContext(connection) as queries:
        notices.owe(recording, work.database_now())

    assert len([query for query in queries if "clock_timestamp" not in query["sql"]]) == 2


# --- The mail ---------------------------------------------------------------------------------------------
def test_one_mail_says_what_failed_and_why_and_where_to_look(
    network: Networked, mails: MailServer, server: PartnerServer
) -> None:
    secret = "X-Amz-Signature=c0ffee"
    (gone,) = take_in(network, server.serve("/gone", status=404) + f"?{secret}", external_id="10002")
    attempt(gone)
    (mono,) = take_in(
        network,
        server.serve("/mono.wav", audio.wav(0.1)),
        external_id="10003\nand 7 more",
        started_at=datetime(2026, 6, 3, 3, 0, tzinfo=UTC),
    )
    attempt(mono)
    FailureNotice.objects.update(failed_at=datetime(2026, 6, 3, 17, 5, tzinfo=UTC))

    tasks.tell_failures()

    (mail,) = mails.mails
    assert (mail["To"], mail["From"]) == (ADDRESS, "zipingest@hub.example")
    assert mail["Subject"] == "2 recordings failed"
    assert mail.get_content_type() == "text/plain"
    assert text_of(mail) == (
        "Failed since 2026-06-03 10:05: 2 recordings.\n"
        "Account: tenant1 / network1. Times are in America/Los_Angeles.\n"
        "\n"
        "10002, call of 2026-06-01 09:30\n"
        "  Not fetched: the server answered 404 Not Found\n"
        f"  https://hub.example/library/{gone.uuid}\n"
        "\n"
        "10003 and 7 more, call of 2026-06-02 20:00\n"
        "  Not processed: the recording is mono; one with the two sides on two channels is needed\n"
        f"  https://hub.example/library/{mono.uuid}\n"
        "\n"
        "All calls of these days, the failed ones among them:\n"
        "https://hub.example/library?date_from=2026-06-01&date_to=2026-06-02\n"
    )
    assert server.received("/gone")[0].query
    assert not any(word in mail.as_string() for word in (secret, PHONE, PHONE.removeprefix("+")))
    assert untold() == set()


def test_its_links_open_for_the_accounts_people_and_show_the_calls(
    network: Networked, mails: MailServer
) -> None:
    calls = failed(network, 2)
    notices.tell()
    links = re.findall(r"https://hub\.example(\S+)", text_of(mails.mails[0]))
    reader = Client()
    reader.force_login(factories.person("read_only", network.sub_tenant))

    *pages, together = [reader.get(link).content.decode() for link in links]

    for call, page in zip(calls, pages, strict=True):
        assert call.external_id in page
        assert str(call.uuid) in together


def test_beyond_fifty_it_says_how_many_more_and_costs_no_query_more(
    network: Networked, mails: MailServer
) -> None:
    counts = []
    for number in (1, 50, 53):
        failed(network, number)
        rest(network)
        with CaptureQueriesContext(connection) as queries:
            assert notices.tell() == 1
        counts.append(len([query for query in queries if "clock_timestamp" not in query["sql"]]))

    texts = [text_of(mail) for mail in mails.mails]
    assert [mail["Subject"] for mail in mails.mails] == [
        "1 recording failed",
        "50 recordings failed",
        "53 recordings failed",
    ]
    assert [text.count("/library/") for text in texts] == [1, 50, 50]
    assert ["more" in text for text in texts] == [False, False, True]
    assert "\nand 3 more\n" in texts[-1]
    # What was overtaken, whose turn it is; claim, read, read the listed ones, mark.
    assert counts == [6, 6, 6]
    assert untold() == set()


def test_each_account_is_told_of_its_own(network: Networked, mails: MailServer) -> None:
    other = networked("network2", notify="other@network.example")
    ours, theirs = failed(network)[0], failed(other)[0]

    assert notices.tell() == 2

    texts = {mail["To"]: text_of(mail) for mail in mails.mails}
    assert set(texts) == {ADDRESS, "other@network.example"}
    assert str(ours.uuid) in texts[ADDRESS]
    assert str(theirs.uuid) not in texts[ADDRESS]


# --- Around it --------------------------------------------------------------------------------------------
def test_the_clock_of_the_house_asks_every_minute(settings: Any) -> None:
    entry = settings.CELERY_BEAT_SCHEDULE["tell-failures"]
    assert entry["schedule"].seconds == 60
    assert entry["task"] == tasks.tell_failures.name
    assert entry["task"] in app.tasks


def test_the_metrics_tell_how_many_wait(network: Networked, mails: MailServer) -> None:
    def told() -> str:
        return Client().get("/metrics").content.decode()

    failed(network, 3)
    assert 'zipingest_failure_notices{state="untold"} 3.0' in told()
    notices.tell()
    assert 'zipingest_failure_notices{state="untold"} 0.0' in told()

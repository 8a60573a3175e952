"""Telling by mail that an export has ended: once each, by whichever worker or sweep comes first."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import close_old_connections, connection
from django.test.utils import CaptureQueriesContext

from calls.filters import RecordingFilter
from exports import tasks
from exports.models import ExportJob
from exports.services import endings, orders, telling
from partners.models import User
from tests.exports.support import ACTOR, june, matched, packed, stored
from tests.support.factories import account, person
from tests.support.services import free_port
from tests.support.smtp import MailServer, mail_server
from zipingest import work
from zipingest.work import WorkState

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(settings: Any) -> Iterator[MailServer]:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.DEFAULT_FROM_EMAIL = "recordings@zipingest.example"
    settings.PUBLIC_URL = "https://recordings.example"
    with mail_server() as running:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", running.port
        yield running


@pytest.fixture
def maria(db: None) -> User:
    return person(username="maria", email="maria@account.example")


def order(user: User | None, *, tell: bool = True, wanted: RecordingFilter | None = None) -> ExportJob:
    actor = orders.audit.Actor(name="maria", address="192.0.2.7", user=user)
    criteria = {"date_from": "2026-06-01T00:00:00Z", "date_to": "2026-06-30T23:59:59.999999Z"}
    return orders.order(actor=actor, wanted=wanted or june(), criteria=criteria, tell=tell)


def fail(job: ExportJob) -> None:
    failed = {"error_message": "Storage unavailable.", "failed_at": work.database_now()}
    ExportJob.objects.filter(pk=job.pk).update(state=WorkState.FAILED, **failed)


def told_at(job: ExportJob) -> Any:
    return ExportJob.objects.get(pk=job.pk).told_at


def test_the_worker_tells_once_it_is_ready(server: MailServer, maria: User) -> None:
    stored(number=1)
    matched(account(), number=2)
    job = order(maria)
    tasks.pack_export()
    (mail,) = server.mails
    text = mail.get_content()
    assert (mail["To"], mail["From"]) == ("maria@account.example", "recordings@zipingest.example")
    assert mail["Subject"] == "Your export is ready: 1 recording"
    assert mail.get_content_type() == "text/plain"
    for said in (
        "What: 1 to 30 Jun 2026",
        "In it: 1 recording (",
        "Left out: 1 without a stored recording",
        f"https://recordings.example/exports/{job.public_id}",
        "It can be downloaded until ",
    ):
        assert said in text
    assert told_at(job) is not None


def test_the_worker_tells_that_it_failed_and_why(server: MailServer, maria: User) -> None:
    stored(number=1)
    fail(order(maria))
    assert telling.tell_ended() == 1
    (mail,) = server.mails
    assert mail["Subject"] == "Your export failed"
    assert "Why: Storage unavailable." in mail.get_content()


def test_nobody_is_told_twice(server: MailServer, maria: User) -> None:
    stored(number=1)
    packed(order(maria))
    assert [telling.tell_ended(), telling.tell_ended()] == [1, 0]
    assert len(server.mails) == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_who_tell_at_once_one_does(server: MailServer, maria: User) -> None:
    stored(number=1)
    packed(order(maria))
    told: list[int] = []

    def tell() -> None:
        told.append(telling.tell_ended())
        close_old_connections()
        connection.close()

    threads = [threading.Thread(target=tell) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sum(told), len(server.mails)) == (1, 1)


def test_the_sweep_tells_for_a_worker_that_died(server: MailServer, maria: User) -> None:
    stored(number=1)
    packed(order(maria))
    tasks.tidy_exports()
    assert len(server.mails) == 1


def test_while_the_mail_server_is_away_nothing_counts_as_told(
    server: MailServer, settings: Any, maria: User
) -> None:
    stored(number=1)
    job = packed(order(maria))
    settings.EMAIL_PORT = free_port()
    tasks.tidy_exports()
    assert told_at(job) is None
    settings.EMAIL_PORT = server.port
    tasks.tidy_exports()
    assert told_at(job) is not None


def test_a_refused_mail_is_tried_again_and_stops_no_other(server: MailServer, maria: User) -> None:
    stored(number=1)
    refused = packed(order(maria))
    taken = packed(order(person(username="ben", email="ben@account.example")))
    server.refuse.add("maria@")
    assert telling.tell_ended() == 1
    assert (told_at(refused), told_at(taken) is not None) == (None, True)
    server.refuse.clear()
    assert telling.tell_ended() == 1
    assert [mail["To"] for mail in server.mails] == ["ben@account.example", "maria@account.example"]


def test_an_address_that_is_none_stops_no_other(server: MailServer, maria: User) -> None:
    stored(number=1)
    packed(order(person(username="ben", email="ben\nBcc: eve@elsewhere.example")))
    packed(order(maria))
    assert telling.tell_ended() == 1
    assert [mail["To"] for mail in server.mails] == ["maria@account.example"]


def test_after_a_day_it_is_given_up(server: MailServer, maria: User) -> None:
    stored(number=1)
    job = packed(order(maria))
    ExportJob.objects.update(completed_at=work.database_now() - timedelta(days=1, seconds=1))
    assert telling.tell_ended() == 0
    job.refresh_from_db()
    assert telling.in_words(job) == "given up: the mail server did not take it for a day"


def _cancelled(job: ExportJob, _: User) -> None:
    endings.discard(job=job)


def _deleted(job: ExportJob, _: User) -> None:
    endings.discard(job=packed(job))


def _left(job: ExportJob, user: User) -> None:
    packed(job)
    User.objects.filter(pk=user.pk).update(is_active=False)


def _moved(job: ExportJob, user: User) -> None:
    packed(job)
    User.objects.filter(pk=user.pk).update(sub_tenant=account("elsewhere"))


@pytest.mark.parametrize("happened", [_cancelled, _deleted, _left, _moved])
def test_nobody_is_told_of(happened: Any, server: MailServer, maria: User) -> None:
    stored(number=1)
    happened(order(maria), maria)
    assert telling.tell_ended() == 0
    assert server.mails == []


@pytest.mark.parametrize(("address", "tell"), [("maria@account.example", False), ("", True)])
def test_only_who_asked_for_it_and_has_an_address_is_told(
    server: MailServer, address: str, tell: bool
) -> None:
    stored(number=1)
    job = packed(order(person(email=address), tell=tell))
    assert not job.tell
    assert telling.tell_ended() == 0


def test_a_machine_is_never_told(server: MailServer) -> None:
    stored(number=1)
    assert not orders.order(actor=ACTOR, wanted=june(), criteria={}, tell=True).tell


def test_of_a_second_end_they_are_told_again(server: MailServer, maria: User) -> None:
    stored(number=1)
    job = order(maria)
    fail(job)
    telling.tell_ended()
    endings.retry(job=job)
    tasks.pack_export()
    assert [mail["Subject"] for mail in server.mails] == [
        "Your export failed",
        "Your export is ready: 1 recording",
    ]


def test_with_nobody_to_tell_it_costs_one_query(server: MailServer) -> None:
    stored(number=1)
    packed(order(None))
    with CaptureQueriesContext(connection) as queries:
        telling.tell_ended()
    assert len([query for query in queries if "clock_timestamp" not in query["sql"]]) == 1

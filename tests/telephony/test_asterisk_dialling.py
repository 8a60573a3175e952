"""Contacts dialled through Asterisk: who is called, what becomes of it, and that nobody is called twice."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from calls.dialer.models import Blocked, Contact, ContactStatus, LogStatus, PhoneLog
from calls.dialer.services import following
from calls.models import Call, Recording
from calls.telephony.asterisk import Asterisk
from tests.support import dialling
from tests.support.ari import Plan, Switch
from tests.telephony.conftest import Follower
from zipingest import work
from zipingest.work import WorkState

pytestmark = pytest.mark.django_db


def watched() -> PhoneLog:
    """The only call, once it has been asked after."""
    PhoneLog.objects.update(due_at=work.database_now())
    assert work.run_one(PhoneLog)
    return PhoneLog.objects.get()


# --- What becomes of them ---------------------------------------------------------------------------------
def test_a_batch_is_dialled_recorded_and_stored(switch: Switch, follower: Follower) -> None:
    ends = {
        "+12125551001": (Plan(), ContactStatus.COMPLETED),
        "+12125551002": (Plan(rings=0.1), ContactStatus.COMPLETED),
        "+12125551003": (Plan(cause=17), ContactStatus.BUSY),
        "+12125551004": (Plan(cause=19), ContactStatus.NO_ANSWER),
        "+12125551005": (Plan(cause=0), ContactStatus.NO_ANSWER),
        "+12125551006": (Plan(cause=34), ContactStatus.FAILED),
        "+12125551007": (Plan(refused=400), ContactStatus.FAILED),
    }
    switch.plans = {phone: plan for phone, (plan, _) in ends.items()}
    batch = dialling.batch()
    contacts = [dialling.contact(batch, phone) for phone in ends]

    follower.note_ends_of(*contacts)

    assert {one.phone: one.status for one in contacts} == {phone: end for phone, (_, end) in ends.items()}
    assert switch.originated == dict.fromkeys(list(ends)[:6], 1)
    originated = [one.query for one in switch.asked if one.name == "originate"]
    assert {one["callerId"] for one in originated} == {dialling.NUMBER}
    assert {one["channelId"] for one in originated} == {str(log.uuid) for log in PhoneLog.objects.all()}
    assert PhoneLog.objects.get(contact=contacts[5]).cause == "Circuit congestion"
    assert PhoneLog.objects.get(contact=contacts[6]).cause == "Asterisk answered 400: Invalid parameters"
    assert switch.names().count("record") == Call.objects.count() == 2
    while work.run_one(Recording):
        pass
    for recording in Recording.objects.all():
        assert (recording.state, recording.last_error) == (WorkState.DONE, "")
        assert recording.source_url == f"asterisk:{recording.call.external_id}"


def test_what_is_told_twice_happens_once(switch: Switch, follower: Follower) -> None:
    switch.repeats = 2
    contact = dialling.contact(dialling.batch(retry=1))
    follower.note_ends_of(contact)
    assert (contact.status, contact.tries) == (ContactStatus.COMPLETED, 1)
    assert Call.objects.count() == len(switch.stored) == sum(switch.originated.values()) == 1


def test_events_are_followed_by_the_service_itself(switch: Switch) -> None:
    switch.default = Plan(rings=0.3)
    contact = dialling.contact(dialling.batch())
    stop = threading.Event()
    dialling.dial_all()

    def until_it_ended() -> None:
        while switch.channels:
            stop.wait(0.02)
        stop.wait(0.2)
        stop.set()

    threading.Thread(target=until_it_ended, daemon=True).start()
    following.follow(Asterisk(), stop)

    contact.refresh_from_db()
    assert contact.status == ContactStatus.COMPLETED
    assert switch.stored


# --- Where nobody knows -----------------------------------------------------------------------------------
def test_a_request_without_an_answer_is_asked_after_and_not_repeated(switch: Switch, settings: Any) -> None:
    settings.ARI_TIMEOUT_SECONDS = 0.3
    switch.default = Plan(answers=False, talks=None)
    contact = dialling.contact(dialling.batch(retry=1))
    assert dialling.dial_all() == 1
    assert PhoneLog.objects.get().status == LogStatus.ORIGINATING

    log = watched()

    assert log.status == LogStatus.IN_PROGRESS
    assert str(log.uuid) in switch.live
    assert dialling.dial_all() == 0
    switch.hang_up(str(log.uuid))
    assert watched().status == LogStatus.COMPLETED
    assert switch.originated == {contact.phone: 1}
    assert Call.objects.get().external_id == str(log.uuid)


def test_of_a_call_that_asterisk_does_not_know_a_person_decides(switch: Switch) -> None:
    switch.default = Plan(refused=500)
    contact = dialling.contact(dialling.batch(retry=1))
    switch.problems.clear()
    dialling.dial_all()
    assert PhoneLog.objects.get().status == LogStatus.ORIGINATING

    assert watched().status == LogStatus.ORIGINATING, "its end may be on its way"
    assert watched().status == LogStatus.UNKNOWN

    contact.refresh_from_db()
    assert contact.blocked_by == Blocked.UNKNOWN
    assert dialling.dial_all() == 0
    # Asterisk's description has no 500; it happens all the same.
    assert switch.problems == ["originate: no answer 500"]
    switch.problems.clear()


@pytest.mark.parametrize(
    ("break_it", "reason"),
    [
        (lambda settings: setattr(settings, "ARI_PASSWORD", "wr0ng-one"), "(ARI_USER, ARI_PASSWORD)"),
        (lambda settings: setattr(settings, "ARI_URL", "http://127.0.0.1:9/ari"), "refused the connection"),
        (lambda settings: setattr(settings, "ARI_URL", "http://192.0.2.1:9/ari"), "must start with https"),
    ],
)
def test_what_was_certainly_not_made_may_be_tried_again(
    switch: Switch, settings: Any, break_it: Callable[[Any], None], reason: str, caplog: Any
) -> None:
    contact = dialling.contact(dialling.batch(retry=1, delay=0))
    right_url, right_password = settings.ARI_URL, settings.ARI_PASSWORD
    break_it(settings)
    assert dialling.dial_all() == 2

    contact.refresh_from_db()
    assert (contact.status, contact.tries) == (ContactStatus.FAILED, 2)
    causes = {log.cause for log in PhoneLog.objects.all()}
    assert len(causes) == 1
    assert reason in causes.pop()
    assert not switch.originated
    shown = caplog.text + str(list(PhoneLog.objects.values())) + str(list(Contact.objects.values()))
    assert "wr0ng-one" not in shown
    assert right_password not in shown
    settings.ARI_URL, settings.ARI_PASSWORD = right_url, right_password


# --- While nobody was told --------------------------------------------------------------------------------
def test_what_happened_while_the_events_were_cut_is_found_by_asking(
    switch: Switch, follower: Follower
) -> None:
    switch.default = Plan(talks=None)
    first = dialling.contact(dialling.batch(), "+12125551001")
    follower.note_until(lambda: bool(switch.live))
    log = PhoneLog.objects.get()

    switch.drop_followers()
    switch.hang_up(str(log.uuid))
    switch.wait_for_follower()

    assert watched().status == LogStatus.COMPLETED
    assert PhoneLog.objects.get().cause == "its end was not told of"
    switch.default = Plan()
    second = dialling.contact(first.batch, "+12125551002")
    follower.note_ends_of(first, second)
    assert [first.status, second.status] == [ContactStatus.COMPLETED] * 2
    assert switch.originated == {first.phone: 1, second.phone: 1}


def test_a_call_that_was_answered_unheard_is_recorded_once_it_is_asked_after(switch: Switch) -> None:
    switch.default = Plan(rings=0, talks=None)
    dialling.contact(dialling.batch())
    dialling.dial_all()
    call_id = str(PhoneLog.objects.get().uuid)
    while call_id not in switch.channels or not switch.channels[call_id].in_app:
        threading.Event().wait(0.01)

    assert watched().status == LogStatus.IN_PROGRESS
    answered_at = PhoneLog.objects.get().answered_at
    watched()

    assert switch.names(call_id).count("record") == 1
    assert PhoneLog.objects.get().answered_at == answered_at

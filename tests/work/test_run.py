"""Carrying rows to an outcome: what a worker's exception, a lost message or a lost worker costs."""

import socket
import time

import pytest
from celery import Celery
from django.db import transaction

from partners.models import Delivery
from tests.support.factories import provisioned
from tests.support.services import free_port
from tests.work.support import claim_one, kind, leased, messages, overdue, owed, working_on_callbacks
from zipingest import tasks, work
from zipingest.work import Lease, WorkState, nudges

TASK = "partners.tasks.deliver_callback"


@pytest.fixture
def partner():
    return provisioned().partner


@pytest.fixture
def rows(partner):
    """Three due callbacks, and no messages in the broker that tell of them."""
    rows = [owed(partner) for _ in range(3)]
    messages("callbacks")
    return rows


# --- One row ----------------------------------------------------------------------------------------------
def test_it_carries_one_row_to_its_outcome(rows):
    with working_on_callbacks():
        assert work.run_one(Delivery)
    assert Delivery.objects.filter(state=WorkState.DONE).count() == 1


def test_a_stint_goes_on_with_what_is_due_and_wakes_one_more_worker(rows):
    with working_on_callbacks():
        work.run_stint(Delivery)
    assert Delivery.objects.filter(state=WorkState.DONE).count() == 3
    assert messages("callbacks") == [TASK]


def test_a_stint_that_is_over_hands_the_rest_on(rows):
    def dawdle(lease: Lease) -> None:
        messages("callbacks")  # the worker that was woken has been and gone
        time.sleep(1)
        lease.finish()

    with working_on_callbacks(perform=dawdle, lane_cap=1):
        work.run_stint(Delivery)
    assert Delivery.objects.filter(state=WorkState.DONE).count() == 1
    assert messages("callbacks") == [TASK]


def test_without_anything_due_it_does_nothing(partner):
    owed(partner, due_in=60)
    assert not work.run_one(Delivery)


def test_an_exception_puts_the_row_back(partner):
    row = owed(partner)

    def stumble(lease: Lease) -> None:
        raise RuntimeError("boom ?token=secret")

    with working_on_callbacks(perform=stumble):
        assert work.run_one(Delivery)
    row.refresh_from_db()
    assert (row.state, row.attempts, row.expiries) == (WorkState.DUE, 0, 1)
    assert row.last_error == "internal error (RuntimeError)"


def test_a_row_that_always_raises_backs_off_and_is_given_up_after_ten(partner):
    row, performed = owed(partner), []

    def stumble(lease: Lease) -> None:
        performed.append(lease.epoch)
        raise RuntimeError

    with working_on_callbacks(perform=stumble):
        for _ in range(20):
            work.run_one(Delivery)
            Delivery.objects.filter(state=WorkState.DUE).update(due_at=work.database_now())
    row.refresh_from_db()
    assert len(performed) == 11
    assert row.state == WorkState.FAILED
    assert row.last_error == "given up: 11 attempts were lost without an outcome"


def test_a_row_whose_workers_always_vanish_is_given_up_after_ten(partner):
    row, kept = leased(partner=partner, expiries=10)
    overdue(kept)
    work.release_expired(Delivery)
    Delivery.objects.update(due_at=work.database_now())
    performed = []
    with working_on_callbacks(perform=performed.append):
        assert work.run_one(Delivery)
    row.refresh_from_db()
    assert (row.state, performed) == (WorkState.FAILED, [])


def test_a_worker_that_lost_its_lease_meanwhile_leaves_the_row_to_its_new_holder(partner):
    row = owed(partner)

    def dawdle(lease: Lease) -> None:
        overdue(lease)
        work.release_expired(Delivery)
        lease.finish()

    with working_on_callbacks(perform=dawdle):
        assert work.run_one(Delivery)
    row.refresh_from_db()
    assert (row.state, row.attempts, row.expiries) == (WorkState.DUE, 0, 1)


# --- Nudges -----------------------------------------------------------------------------------------------
def test_a_nudge_is_sent_when_the_rows_are_committed(partner):
    with transaction.atomic():
        work.nudge(Delivery)
        assert messages("callbacks") == []
    assert messages("callbacks") == [TASK]


def test_no_nudge_is_sent_for_what_is_rolled_back(partner):
    with transaction.atomic():
        work.nudge(Delivery)
        transaction.set_rollback(True)
    assert messages("callbacks") == []


def test_a_claimer_that_leaves_due_rows_wakes_another_before_it_works(rows):
    seen = []

    def look(lease: Lease) -> None:
        seen.extend(messages("callbacks"))
        lease.finish()

    with working_on_callbacks(perform=look):
        work.run_one(Delivery)
    assert seen == [TASK]
    assert messages("callbacks") == []


def test_the_last_row_wakes_nobody(partner):
    owed(partner)
    messages("callbacks")
    with working_on_callbacks():
        work.run_one(Delivery)
    assert messages("callbacks") == []


def test_what_became_due_meanwhile_is_nudged_for_when_the_work_is_done(partner):
    owed(partner)
    messages("callbacks")

    def make_due(lease: Lease) -> None:
        lease.retry("again", delay=0)

    with working_on_callbacks(perform=make_due):
        work.run_one(Delivery)
    assert messages("callbacks") == [TASK]


def test_one_message_is_enough_for_all_rows(rows):
    """Each message leads to the next, as a worker would take them."""
    pending = [TASK]
    with working_on_callbacks():
        while pending:
            pending.pop()
            work.run_one(Delivery)
            pending += messages("callbacks")
    assert set(Delivery.objects.values_list("state", flat=True)) == {WorkState.DONE}


@pytest.mark.parametrize("cap", ["lane_cap", "target_cap"])
def test_what_a_cap_holds_back_is_nudged_for_when_its_place_is_free(rows, cap):
    before = []

    def look(lease: Lease) -> None:
        before.extend(messages("callbacks"))
        lease.finish()

    with working_on_callbacks(perform=look, **{cap: 1}):
        work.run_one(Delivery)
    assert before == [], "nobody could do anything yet"
    assert messages("callbacks") == [TASK]


def test_a_message_spent_on_a_full_lane_is_made_good(rows):
    """Whoever it woke meets a lane that has filled up since; the first to end sends another."""
    spent = []

    def fill_up(lease: Lease) -> None:
        spent.extend(messages("callbacks"))
        assert claim_one(kind(lane_cap=2)), "another worker takes the last place"
        assert not work.run_one(Delivery), "and the woken one finds none"
        lease.finish()

    with working_on_callbacks(perform=fill_up, lane_cap=2):
        work.run_one(Delivery)
    assert spent == [TASK]
    assert messages("callbacks") == [TASK]


def test_a_broker_that_is_away_costs_no_row(partner, unreachable_broker):
    with transaction.atomic():
        row = owed(partner)
    with working_on_callbacks():
        assert work.run_one(Delivery)
    row.refresh_from_db()
    assert row.state == WorkState.DONE


@pytest.fixture
def unreachable_broker(monkeypatch):
    """Celery's real client, and nothing at the other end."""
    away = Celery("away", broker=f"redis://127.0.0.1:{free_port()}/0", set_as_current=False)
    monkeypatch.setattr(nudges, "current_app", away)
    monkeypatch.setattr("zipingest.work.running.nudges", nudges.Nudges())


def test_a_broker_that_does_not_answer_keeps_one_request_waiting_and_not_long(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        broker = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        monkeypatch.setattr(nudges, "current_app", Celery("silent", broker=broker, set_as_current=False))
        ours, began = nudges.Nudges(), time.monotonic()
        ours.send(TASK)
        first = time.monotonic() - began
        ours.send(TASK)
        both = time.monotonic() - began
    assert 0.5 < first < 4
    assert both - first < 0.1


# --- Sweep ------------------------------------------------------------------------------------------------
def test_the_sweep_nudges_once_for_a_kind_that_has_due_rows(rows):
    tasks.sweep()
    assert messages("callbacks") == [TASK]
    assert messages("fetch") == []


def test_the_sweep_is_silent_while_nothing_is_due(partner):
    owed(partner, due_in=60)
    messages("callbacks")
    tasks.sweep()
    assert messages("callbacks") == []


def test_the_sweep_releases_what_a_vanished_worker_held_and_nudges_for_it(partner):
    row, lease = leased(partner=partner)
    overdue(lease)
    messages("callbacks")
    tasks.sweep()
    row.refresh_from_db()
    assert row.state == WorkState.DUE
    assert messages("callbacks") == [TASK]


def test_the_sweep_leaves_running_work_alone(partner):
    row, _ = leased(partner=partner)
    messages("callbacks")
    tasks.sweep()
    row.refresh_from_db()
    assert row.state == WorkState.LEASED
    assert messages("callbacks") == []

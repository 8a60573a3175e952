"""A lease: the right to write one outcome, kept by a heartbeat, lost by silence."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection

from partners.models import Delivery
from tests.work.support import claim_one, kind, leased, overdue
from zipingest import work
from zipingest.work import Heartbeat, LeaseLost, WorkState

SECONDS = timedelta(seconds=1)


def taken_over(lease):
    """The row's next lease, after ``lease`` ran out unnoticed by its holder."""
    overdue(lease)
    assert work.release_expired(Delivery) == 1
    next_lease = claim_one(kind())
    assert next_lease.epoch == lease.epoch + 1
    return next_lease


# --- Outcomes ---------------------------------------------------------------------------------------------
def test_finish_ends_the_row_and_clears_its_error():
    row, lease = leased(last_error="an earlier one")
    lease.finish(last_status=204)
    row.refresh_from_db()
    assert (row.state, row.attempts, row.last_error, row.lease_until) == (WorkState.DONE, 1, "", None)
    assert row.last_status == 204


@pytest.mark.parametrize("verb", ["fail", "poison"])
def test_failing_ends_the_row_with_its_reason(verb):
    row, lease = leased()
    getattr(lease, verb)("no good")
    row.refresh_from_db()
    assert row.state == {"fail": WorkState.FAILED, "poison": WorkState.POISON}[verb]
    assert (row.attempts, row.last_error, row.next_attempt_at) == (1, "no good", None)
    assert row.has_ended


def test_retry_puts_the_row_back_for_later():
    row, lease = leased()
    lease.retry("not now", delay=120)
    row.refresh_from_db()
    assert (row.state, row.attempts, row.last_error, row.lease_until) == (WorkState.DUE, 1, "not now", None)
    assert 110 * SECONDS < row.next_attempt_at - work.database_now() <= 120 * SECONDS
    assert claim_one(kind()) is None


# --- Stale workers ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "write",
    [
        lambda lease: lease.write(last_status=500),
        lambda lease: lease.extend(),
        lambda lease: lease.finish(last_status=500),
        lambda lease: lease.fail("stale"),
        lambda lease: lease.poison("stale"),
        lambda lease: lease.retry("stale", delay=1),
    ],
    ids=["write", "extend", "finish", "fail", "poison", "retry"],
)
@pytest.mark.parametrize("then", ["leased by another", "released", "finished by another"])
def test_a_worker_that_lost_its_lease_changes_nothing(write, then):
    row, lease = leased()
    if then == "released":
        overdue(lease)
        work.release_expired(Delivery)
    else:
        next_lease = taken_over(lease)
        if then == "finished by another":
            next_lease.finish()
    before = Delivery.objects.filter(pk=row.pk).values().get()
    with pytest.raises(LeaseLost):
        write(lease)
    assert Delivery.objects.filter(pk=row.pk).values().get() == before


# --- Expiry -----------------------------------------------------------------------------------------------
def test_a_lease_that_runs_is_not_released():
    leased()
    assert work.release_expired(Delivery) == 0


def test_the_first_expiry_puts_the_row_back_at_once():
    row, lease = leased()
    overdue(lease)
    assert work.release_expired(Delivery) == 1
    row.refresh_from_db()
    assert (row.state, row.expiries, row.attempts, row.lease_until) == (WorkState.DUE, 1, 0, None)
    assert claim_one(kind()).pk == row.pk


@pytest.mark.parametrize(("expiries", "pause"), [(1, 15), (4, 60), (9, 135)])
def test_each_further_expiry_waits_longer(expiries, pause):
    row, lease = leased(expiries=expiries)
    overdue(lease)
    work.release_expired(Delivery)
    row.refresh_from_db()
    assert (pause - 5) * SECONDS < row.due_at - work.database_now() <= pause * SECONDS


def test_a_worker_that_came_back_to_life_keeps_its_lease():
    row, lease = leased()
    overdue(lease)
    lease.extend()
    assert work.release_expired(Delivery) == 0
    lease.finish()
    row.refresh_from_db()
    assert (row.state, row.expiries) == (WorkState.DONE, 0)


# --- Heartbeat --------------------------------------------------------------------------------------------
@pytest.fixture
def heartbeat(settings):
    """One that beats every third of a second; its thread ends with the last lease."""
    settings.WORK_LEASE_SECONDS, others = 1, beating_threads()
    yield Heartbeat()
    wait_until(lambda: beating_threads() <= others)


def wait_until(true, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def beating_threads():
    return {thread for thread in threading.enumerate() if thread.name == "lease-heartbeat"}


def lease_until(lease):
    return Delivery.objects.values_list("lease_until", flat=True).get(pk=lease.pk)


def test_a_lease_is_extended_while_its_work_goes_on(heartbeat):
    _, lease = leased()
    began = lease_until(lease)
    with heartbeat.keeping([lease]):
        wait_until(lambda: lease_until(lease) > began + 0.6 * SECONDS)
        assert work.release_expired(Delivery) == 0


def test_a_lease_given_back_is_extended_no_more(heartbeat):
    _, lease = leased()
    with heartbeat.keeping([lease]):
        pass
    ended = lease_until(lease)
    time.sleep(0.8)
    assert lease_until(lease) == ended


def test_a_lost_lease_does_not_stop_the_others(heartbeat):
    _, lost = leased()
    taken_over(lost)
    _, kept = leased()
    began = lease_until(kept)
    with heartbeat.keeping([lost]), heartbeat.keeping([kept]):
        wait_until(lambda: lease_until(kept) > began)


def test_one_thread_beats_for_all_leases(heartbeat):
    leases, others = [leased()[1] for _ in range(3)], beating_threads()
    with heartbeat.keeping(leases[:2]), heartbeat.keeping(leases[2:]):
        assert len(beating_threads() - others) == 1


# --- Clock ------------------------------------------------------------------------------------------------
def test_times_are_the_databases():
    now = work.database_now()
    assert now.utcoffset() == timedelta(0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT CURRENT_TIMESTAMP")
        (theirs,) = cursor.fetchone()
    if connection.vendor == "postgresql":
        assert abs(theirs - now) < 5 * SECONDS

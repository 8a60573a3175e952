"""Claiming: one row to one worker, the epoch raised first, lanes served fairly and within their caps."""

import subprocess
import sys
from collections import Counter
from datetime import timedelta

import pytest

from partners.models import Delivery
from tests.support.factories import provisioned
from tests.work.support import claim_one, in_threads, kind, leased, owed
from zipingest import work
from zipingest.work import WorkState

CLAIM_ALL = """
import django
django.setup()
from partners.models import Delivery
from zipingest import work
(kind,) = [kind for kind in work.kinds() if kind.model is Delivery]
while leases := work.claim(kind):
    print(*(lease.pk for lease in leases))
"""


def claimed_lanes(count: int, **caps: int) -> list[str]:
    leases = [claim_one(kind(**caps)) for _ in range(count)]
    return [Delivery.objects.get(pk=lease.pk).lane for lease in leases if lease]


@pytest.fixture
def partner():
    return provisioned().partner


# --- One row, one worker ----------------------------------------------------------------------------------
def test_it_leases_a_due_row_and_raises_its_epoch_before_any_work(settings, partner):
    settings.WORK_LEASE_SECONDS = 60
    row, lease = leased(partner=partner)
    before = work.database_now()
    row.refresh_from_db()
    assert (row.state, row.lease_epoch, lease.epoch) == (WorkState.LEASED, 1, 1)
    assert timedelta(seconds=50) < row.lease_until - before <= timedelta(seconds=60)


def test_a_leased_row_is_not_claimed_again(partner):
    leased(partner=partner)
    assert claim_one(kind()) is None


def test_a_row_that_is_not_due_yet_is_not_claimed(partner):
    owed(partner, due_in=60)
    assert claim_one(kind()) is None


@pytest.mark.parametrize("state", [WorkState.DONE, WorkState.FAILED, WorkState.POISON])
def test_a_row_that_has_ended_is_not_claimed(partner, state):
    owed(partner, state=state)
    assert claim_one(kind()) is None


def test_the_oldest_due_row_of_a_lane_goes_first(partner):
    rows = [owed(partner, due_in=due_in) for due_in in (-10, -30, -20)]
    assert [claim_one(kind()).pk for _ in rows] == [rows[1].pk, rows[2].pk, rows[0].pk]


def test_of_many_threads_one_gets_the_row(partner):
    owed(partner)
    leases = in_threads(8, lambda: claim_one(kind()))
    assert len([lease for lease in leases if lease]) == 1
    assert Delivery.objects.get().lease_epoch == 1


def test_many_threads_share_the_rows_out_each_to_one(partner):
    rows = [owed(partner).pk for _ in range(24)]

    def claim_all():
        return list(iter(lambda: claim_one(kind()), None))

    leases = [lease for got in in_threads(8, claim_all) for lease in got]
    assert sorted(lease.pk for lease in leases) == rows
    assert set(Delivery.objects.values_list("lease_epoch", flat=True)) == {1}


def test_processes_share_the_rows_out_each_to_one(partner):
    rows = [owed(partner, lane=f"lane {n}", target="").pk for n in range(20)]
    workers = [subprocess.Popen([sys.executable, "-c", CLAIM_ALL], stdout=subprocess.PIPE) for _ in range(2)]
    printed = [worker.communicate(timeout=60)[0].split() for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0]
    assert sorted(int(pk) for pks in printed for pk in pks) == rows


# --- Several rows at once ---------------------------------------------------------------------------------
def test_a_claim_takes_the_oldest_rows_of_one_lane_up_to_its_batch(partner):
    rows = [owed(partner, lane="a", due_in=due_in).pk for due_in in (-10, -40, -30, -20)]
    owed(partner, lane="b", due_in=-5)
    assert [lease.pk for lease in work.claim(kind(batch=3))] == [rows[1], rows[2], rows[3]]


def test_a_claim_takes_rows_of_one_target_only(partner):
    for target in ("one.example", "other.example", "one.example"):
        owed(partner, target=target, due_in=-1)
    assert {lease.target for lease in work.claim(kind(batch=3))} == {"one.example"}


@pytest.mark.parametrize("caps", [{"lane_cap": 2}, {"target_cap": 2}])
def test_caps_count_claims_and_not_rows(partner, caps):
    for _ in range(9):
        owed(partner)
    assert [len(work.claim(kind(batch=3, **caps))) for _ in range(3)] == [3, 3, 0]


# --- Fairness ---------------------------------------------------------------------------------------------
def test_a_lane_with_a_backlog_does_not_hold_up_the_others(partner):
    for _ in range(6):
        owed(partner, lane="busy", due_in=-100)
    owed(partner, lane="quiet", due_in=-1)
    assert claimed_lanes(2) == ["busy", "quiet"]


def test_the_lane_with_the_fewest_running_is_served_first(partner):
    for lane in ("a", "b"):
        for _ in range(4):
            owed(partner, lane=lane)
    assert Counter(claimed_lanes(6)) == {"a": 3, "b": 3}


def test_among_equals_the_lane_that_waits_longest_is_served_first(partner):
    for lane, due_in in (("a", -10), ("b", -30), ("c", -20)):
        owed(partner, lane=lane, due_in=due_in)
    assert claimed_lanes(3) == ["b", "c", "a"]


# --- Caps -------------------------------------------------------------------------------------------------
def test_a_lane_runs_no_more_than_its_cap(partner):
    for _ in range(5):
        owed(partner, lane="a")
    assert len(claimed_lanes(5, lane_cap=2)) == 2


def test_a_full_lane_leaves_its_place_to_the_next(partner):
    for lane in ("a", "a", "b"):
        owed(partner, lane=lane, due_in=-100 if lane == "a" else -1)
    assert claimed_lanes(3, lane_cap=1) == ["a", "b"]


def test_a_target_runs_no_more_than_its_cap_whichever_lane_asks(partner):
    for lane in ("a", "b", "c"):
        owed(partner, lane=lane, target="slow.example")
    owed(partner, lane="c", target="other.example")
    assert len(claimed_lanes(4, target_cap=2)) == 3


def test_rows_without_a_target_share_no_cap(partner):
    for _ in range(3):
        owed(partner, target="")
    assert len(claimed_lanes(3, target_cap=1)) == 3


def test_an_ended_row_gives_its_place_back(partner):
    for _ in range(2):
        owed(partner, lane="a")
    first = claim_one(kind(lane_cap=1))
    assert claim_one(kind(lane_cap=1)) is None
    first.finish()
    assert claim_one(kind(lane_cap=1)) is not None


@pytest.mark.parametrize("caps", [{"lane_cap": 3}, {"target_cap": 3}])
def test_threads_that_claim_at_once_do_not_exceed_a_cap_together(partner, caps):
    for _ in range(16):
        owed(partner)
    leases = in_threads(12, lambda: claim_one(kind(**caps)))
    assert len([lease for lease in leases if lease]) == 3

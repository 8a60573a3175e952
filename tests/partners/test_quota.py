"""The quota: an exact moving window, shared through Redis, per process where Redis is away."""

import time

import pytest
from limits.strategies import MovingWindowRateLimiter

from partners import quota
from tests.support.factories import provisioned
from tests.support.services import free_port, redis
from tests.work.support import in_threads

pytestmark = pytest.mark.django_db

NOW = 1_700_000_000.0


@pytest.fixture(autouse=True)
def _nothing_counted_yet():
    quota.reset()
    yield
    quota.reset()


@pytest.fixture
def partner():
    return provisioned(rate_limit=3).partner


@pytest.fixture
def clock(monkeypatch, settings):
    """A clock to be set; Redis has its own, so this is the window in memory."""
    settings.REDIS_URL = ""

    class Clock:
        now = NOW

    monkeypatch.setattr(time, "time", lambda: Clock.now)
    return Clock


def test_it_counts_down_to_nothing_and_then_refuses(partner):
    spent = [quota.spend(partner) for _ in range(4)]
    assert [(each.allowed, each.remaining) for each in spent] == [(True, 2), (True, 1), (True, 0), (False, 0)]
    assert {each.limit for each in spent} == {3}
    assert 58 <= spent[-1].reset_after <= 60


def test_a_place_is_free_60_seconds_after_it_was_taken(partner, clock):
    for second in (0, 20, 40):
        clock.now = NOW + second
        assert quota.spend(partner).allowed
    clock.now = NOW + 59
    refused = quota.spend(partner)
    assert (refused.allowed, refused.reset_after) == (False, 1)
    clock.now = NOW + 60.5
    assert quota.spend(partner).allowed
    refused = quota.spend(partner)
    assert not refused.allowed
    assert 19 <= refused.reset_after <= 21


def test_no_60_seconds_hold_more_than_the_limit(partner, clock):
    """Also across the edge of a clock minute, where a fixed window lets twice the limit through."""
    allowed = []
    for step in range(400):
        clock.now = NOW + step * 0.7
        if quota.spend(partner).allowed:
            allowed.append(clock.now)
    assert len(allowed) > 10
    assert all(later - first >= 60 for first, later in zip(allowed, allowed[3:], strict=False))


def test_refused_requests_do_not_lengthen_the_wait(partner, clock):
    for _ in range(50):
        quota.spend(partner)
    clock.now = NOW + 61
    assert quota.spend(partner).allowed


def test_each_partner_has_its_own_window(partner):
    for _ in range(3):
        quota.spend(partner)
    assert quota.spend(provisioned(rate_limit=3).partner).allowed


@pytest.mark.django_db(transaction=True)
def test_requests_at_once_do_not_pass_together(partner):
    spent = in_threads(10, lambda: quota.spend(partner))
    assert sum(each.allowed for each in spent) == 3


def test_with_redis_processes_share_the_count(partner, settings, tmp_path):
    with redis(tmp_path) as settings.REDIS_URL:
        for _ in range(3):
            quota.spend(partner)
        quota.reset()  # as another process would, this one begins with empty memory
        assert not quota.spend(partner).allowed


def test_without_redis_each_process_counts_for_itself(partner, settings):
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    assert [quota.spend(partner).allowed for _ in range(4)] == [True, True, True, False]


def test_the_window_moves():
    assert isinstance(quota._per_process(), MovingWindowRateLimiter)

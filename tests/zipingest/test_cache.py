"""The cache that guards count in: shared through Redis, in this process's memory while Redis is away."""

import pytest
from django.test import RequestFactory
from django_ratelimit.core import get_usage

from tests.support.services import free_port, redis
from zipingest.cache import RedisOrOwnMemory


@pytest.fixture
def away():
    """A cache whose Redis is not there."""
    return RedisOrOwnMemory(f"redis://127.0.0.1:{free_port()}/0", {})


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory):
    with redis(tmp_path_factory.mktemp("redis")) as url:
        yield url


def test_with_redis_processes_share_what_they_count(redis_url):
    one, other = RedisOrOwnMemory(redis_url, {}), RedisOrOwnMemory(redis_url, {})
    assert one.add("shared", 1, 60)
    assert not other.add("shared", 1, 60)
    assert [one.incr("shared"), other.incr("shared")] == [2, 3]
    assert one.get("shared") == other.get("shared") == 3


def test_without_redis_a_process_counts_on_by_itself(away):
    assert away.add("own", 1, 60)
    assert not away.add("own", 1, 60)
    assert [away.incr("own"), away.incr("own")] == [2, 3]
    assert away.get("own") == 3
    assert away.get("missing", "default") == "default"


def test_what_was_never_added_cannot_be_counted_up_in_either(away, redis_url):
    for cache in (away, RedisOrOwnMemory(redis_url, {})):
        with pytest.raises(ValueError, match="missing"):
            cache.incr("missing")


def test_a_redis_that_goes_away_meanwhile_stops_nobody(tmp_path):
    with redis(tmp_path) as url:
        cache = RedisOrOwnMemory(url, {})
        assert cache.add("key", 1, 60)
    assert cache.get("key") is None
    assert cache.add("key", 1, 60)
    assert cache.incr("key") == 2


def test_a_guard_goes_on_guarding_without_redis(away, monkeypatch):
    monkeypatch.setattr("django_ratelimit.core.caches", {"default": away})
    request = RequestFactory().post("/")

    def is_limited():
        usage = get_usage(
            request, group="guard", key=lambda group, request: "address", rate="3/h", increment=True
        )
        return usage["should_limit"]

    assert [is_limited() for _ in range(5)] == [False, False, False, True, True]

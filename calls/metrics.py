"""``GET /metrics``: the figures of the house for Prometheus, for who holds the token or sits on this machine.

Text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/). Every figure is read from
the database at the scrape: no process counts for itself, so it does not matter which one answers.
"""

import ipaddress
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from calls import figures
from calls.selectors import CALL_STATES
from calls.services import alerts, notices
from zipingest import signs, work
from zipingest.api import health
from zipingest.api.addresses import client_address

_LATELY = timedelta(hours=1)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The figures; raises Http404 for everybody who may not read them."""
    if not _may_read(request):
        raise Http404
    registry = CollectorRegistry()
    registry.register(_House())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _may_read(request: HttpRequest) -> bool:
    if settings.METRICS_TOKENS:
        shown = request.headers.get("Authorization", "")
        return any(constant_time_compare(shown, f"Bearer {token}") for token in settings.METRICS_TOKENS)
    # Behind a proxy on this machine that nobody declared trusted, all the world seems to be on loopback.
    return "X-Forwarded-For" not in request.headers and _is_loopback(client_address(request))


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:  # a Unix socket has no address
        return False


class _House(Collector):
    def describe(self) -> Iterable[Metric]:
        """Nothing beforehand: the registry would ask the database for it."""
        return []

    def collect(self) -> Iterator[Metric]:
        now = work.database_now()
        yield from _work()
        yield from _attempts(now - _LATELY)
        yield from _today()
        yield from _waiting(now - _LATELY)
        yield from _ground(now)
        for gauge in figures.registered():
            yield _one(gauge.name, gauge.help_text, gauge.read(now))


def _work() -> Iterator[Metric]:
    items = GaugeMetricFamily("zipingest_work_items", "Work by kind and state.", labels=["kind", "state"])
    help_text = "For how long the oldest due work has waited past its time."
    oldest = GaugeMetricFamily("zipingest_work_oldest_due_seconds", help_text, labels=["kind"])
    for one in figures.work_by_kind():
        for state in ("due", "overdue", "leased", "run_out", "often_lost", "failed", "poison"):
            items.add_metric([one.kind, state], getattr(one, state))
        oldest.add_metric([one.kind], one.oldest_seconds)
    yield items
    yield oldest


def _attempts(since: datetime) -> Iterator[Metric]:
    failures = figures.fetch_failures(since)
    yield _gauge("fetch_failures", "Failed fetches of the last hour, by code.", "code", failures)
    callbacks = figures.callbacks_by_lane(since)
    results: Counter[str] = Counter()
    for (_, result), count in callbacks.items():
        results[result] += count
    yield _gauge("callback_attempts", "Attempts of the last hour, by result.", "result", results)
    labels = ["kind", "lane", "outcome"]
    lanes = GaugeMetricFamily("zipingest_lane_attempts", "Attempts of the last hour, by lane.", labels=labels)
    for kind, counts in (("recording", figures.fetches_by_lane(since)), ("callback", callbacks)):
        for lane, (done, failed) in sorted(_outcomes(counts).items()):
            lanes.add_metric([kind, lane, "done"], done)
            lanes.add_metric([kind, lane, "failed"], failed)
    yield lanes


def _outcomes(results: Mapping[tuple[str, str], int]) -> dict[str, tuple[int, int]]:
    """Per lane how many attempts did what they should, and how many did not."""
    outcomes: dict[str, tuple[int, int]] = {}
    for (lane, result), count in results.items():
        done, failed = outcomes.get(lane, (0, 0))
        well = result in ("stored", "delivered")
        outcomes[lane] = (done + count, failed) if well else (done, failed + count)
    return outcomes


def _today() -> Iterator[Metric]:
    purged = figures.purged_today()
    yield _gauge("purged_recordings", "Given up today (UTC), and left to delete.", "step", purged)
    rejected = {str(status): count for status, count in figures.rejections_today().items()}
    yield _gauge("rejected_requests", "Refused requests of today (UTC), by status.", "status", rejected)


def _waiting(since: datetime) -> Iterator[Metric]:
    received = dict.fromkeys(CALL_STATES, 0) | figures.calls_by_state(since)
    yield _gauge("calls_received", "Calls received in the last hour, by state.", "state", received)
    paused = alerts.counts()
    yield _gauge("paused_recordings", "Paused now, and of these told of as overlong.", "state", paused)
    failed = {"untold": notices.untold()}
    yield _gauge("failure_notices", "Failed recordings networks wait to be told of.", "state", failed)


def _ground(now: datetime) -> Iterator[Metric]:
    ready = {part: int(answers) for part, answers in health.answering().items()}
    yield _gauge("part_ready", "Whether it answers: 1 or 0.", "part", ready)
    seen = {name: signs.last(name) for name in (signs.SWEEP, signs.FOLLOWER)}
    ages = {name: max((now - at).total_seconds(), 0) for name, at in seen.items() if at}
    yield _gauge("seen_seconds", "Since the last sweep, and since events were last followed.", "who", ages)
    yield _one("storage_free_ratio", "Free share of the disk that holds the storage folder.", _free_share())


def _free_share() -> float | None:
    """From 0 to 1; None where the storage is not a folder of ours, or away."""
    url = urlsplit(settings.STORAGE_URL)
    if url.scheme != "file":
        return None
    try:
        disk = shutil.disk_usage(url.path)
    except OSError:
        return None
    return disk.free / disk.total


def _gauge(name: str, help_text: str, label: str, counts: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(f"zipingest_{name}", help_text, labels=[label])
    for value, count in sorted(counts.items()):
        family.add_metric([value], count)
    return family


def _one(name: str, help_text: str, value: float | None) -> Metric:
    """One figure without labels; without a value the family is named and has no sample."""
    family = GaugeMetricFamily(f"zipingest_{name}", help_text, labels=[])
    if value is not None:
        family.add_metric([], value)
    return family


urlpatterns = [path("", metrics, name="metrics")]

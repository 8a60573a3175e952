"""``GET /metrics``: the figures of the house for Prometheus, for who holds the token or sits on this machine.

Text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/). Every figure is read from
the database at the scrape: no process counts for itself, so it does not matter which one answers.
"""

import ipaddress
from collections.abc import Iterable, Iterator
from datetime import timedelta

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
from zipingest import work
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
    if settings.METRICS_TOKEN:
        expected = f"Bearer {settings.METRICS_TOKEN}"
        return constant_time_compare(request.headers.get("Authorization", ""), expected)
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
        since = work.database_now() - _LATELY
        yield from _work()
        received = dict.fromkeys(CALL_STATES, 0) | figures.calls_by_state(since)
        yield _gauge("calls_received", "Calls received in the last hour, by state.", "state", received)
        failures = figures.fetch_failures(since)
        yield _gauge("fetch_failures", "Failed fetches of the last hour, by code.", "code", failures)
        results = figures.callback_results(since)
        yield _gauge("callback_attempts", "Attempts of the last hour, by result.", "result", results)
        rejected = {str(status): count for status, count in figures.rejections_today().items()}
        purged = figures.purged_today()
        yield _gauge("purged_recordings", "Given up today (UTC), and left to delete.", "step", purged)
        paused = alerts.counts()
        yield _gauge("paused_recordings", "Paused now, and of these told of as overlong.", "state", paused)
        failed = {"untold": notices.untold()}
        yield _gauge("failure_notices", "Failed recordings networks wait to be told of.", "state", failed)
        yield _gauge("rejected_requests", "Refused requests of today (UTC), by status.", "status", rejected)


def _work() -> Iterator[Metric]:
    items = GaugeMetricFamily("zipingest_work_items", "Work by kind and state.", labels=["kind", "state"])
    help_text = "For how long the oldest due work has waited past its time."
    oldest = GaugeMetricFamily("zipingest_work_oldest_due_seconds", help_text, labels=["kind"])
    for one in figures.work_by_kind():
        for state in ("due", "leased", "failed", "poison"):
            items.add_metric([one.kind, state], getattr(one, state))
        oldest.add_metric([one.kind], one.oldest_seconds)
    yield items
    yield oldest


def _gauge(name: str, help_text: str, label: str, counts: dict[str, int]) -> Metric:
    family = GaugeMetricFamily(f"zipingest_{name}", help_text, labels=[label])
    for value, count in sorted(counts.items()):
        family.add_metric([value], count)
    return family


urlpatterns = [path("", metrics, name="metrics")]

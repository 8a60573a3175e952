"""Callbacks to one endpoint: a worker takes several at once, and each has an outcome of its own."""

import time

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from partners import deliveries
from partners.models import Attempt, Delivery
from tests.support.factories import provisioned
from tests.support.partner_server import PartnerServer
from zipingest import work
from zipingest.work import WorkState

pytestmark = pytest.mark.django_db

NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


@pytest.fixture
def server():
    with PartnerServer() as server:
        yield server


@pytest.fixture
def partner():
    return provisioned()


def owe(partner, url, count=1):
    return [
        deliveries.owe(
            partner=partner.partner,
            sub_tenant=partner.sub_tenant,
            event=deliveries.CALL_PROCESSED,
            payload={"call_id": number},
            url=url,
        )
        for number in range(count)
    ]


def states():
    return list(Delivery.objects.order_by("pk").values_list("state", "attempts", "last_status"))


def test_what_waits_for_one_endpoint_is_tried_in_one_go(server, partner):
    owe(partner, server.serve("/hook", status=204), count=12)
    assert work.run_one(Delivery)
    assert states() == [(WorkState.DONE, 1, 204)] * 12
    assert Attempt.objects.filter(number=1, error="").count() == 12
    assert len({request.headers["webhook-id"] for request in server.requests}) == 12


def test_one_that_is_refused_waits_and_the_others_are_done(server, partner):
    owe(partner, server.serve("/hook", status=204), count=2)
    owe(partner, server.serve("/refuses", status=500))
    owe(partner, server.url("/hook"), count=2)
    assert work.run_one(Delivery)
    assert states() == [
        (WorkState.DONE, 1, 204),
        (WorkState.DONE, 1, 204),
        (WorkState.DUE, 1, 500),
        (WorkState.DONE, 1, 204),
        (WorkState.DONE, 1, 204),
    ]
    assert Delivery.objects.get(state=WorkState.DUE).last_error == "the endpoint answered 500"


def test_what_a_slow_endpoint_leaves_no_time_for_waits_as_if_untouched(server, partner):
    def slowly():
        time.sleep(0.6)
        yield NO_CONTENT

    owe(partner, server.script("/slow", slowly), count=3)
    assert work.run_one(Delivery)
    assert states() == [(WorkState.DONE, 1, 204), (WorkState.DUE, 0, None), (WorkState.DUE, 0, None)]
    assert not Delivery.objects.filter(expiries__gt=0).exists()
    assert work.run_one(Delivery), "and can be claimed at once"


def test_one_that_another_worker_has_taken_is_left_to_it_and_the_others_are_written(server, partner):
    _, second, _ = owe(partner, server.serve("/hook", status=204), count=3)
    (kind,) = [kind for kind in work.kinds() if kind.model is Delivery]
    leases = work.claim(kind)
    Delivery.objects.filter(pk=second.pk).update(lease_epoch=7)
    kind.perform(leases)
    assert states() == [(WorkState.DONE, 1, 204), (WorkState.LEASED, 0, None), (WorkState.DONE, 1, 204)]
    assert sorted(Attempt.objects.values_list("delivery__lease_epoch", flat=True)) == [1, 1]


def test_however_many_are_taken_the_statements_are_the_same(server, partner, monkeypatch):
    monkeypatch.setattr(deliveries, "_SECONDS_AT_ONCE", 60)  # what is put back costs a statement each
    url = server.serve("/hook", status=204)
    counts = []
    for count in (2, 20):
        owe(partner, url, count=count)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert work.run_one(Delivery)
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert counts[0] <= 21
    assert not Delivery.objects.exclude(state=WorkState.DONE).exists()

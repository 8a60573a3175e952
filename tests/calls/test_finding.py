"""Which call is meant: the one of that id, or the one that began closest to the time that is told."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from calls import finding
from calls.finding import NEAR, Wanted
from calls.models import Call, Campaign, Direction
from tests.calls.networking import take_in
from tests.support.network import Networked, networked

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
CUSTOMER, OURS = "+18885551212", "+19093900003"


@pytest.fixture
def network() -> Networked:
    return networked()


def began(network: Networked, seconds: float, **fields: object) -> Call:
    """A call that began so many seconds after noon."""
    started_at = NOON + timedelta(seconds=seconds)
    given = {"customer_phone": CUSTOMER, "our_phone": OURS, "started_at": started_at, **fields}
    (call,) = take_in(network, "https://recordings.example.com/1.wav", **given)
    return call


def found(network: Networked, moment: datetime = NOON, **wanted: object) -> int | None:
    return finding.find(finding.open_calls(network.sub_tenant), Wanted(started_at=moment, **wanted))


def test_by_its_id_with_or_without_dashes_only_in_its_own_account(network: Networked) -> None:
    call, other = began(network, 0), networked("network2")
    for cuid in (call.uuid.hex, str(call.uuid), call.uuid.hex.upper()):
        assert finding.find(finding.open_calls(network.sub_tenant), Wanted(cuid=cuid)) == call.pk
        assert finding.find(finding.open_calls(other.sub_tenant), Wanted(cuid=cuid)) is None
    for cuid in ("", "1", "00000000-00000001", "f" * 32):
        assert finding.find(finding.open_calls(network.sub_tenant), Wanted(cuid=cuid)) is None


def test_the_closest_by_time_at_most_ten_minutes_away(network: Networked) -> None:
    earlier, later = began(network, -600), began(network, 300)
    began(networked("network2"), 0)
    assert found(network) == later.pk
    assert found(network, NOON - timedelta(seconds=200)) == earlier.pk
    assert found(network, NOON - timedelta(seconds=600) - NEAR) == earlier.pk
    assert found(network, NOON - timedelta(seconds=601) - NEAR) is None
    assert found(network, NOON + timedelta(seconds=300) + NEAR) == later.pk
    assert found(network, NOON + timedelta(seconds=301) + NEAR) is None
    for moment in (datetime.min, datetime.max):  # there is no ten minutes before, and none after
        assert found(network, moment.replace(tzinfo=UTC)) is None


def test_phone_and_campaign_narrow_it(network: Networked) -> None:
    rang = began(network, 1)
    rung = began(network, 2, direction=Direction.OUTBOUND)
    unknown = began(network, 3, direction="", customer_phone="+15550100")
    other = Campaign.objects.create(sub_tenant=network.sub_tenant, name="Other", external_id="87")
    of_other = began(network, 4, campaign_id=other.pk)
    assert found(network) == rang.pk
    assert found(network, phone=CUSTOMER) == rang.pk
    assert found(network, phone=OURS) == rung.pk, "of an outbound call we are the one who rings"
    assert found(network, phone="+15550100") == unknown.pk
    assert found(network, campaign="87") == of_other.pk
    assert found(network, campaign="87", phone=OURS) is None


def test_the_length_decides_between_calls_that_began_equally_near(network: Networked) -> None:
    before = began(network, -60, ended_at=NOON + timedelta(seconds=40))
    after = began(network, 60, ended_at=NOON + timedelta(seconds=260))
    recorded = began(network, 60)
    type(recorded.recording).objects.filter(call=recorded).update(duration_seconds=350.5)
    nearer = began(network, 59, ended_at=NOON + timedelta(seconds=9999))
    assert found(network, duration=100) == nearer.pk, "closeness comes first"
    Call.objects.filter(pk=nearer.pk).update(started_at=NOON - timedelta(hours=1))
    assert found(network, duration=99.5) == before.pk
    assert found(network, duration=210) == after.pk
    assert found(network, duration=1000) == recorded.pk
    assert found(network) == before.pk, "else the one that came first"


def test_it_takes_few_statements_and_is_read_off_the_index(
    network: Networked, django_assert_num_queries
) -> None:
    call = began(network, 0)
    with django_assert_num_queries(1):
        assert found(network, cuid=call.uuid.hex) == call.pk
    with django_assert_num_queries(3) as captured:
        assert found(network, phone=CUSTOMER, duration=1) == call.pk
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # of so few rows it would rather read all
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_bitmapscan = off")
        for query in captured.captured_queries:
            prefix = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
            cursor.execute(f"{prefix} {query['sql']}")
            assert "call_sub_tenant_started" in str(cursor.fetchall()), query["sql"]

"""A partner's own list, newest first: right in every state, in two queries, read off an index."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from calls import selectors
from calls.models import Call, Recording, Stage
from tests.support.factories import Provisioned, ingest, item, provisioned
from zipingest.work import WorkState

pytestmark = pytest.mark.django_db

ENDS = [
    ("queued", {"state": WorkState.DUE}),
    ("fetching", {"state": WorkState.LEASED, "stage": Stage.FETCHING}),
    ("processing", {"state": WorkState.LEASED, "stage": Stage.PROCESSING}),
    ("completed", {"state": WorkState.DONE}),
    ("failed", {"state": WorkState.FAILED}),
    ("failed", {"state": WorkState.POISON}),
]


def ingested(partner: Provisioned, name: str = "call") -> None:
    """Three calls in each state, the states taking turns."""
    ingest(partner, *(item(f"{name}-{number}") for number in range(3 * len(ENDS))))
    own = Recording.objects.filter(call__partner=partner.partner, call__external_id__startswith=f"{name}-")
    for number, recording in enumerate(own.order_by("call")):
        Recording.objects.filter(pk=recording.pk).update(**ENDS[number % len(ENDS)][1])


def wanted(partner: Provisioned, state: str | None) -> list[int]:
    """The same list, by looking at each call."""
    calls = Call.objects.filter(partner=partner.partner, sub_tenant=partner.sub_tenant).order_by("-pk")
    return [call.pk for call in calls if state in (None, call.recording.public_state)]


def newest(partner: Provisioned, **options: Any) -> list[int]:
    return [call.pk for call in selectors.newest_calls(partner.partner, partner.sub_tenant, **options)]


@pytest.fixture
def partner() -> Provisioned:
    """With calls in two sub-tenants, beside another partner's in the same."""
    mine = provisioned("mine")
    ingested(provisioned("other"), "theirs")
    ingested(mine)
    ingested(provisioned("mine", sub_tenant="another"), "elsewhere")
    return mine


@pytest.mark.parametrize("state", [None, *selectors.CALL_STATES])
def test_it_lists_ones_own_calls_of_the_state_newest_first(partner: Provisioned, state: str | None) -> None:
    found = newest(partner, state=state)
    assert found == wanted(partner, state)
    assert len(found) == {None: 18, "failed": 6}.get(state, 3)


@pytest.mark.parametrize("state", [None, *selectors.CALL_STATES])
def test_a_page_goes_on_where_the_one_before_ended(partner: Provisioned, state: str | None) -> None:
    first, *rest = wanted(partner, state)
    assert newest(partner, state=state, before=first) == rest


@pytest.mark.parametrize("state", [None, *selectors.CALL_STATES])
def test_it_lists_what_came_since(partner: Provisioned, state: str | None) -> None:
    first, *_ = wanted(partner, state)
    now = timezone.now()
    Call.objects.filter(pk=first).update(received_at=now + timedelta(minutes=1))
    assert newest(partner, state=state, since=now) == [first]


@pytest.mark.parametrize("state", [None, *selectors.CALL_STATES])
def test_a_page_with_its_recordings_and_conflicts_takes_two_queries(
    partner: Provisioned, state: str | None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(2):
        page = selectors.newest_calls(partner.partner, partner.sub_tenant, state=state)[:3]
        assert [(call.recording.public_state, selectors.conflicts_of(call)) for call in page]


@pytest.mark.parametrize(
    ("state", "index"), [("queued", "recording_own_due"), ("failed", "recording_own_failed")]
)
def test_the_calls_of_a_state_are_read_off_its_index(partner: Provisioned, state: str, index: str) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # so few rows it would rather sort
            cursor.execute("SET LOCAL enable_sort = off")
        page = selectors.newest_calls(partner.partner, partner.sub_tenant, state=state)[:3]
        plan = page.explain()
    assert index in plan
    assert "TEMP B-TREE" not in plan

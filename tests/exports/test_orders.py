"""Ordering an export: what is estimated, what is pinned, and what is refused."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from calls.models import AccessRecord, Call, LegalHold, Recording
from exports.models import ExportEntry, ExportJob, ExportStatus
from exports.services import orders
from tests.exports.support import ACTOR, STARTED, agent, june, matched, opened, ordered, packed, stored
from tests.support.factories import account
from zipingest import work

pytestmark = pytest.mark.django_db


def pinned(job):
    return list(job.entries.order_by("position").values_list("call", flat=True))


def test_it_estimates_what_can_be_included_and_pins_all_that_matches():
    second, first = stored(number=2, data=b"12345"), stored(number=1, data=b"123")
    waiting = matched(account(), number=3)
    job = ordered()
    assert (job.estimated_files, job.estimated_bytes, job.entries_total) == (2, 8, 3)
    assert pinned(job) == [first.pk, second.pk, waiting.pk]
    assert job.status == ExportStatus.QUEUED


def test_calls_that_come_later_are_not_in_it():
    stored(number=1)
    job = ordered()
    stored(number=2)
    assert packed(job).included == 1


def test_calls_that_no_longer_match_are_still_in_it():
    call = stored(number=1)
    job = ordered()
    Call.objects.filter(pk=call.pk).update(disposition="OTHER", started_at=STARTED + timedelta(days=99))
    assert packed(job).included == 1


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"disposition_codes": ("CALLBACK_REQ",)}, [2]),
        ({"date_from": STARTED + timedelta(minutes=2)}, [2, 3]),
        ({"date_to": STARTED + timedelta(minutes=2)}, [1, 2]),
    ],
)
def test_it_pins_what_the_filter_means(fields, expected):
    numbers = {stored(number=number, disposition=code).pk: number for number, code in _CODES}
    assert [numbers[pk] for pk in pinned(ordered(june(**fields)))] == expected


_CODES = ((1, "SALE-OK"), (2, "CALLBACK_REQ"), (3, "SALE-OK"))


def test_it_pins_the_calls_of_the_agents_asked_for():
    other = agent(account(), extension="102")
    stored(number=1)
    theirs = stored(number=2, agent=other)
    assert pinned(ordered(june(agent_ids=(other.pk,)))) == [theirs.pk]


def test_another_accounts_calls_are_never_in_it():
    mine = stored(number=1)
    stored(account("subtenant2"), number=2)
    assert pinned(ordered()) == [mine.pk]


def test_without_a_recording_to_include_nothing_is_ordered():
    matched(account(), number=1)
    with pytest.raises(orders.NothingToExport):
        ordered()
    assert not ExportJob.objects.exists()
    assert not ExportEntry.objects.exists()
    assert not AccessRecord.objects.exists()


def expire(call, days=1):
    sub_tenant = call.sub_tenant
    sub_tenant.retention_days = days
    sub_tenant.save()
    past = work.database_now() - timedelta(days=days, seconds=1)
    Recording.objects.filter(call=call).update(kept_from=past)


def test_what_has_expired_is_not_estimated():
    expire(stored(number=1))
    with pytest.raises(orders.NothingToExport):
        ordered()


def test_what_is_held_is_estimated_whatever_its_age():
    call = stored(number=1)
    expire(call)
    LegalHold.objects.create(call=call, reason="court", placed_by="eve", placed_at=STARTED)
    assert ordered().estimated_files == 1


def test_ordering_is_noted_in_the_access_audit():
    stored(number=1)
    job = ordered()
    record = AccessRecord.objects.get()
    assert (record.actor, record.kind, record.subject) == ("maria", "export", job.public_id)
    assert (record.address, record.sub_tenant) == ("192.0.2.7", account())


def test_it_takes_the_same_few_statements_however_many_match():
    counts = []
    for first, last in ((0, 1), (1, 40)):
        for number in range(first, last):
            stored(number=number)
        wanted = june()
        with CaptureQueriesContext(connection) as queries:
            ordered(wanted)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 8


# --- Selected calls, supplements --------------------------------------------------------------------------
def test_selected_calls_are_exported_by_their_uuids_and_only_the_accounts_own():
    mine, _, foreign = stored(number=1), stored(number=2), stored(account("subtenant2"), number=3)
    job = orders.order_calls(actor=ACTOR, sub_tenant=account(), uuids=[mine.uuid, foreign.uuid])
    assert pinned(job) == [mine.pk]


def test_a_supplement_holds_only_what_the_first_could_not_include():
    stored(number=1)
    late = matched(account(), number=2)
    job = packed(ordered())
    assert (job.included, job.missing) == (1, 1)
    Recording.objects.filter(call=late).delete()
    source = stored(number=3)
    Recording.objects.filter(call=source).update(call=late)
    supplement = orders.order_supplement(actor=ACTOR, job=job)
    assert supplement.supplements == job
    assert pinned(supplement) == [late.pk]
    assert len(opened(packed(supplement)).namelist()) == 2  # the recording and the manifest


def test_a_supplement_of_a_complete_export_is_refused():
    stored(number=1)
    with pytest.raises(orders.NothingToExport):
        orders.order_supplement(actor=ACTOR, job=packed(ordered()))


def test_a_supplement_of_an_export_that_is_not_packed_is_refused():
    stored(number=1)
    with pytest.raises(orders.NotReady):
        orders.order_supplement(actor=ACTOR, job=ordered())

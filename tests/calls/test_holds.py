"""A legal hold beats every path by which a call or its audio could go."""

from collections.abc import Callable

import pytest
from django.db import transaction
from django.db.models import ProtectedError

from calls import keeping
from calls.models import Call, LegalHold, Recording
from calls.services import holds, purge
from calls.services.holds import Placed
from tests.calls.keeping import LONG_GONE, account, objects_of, recording_of, stored
from tests.calls.threads import in_a_thread
from zipingest import work

pytestmark = pytest.mark.django_db


def place(*calls: Call, reason: str = "case 7") -> Placed:
    return holds.place(
        calls=Call.objects.filter(pk__in=[call.pk for call in calls]), reason=reason, placed_by="ada"
    )


def test_a_hold_says_who_when_and_why() -> None:
    call = stored(account())
    place(call)
    hold = LegalHold.objects.get()
    assert (hold.call, hold.reason, hold.placed_by, hold.released_at) == (call, "case 7", "ada", None)
    assert hold.placed_at <= work.database_now()


def test_placing_it_twice_leaves_the_first_as_it_is() -> None:
    first, second = (stored(made, id) for made in [account()] for id in ("a", "b"))
    assert place(first) == Placed(placed=1, before=0, gone=0)
    assert place(first, second, reason="case 8") == Placed(placed=1, before=1, gone=0)
    assert LegalHold.objects.get(call=first).reason == "case 7"


def test_it_is_placed_by_filter_in_few_statements(django_assert_max_num_queries) -> None:
    made = account()
    for number in range(12):
        stored(made, f"call-{number}")
    with django_assert_max_num_queries(7):
        placed = holds.place(
            calls=Call.objects.filter(sub_tenant=made.sub_tenant).order_by("-started_at"),
            reason="all of it",
            placed_by="ada",
        )
    assert placed.placed == 12


def test_it_refuses_a_filter_that_means_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    made = account()
    calls = [stored(made, id) for id in ("a", "b")]
    monkeypatch.setattr(holds, "MOST_AT_ONCE", 1)
    with pytest.raises(holds.TooMany):
        place(*calls)
    assert not LegalHold.objects.exists()


def test_a_released_hold_stays_in_the_list_and_may_be_placed_anew() -> None:
    call = stored(account())
    place(call)
    assert holds.release(holds=LegalHold.objects.all(), released_by="grace") == 1
    assert holds.release(holds=LegalHold.objects.all(), released_by="eve") == 0
    assert LegalHold.objects.get().released_by == "grace"
    assert not keeping.is_held(call)
    assert place(call).placed == 1
    assert LegalHold.objects.count() == 2


def test_it_says_when_the_audio_is_gone_already() -> None:
    call = stored(account(), days_old=LONG_GONE)
    purge.purge_expired()
    assert place(call) == Placed(placed=0, before=0, gone=1)
    assert not LegalHold.objects.exists()


def test_the_purge_passes_over_a_held_call_until_it_is_released() -> None:
    made = account()
    held, other = (stored(made, id, days_old=LONG_GONE) for id in ("held", "other"))
    place(held)
    assert purge.purge_expired() == 1
    assert (len(objects_of(held)), len(objects_of(other))) == (2, 0)
    holds.release(holds=LegalHold.objects.all(), released_by="ada")
    assert purge.purge_expired() == 1
    assert objects_of(held) == []


@pytest.mark.parametrize(
    "delete",
    [lambda call: call.delete(), lambda call: call.partner.delete(), lambda call: call.sub_tenant.delete()],
    ids=["call", "partner", "sub-tenant"],
)
def test_no_row_goes_from_under_it(delete: Callable[[Call], object]) -> None:
    call = stored(account())
    place(call)
    with pytest.raises(ProtectedError):
        delete(call)
    assert Call.objects.filter(pk=call.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_a_hold_placed_while_the_purge_marks_learns_that_the_audio_is_gone() -> None:
    call = stored(account(), days_old=LONG_GONE)
    with transaction.atomic():
        # The purge's own statement, its transaction left open.
        assert purge._mark(call.sub_tenant_id) == 1
        thread, results = in_a_thread(lambda: place(call))
        thread.join(0.3)
        assert thread.is_alive()
    thread.join(10)
    assert results == [Placed(placed=0, before=0, gone=1)]


@pytest.mark.django_db(transaction=True)
def test_the_purge_leaves_a_call_alone_that_is_being_held() -> None:
    call = stored(account(), days_old=LONG_GONE)
    with transaction.atomic():
        place(call)
        thread, results = in_a_thread(purge.purge_expired)
        thread.join(0.3)
    thread.join(10)
    assert results == [0]
    assert recording_of(call).purged_at is None
    assert Recording.objects.filter(keeping.held("call")).count() == 1

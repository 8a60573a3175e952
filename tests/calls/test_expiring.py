"""What expires soon: the next one first, however the accounts share it."""

from datetime import timedelta

import pytest

from calls import expiring
from calls.models import Call, LegalHold
from tests.calls.keeping import account, stored
from zipingest import work

pytestmark = pytest.mark.django_db


def test_the_first_few_are_the_beginning_of_them_all() -> None:
    """One account has many, one has one, one has none; one has another window; one call is held."""
    now = work.database_now()
    many, one, other = account(30, "many"), account(30, "one"), account(60, "other")
    account(30, "none")
    calls = [stored(many, f"many-{number}", days_old=29.9 - number) for number in range(5)]
    calls += [stored(one, days_old=28.5), *(stored(other, f"o-{age}", days_old=age) for age in (58.2, 59.2))]
    stored(many, "gone", days_old=31)
    stored(many, "later", days_old=20)
    LegalHold.objects.create(call=calls[1], reason="dispute", placed_by="bob", placed_at=now)
    del calls[1]

    for most in range(1, 10):
        found = expiring.expiring(now=now, most=most)
        assert [each.recording.call for each in found] == in_order(calls)[:most]
    first = expiring.expiring(now=now, most=1)[0].place
    assert [each.recording.call for each in expiring.expiring(now=now, most=3, after=first)] == (
        in_order(calls)[1:4]
    )


def in_order(calls: list[Call]) -> list[Call]:
    days = {"other": 60}
    return sorted(
        calls,
        key=lambda call: (
            call.recording.kept_from + timedelta(days=days.get(call.sub_tenant.external_id, 30)),
            call.pk,
        ),
    )

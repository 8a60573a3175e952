"""What is kept of refused requests: bounded, without secrets, and for seven days."""

from datetime import timedelta

import pytest

from partners import rejections
from partners.models import Partner, Rejection, RejectionCount
from partners.rejections import Refusal
from tests.support import factories
from zipingest import work

pytestmark = pytest.mark.django_db


@pytest.fixture
def partner() -> Partner:
    return factories.provisioned(name="Acme").partner


def refuse(partner: Partner | None, status: int = 422, address: str = "192.0.2.1", **more: object) -> None:
    fields = {"message": "refused", "method": "POST", "path": "/ingest", "request_id": "r", **more}
    rejections.note(Refusal(status=status, address=address, partner=partner, **fields))


def rows() -> list[tuple[int, int]]:
    return list(Rejection.objects.order_by("id").values_list("status", "count"))


def counts() -> dict[int, int]:
    return dict(RejectionCount.objects.values_list("status", "count"))


def test_each_refused_request_of_a_partner_is_kept_and_counted(partner: Partner) -> None:
    refuse(partner)
    refuse(partner)
    refuse(partner, 403)

    assert rows() == [(422, 1), (422, 1), (403, 1)]
    assert counts() == {422: 2, 403: 1}


def test_beyond_the_days_bound_requests_are_only_counted(
    partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rejections, "ROWS_PER_PARTNER_AND_DAY", 3)
    for _ in range(5):
        refuse(partner)

    assert len(rows()) == 3
    assert counts() == {422: 5}


def test_a_partner_over_its_quota_has_one_row_a_minute(partner: Partner, frozen: None) -> None:
    for _ in range(5):
        refuse(partner, 429)

    assert rows() == [(429, 5)]
    assert counts() == {429: 5}


def test_an_unknown_key_has_one_row_per_address_and_minute(frozen: None) -> None:
    for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2"):
        refuse(None, 401, address)

    assert rows() == [(401, 2), (401, 1)]
    assert counts() == {}


def test_the_next_minute_has_a_row_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    now = work.database_now()
    for minutes in (0, 1):
        at = now + timedelta(minutes=minutes)
        monkeypatch.setattr(work, "database_now", lambda at=at: at)
        refuse(None, 401)

    assert rows() == [(401, 1), (401, 1)]


def test_what_is_longer_than_its_column_is_cut_and_still_kept(partner: Partner) -> None:
    refuse(partner, message="m" * 500, path="/" + "p" * 900, key_id="k" * 100, errors=[{"field": "f"}] * 80)

    kept = Rejection.objects.get()

    assert (len(kept.message), len(kept.path), len(kept.key_id), len(kept.errors)) == (255, 512, 64, 50)


def test_after_seven_days_it_is_forgotten_and_not_before(partner: Partner) -> None:
    now = work.database_now()
    for days in (6, 8):
        refuse(partner)
        Rejection.objects.filter(at__gte=now - timedelta(days=1)).update(at=now - timedelta(days=days))
        RejectionCount.objects.filter(day=now.date()).update(day=(now - timedelta(days=days)).date())

    assert rejections.forget_old() == 1
    assert [row.at.date() for row in Rejection.objects.all()] == [(now - timedelta(days=6)).date()]
    assert [row.day for row in RejectionCount.objects.all()] == [(now - timedelta(days=6)).date()]


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """One moment throughout, so that no minute ends in the middle of a test."""
    now = work.database_now()
    monkeypatch.setattr(work, "database_now", lambda: now)

"""What the partner surface refuses is kept for support, bounded and without secrets or values."""

import pytest

from partners.models import Rejection, RejectionCount
from tests.support.api import CALLS, PartnerClient
from tests.support.factories import item

pytestmark = pytest.mark.django_db


def test_a_refused_batch_is_kept_with_its_field_errors_and_none_of_its_values(api: PartnerClient) -> None:
    answer = api.post_batch(item(call={"contact_number": "planted-0171"}))
    kept = Rejection.objects.get()
    assert (kept.status, kept.partner, kept.message) == (422, api.provisioned.partner, "Validation failed")
    assert kept.errors == answer.json()["errors"]
    assert kept.request_id == answer.headers["X-Request-Id"]
    assert "planted" not in str(kept.__dict__)


def test_a_wrong_secret_is_kept_with_the_partner_whose_key_was_shown(api: PartnerClient) -> None:
    api.get(CALLS, x_api_secret="zps_planted")
    kept = Rejection.objects.get()
    assert (kept.status, kept.partner) == (403, api.provisioned.partner)
    assert "planted" not in str(kept.__dict__)


def test_an_unknown_key_has_one_row_a_minute_and_a_count(api: PartnerClient) -> None:
    for _ in range(5):
        api.get(CALLS, x_api_key="zpk_nobody")
    assert set(Rejection.objects.values_list("partner", "status")) == {(None, 403)}
    assert sum(Rejection.objects.values_list("count", flat=True)) == 5
    assert Rejection.objects.count() <= 2, "two, where a minute ended in between"


def test_a_partner_over_the_quota_has_one_row_a_minute_and_the_rest_counted(api: PartnerClient) -> None:
    api.provisioned.partner.rate_limit = 1
    api.provisioned.partner.save()
    for _ in range(6):
        api.get(CALLS)
    assert sum(RejectionCount.objects.filter(status=429).values_list("count", flat=True)) == 5
    assert Rejection.objects.filter(status=429).count() <= 2


def test_a_path_no_database_keeps_is_refused_all_the_same(api: PartnerClient) -> None:
    answer = api.get(f"{CALLS}/%00%ed%a0%80", x_api_key=None)
    assert answer.status_code in (401, 404)


def test_nothing_is_written_for_a_request_that_is_served(api: PartnerClient) -> None:
    assert api.post_batch(item()).status_code == 200
    assert not Rejection.objects.exists()

"""The disposition of a customer: applied at once, with a history."""

from calls.models import Call, Customer, DispositionChange, DispositionCode
from tests.support import factories
from tests.support.api import PartnerClient
from tests.support.factories import item

SUCCESS = (200, {"success": True})
NOT_FOUND = (404, {"success": False, "message": "Customer not found"})


def put(api: PartnerClient, **body: str | None) -> tuple[int, object]:
    response = api.put_disposition(body)
    return response.status_code, response.json()


def history() -> list[tuple[str, str]]:
    return list(DispositionChange.objects.order_by("pk").values_list("old", "new"))


def test_a_new_disposition_is_applied_at_once(api: PartnerClient) -> None:
    api.post_batch(item())
    assert put(api, customer_id="customer123", disposition_status="sold") == SUCCESS
    assert Customer.objects.get().disposition == "sold"
    assert Call.objects.get().disposition == "sold"


def test_every_change_is_kept_with_who_when_and_which_request(api: PartnerClient) -> None:
    api.post_batch(item())
    response = api.put_disposition({"customer_id": "customer123", "disposition_status": "sold"})
    assert history() == [("", "interested"), ("interested", "sold")]
    change = DispositionChange.objects.latest("pk")
    assert (change.changed_by, change.request_id) == ("Partner One", response["X-Request-Id"])
    assert change.call == Call.objects.get()


def test_the_dispositions_of_a_batch_stand_in_the_history_one_after_the_other(api: PartnerClient) -> None:
    api.post_batch(item())
    codes = enumerate(["interested", "lost", "lost", "", "sold"])
    api.post_batch(*(item(f"again{n}", customer={"disposition_status": code}) for n, code in codes))
    assert history() == [("", "interested"), ("interested", "lost"), ("lost", "sold")]
    assert Customer.objects.get().disposition == "sold"
    causes = DispositionChange.objects.order_by("pk").values_list("call__external_id", flat=True)
    assert list(causes) == ["call123", "again1", "again4"]


def test_a_batch_may_end_with_the_disposition_it_began_with(api: PartnerClient) -> None:
    api.post_batch(item())
    api.post_batch(*(item(code, customer={"disposition_status": code}) for code in ("a lost", "interested")))
    assert history() == [("", "interested"), ("interested", "a lost"), ("a lost", "interested")]
    assert Customer.objects.get().disposition == "interested"


def test_the_same_disposition_again_is_no_change(api: PartnerClient) -> None:
    api.post_batch(item())
    assert put(api, customer_id="customer123", disposition_status="interested") == SUCCESS
    assert history() == [("", "interested")]


def test_without_a_disposition_nothing_changes(api: PartnerClient) -> None:
    api.post_batch(item())
    assert put(api, customer_id="customer123") == SUCCESS
    assert put(api, customer_id="customer123", disposition_status=None) == SUCCESS
    assert (Customer.objects.get().disposition, history()) == ("interested", [("", "interested")])


def test_an_empty_disposition_takes_it_away(api: PartnerClient) -> None:
    api.post_batch(item())
    assert put(api, customer_id="customer123", disposition_status="") == SUCCESS
    assert (Customer.objects.get().disposition, Call.objects.get().disposition) == ("", "")


def test_of_a_customers_calls_the_latest_gets_it(api: PartnerClient) -> None:
    late = {"start_time": "2024-01-01T10:00:00Z", "end_time": "2024-01-01T10:01:00Z"}
    api.post_batch(item("late", call=late), item("early"))
    put(api, customer_id="customer123", disposition_status="sold")
    assert dict(Call.objects.values_list("external_id", "disposition")) == {
        "late": "sold",
        "early": "interested",
    }


def test_codes_that_were_seen_are_the_accounts_codes(api: PartnerClient) -> None:
    api.post_batch(item(), item("second", customer={"disposition_status": "lost"}))
    put(api, customer_id="customer123", disposition_status="sold")
    assert set(DispositionCode.objects.values_list("code", flat=True)) == {"interested", "lost", "sold"}


def test_a_customer_without_calls_is_not_found(api: PartnerClient) -> None:
    api.post_batch(item())
    assert put(api, customer_id="nobody", disposition_status="sold") == NOT_FOUND
    assert put(api, customer_id="nobody") == NOT_FOUND


def test_customers_of_others_are_not_found_and_not_changed(api: PartnerClient) -> None:
    api.post_batch(item())
    for stranger in (
        factories.provisioned(name="Partner Two"),
        factories.provisioned(name="Partner One", sub_tenant="subtenant2"),
        factories.provisioned(name="Partner One", tenant="tenant2"),
    ):
        assert put(PartnerClient(stranger), customer_id="customer123", disposition_status="x") == NOT_FOUND
    assert Customer.objects.get().disposition == "interested"
